import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from orders import services

PAUSE_SECONDS = 1


class Command(BaseCommand):
    help = (
        "Take the turns that are due, once and in this process: what beat and the workers do all the time. "
        "For a server without workers, run it from a timer every few seconds."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--now", action="store_true", help="let every account that is looked at have its turn now")
        parser.add_argument("--seconds", type=int, default=0, help="keep taking turns for so long, as they come due")
        parser.add_argument("--json", action="store_true", help="one JSON object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["now"]:
            services.let_all_look()
        looked, rows = 0, []
        ends = time.monotonic() + options["seconds"]
        while True:
            found = services.dispatch()
            looked += found.looked
            rows += [self._tick(*turn) for turn in found.ticks]
            if time.monotonic() >= ends:
                break
            time.sleep(PAUSE_SECONDS)
        if options["json"]:
            self.stdout.write(json.dumps({"looked": looked, "ticks": rows}))
            return
        self.stdout.write(f"{looked} looks at accounts, {len(rows)} ticks.")
        for row in rows:
            said = f": {row['status']}, {row['code']}" if "code" in row else ""
            self.stdout.write(f"account {row['account']}{said}")

    def _tick(self, account_id: int, due_ms: int) -> dict[str, Any]:
        done = services.tick(account_id, due_ms)
        if done is None:
            return {"account": account_id}
        return {"account": account_id, "status": done.status, "code": done.code, "values": done.values}
