import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.selectors import user_by_email
from botbalance.lib.errors import AppError, NotFound
from orders import services
from orders.api import plan_body, run_body
from orders.models import Run
from strategies import selectors as strategies
from strategies.models import Strategy

PAUSE_SECONDS = 1.0


class Command(BaseCommand):
    help = "Rebalance a user's active strategy, or show what would be done. Exit code 1 when it was refused or stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", required=True, metavar="EMAIL")
        parser.add_argument("--strategy", type=int, help="a strategy's number; needed when several are active")
        parser.add_argument("--dry-run", action="store_true", help="show the plan, send nothing")
        parser.add_argument("--wait", type=int, default=0, metavar="SECONDS", help="track the run until it ends")
        parser.add_argument("--json", action="store_true", help="one JSON object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = user_by_email(options["user"])
        except NotFound:
            raise CommandError(f"There is no user {options['user']}.") from None
        try:
            strategy = self._strategy(user, options["strategy"])
            if options["dry_run"]:
                self._show_plan(strategy, as_json=options["json"])
            else:
                self._rebalance(user, strategy, options["wait"], as_json=options["json"])
        except AppError as error:
            raise CommandError(error.message) from None

    def _strategy(self, user: User, strategy_id: int | None) -> Strategy:
        if strategy_id is not None:
            return strategies.strategy_of(user, strategy_id)
        active = [strategy for strategy in strategies.strategies_of(user) if strategy.is_active]
        if len(active) != 1:
            names = ", ".join(f"{strategy.pk} ({strategy.name})" for strategy in active) or "none"
            raise CommandError(f"Name one with --strategy; active: {names}.")
        return active[0]

    def _show_plan(self, strategy: Strategy, *, as_json: bool) -> None:
        body = plan_body(services.preview(strategy))
        if as_json:
            self.stdout.write(json.dumps(body))
            return
        self.stdout.write(f"{strategy.name}: {body['nav']} {body['quote']}")
        for order in body["orders"]:
            self.stdout.write(f"  {order['side']:4} {order['quantity']} {order['symbol']} at {order['price']}")
        for skip in body["skips"]:
            self.stdout.write(f"  {skip['asset']}: {skip['reason']}")

    def _rebalance(self, user: User, strategy: Strategy, wait_seconds: int, *, as_json: bool) -> None:
        run = services.execute(user, strategy, trigger=Run.Trigger.COMMAND).run
        deadline = time.monotonic() + wait_seconds
        while run.is_active and time.monotonic() < deadline:
            time.sleep(PAUSE_SECONDS)
            services.track_account(run.account)
            run.refresh_from_db()
        body = run_body(run)
        if as_json:
            self.stdout.write(json.dumps(body))
        else:
            self.stdout.write(f"Run {body['run']} {body['state']}. {body['reason']}".rstrip())
            for order in body["orders"]:
                self.stdout.write(f"  {order['side']:4} {order['quantity']} {order['symbol']}: {order['status']}")
        if run.state == Run.State.STOPPED:
            raise CommandError(f"Run {run.pk} stopped: {run.reason}")
