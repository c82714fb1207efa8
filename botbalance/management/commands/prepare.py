from typing import Any

from django.core.management.base import BaseCommand

from accounts import first_visit, selectors
from botbalance import services


class Command(BaseCommand):
    help = "Make the databases ready: create the paper exchange's, migrate both, seed the schedule. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        services.prepare_databases()
        added = services.ensure_schedule()
        self.stdout.write("Databases ready." + (f" Scheduled: {', '.join(added)}." if added else ""))
        if selectors.is_unused():
            self.stdout.write(f"Nobody has an account here yet. The set-up code of the first one: {first_visit.code()}")
