import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.selectors import user_by_email
from botbalance.lib.errors import AppError, NotFound
from orders import services
from orders.standings import autopilot_of
from strategies import selectors as strategies


class Command(BaseCommand):
    help = "Switch the autopilot of a user's followed strategies on or off, or say how it stands."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("word", nargs="?", choices=["start", "stop"], help="without it: how it stands")
        parser.add_argument("--user", metavar="EMAIL", required=True)
        parser.add_argument("--strategy", type=int, metavar="ID", help="only this one; otherwise all that are followed")
        parser.add_argument("--json", action="store_true", help="one JSON object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = user_by_email(options["user"])
        except NotFound:
            raise CommandError(f"There is no user {options['user']}.") from None
        chosen = [row for row in strategies.strategies_of(user) if row.is_active]
        if options["strategy"] is not None:
            chosen = [row for row in strategies.strategies_of(user) if row.pk == options["strategy"]]
        if not chosen:
            raise CommandError(f"{user.email} follows no strategy.")
        rows: list[dict[str, Any]] = []
        is_refused = False
        for strategy in chosen:
            problems: list[str] = []
            try:
                if options["word"] == "start":
                    services.start_autopilot(user, strategy)
                elif options["word"] == "stop":
                    _row, problems = services.stop_autopilot(strategy)
            except AppError as error:
                problems, is_refused = [error.message], True
            row = autopilot_of(strategy)
            state = "off" if row is None or not row.is_on else "paused" if row.paused_at else "on"
            rows.append({"strategy": strategy.pk, "name": strategy.name, "autopilot": state, "problems": problems})
        if options["json"]:
            self.stdout.write(json.dumps({"strategies": rows}))
        else:
            for said in rows:
                self.stdout.write(" ".join([f"{said['name']}: autopilot {said['autopilot']}.", *said["problems"]]))
        if is_refused:
            sys.exit(1)
