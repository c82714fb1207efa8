import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.selectors import user_by_email
from botbalance.lib.errors import NotFound
from exchanges import selectors as exchanges
from orders import selectors, services


class Command(BaseCommand):
    help = "Ask the exchange about every open order and take every rebalance under way one step further."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", metavar="EMAIL", help="only this user's accounts")
        parser.add_argument("--json", action="store_true", help="one JSON object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = list(selectors.accounts_with_work())
        if options["user"]:
            try:
                accounts = list(exchanges.accounts_of(user_by_email(options["user"])))
            except NotFound:
                raise CommandError(f"There is no user {options['user']}.") from None
        rows: list[dict[str, Any]] = []
        for account in accounts:
            problems = services.track_account(account)
            run = selectors.active_run(account)
            rows.append(
                {
                    "account": account.pk,
                    "open_orders": selectors.unfinished_orders(account).count(),
                    "run": run.pk if run else None,
                    "problems": problems,
                }
            )
        if options["json"]:
            self.stdout.write(json.dumps({"accounts": rows}))
            return
        for row in rows:
            trouble = " ".join(row["problems"])
            self.stdout.write(f"account {row['account']}: {row['open_orders']} orders open. {trouble}".rstrip())
        if not rows:
            self.stdout.write("Nothing to track.")
