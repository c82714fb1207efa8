from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from botbalance import services


class Command(BaseCommand):
    help = "Make sure there is a superadmin (and, with --demo, a demo user with a paper account off its targets)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", default="admin@example.com", help="the superadmin's e-mail address")
        parser.add_argument("--demo", action="store_true", help="a demo user as well; only with EXCHANGE_ENV=mock")
        parser.add_argument("--demo-email", default="demo@example.com")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["demo"] and settings.EXCHANGE_ENV != "mock":
            raise CommandError("The demo user is for EXCHANGE_ENV=mock only.")
        self._show("Superadmin", services.ensure_superadmin(options["email"]))
        if options["demo"]:
            self._show("Demo user ", services.ensure_demo(options["demo_email"]))

    def _show(self, title: str, user: User) -> None:
        password = services.SignIns().password_of(user)
        self.stdout.write(f"{title}: {user.email}  password: {password or '(the one that was chosen)'}")
