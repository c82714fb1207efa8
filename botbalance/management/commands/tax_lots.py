import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.selectors import user_by_email
from botbalance.account_performance.exporting import closed_within, lots_body, lots_csv
from botbalance.account_performance.reading import accounts_ever_of
from botbalance.account_performance.tax_lots import account_lots
from botbalance.lib.errors import AppError, NotFound
from botbalance.lib.money import ZERO, exact, plain, quantize
from exchanges import selectors as exchanges
from exchanges.models import ExchangeAccount
from portfolio.performance.lots import Method


class Command(BaseCommand):
    help = (
        "The tax lots of a user's account: what was sold, paid as a fee or withdrawn, with what it had cost. "
        "Also of an account that is disconnected by now."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="EMAIL")
        parser.add_argument("--account", type=int, help="an account's number; needed when the user has had several")
        parser.add_argument("--year", type=int, help="only what was closed in this calendar year, by UTC")
        parser.add_argument("--method", choices=[method.value for method in Method], default=Method.FIFO.value)
        output = parser.add_mutually_exclusive_group()
        output.add_argument("--json", action="store_true", help="everything as one JSON object")
        output.add_argument("--csv", action="store_true", help="one line a lot, for a spreadsheet")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = user_by_email(options["user"])
        except NotFound:
            raise CommandError(f"There is no user {options['user']}.") from None
        method, year = Method(options["method"]), options["year"]
        try:
            account = self._account(user, options["account"])
        except AppError as error:
            raise CommandError(error.message) from None
        lots = account_lots(account, method)
        if options["json"]:
            self.stdout.write(json.dumps({"account": account.pk, **lots_body(lots, method, year, account.quote)}))
            return
        if options["csv"]:
            self.stdout.write(lots_csv(lots, year, account.quote), ending="")
            return
        closed = closed_within(lots, year)
        for line in closed:
            gain = "unknown gain" if line.gain is None else f"gain {plain(quantize(line.gain, 2))}"
            since = "unknown" if line.acquired_at is None else f"{line.acquired_at:%Y-%m-%d}"
            what = "withdrawn, no gain" if line.kind == "moved" else f"{line.kind}, {gain}"
            self.stdout.write(f"{line.disposed_at:%Y-%m-%d} {plain(line.quantity)} {line.asset} of {since}: {what}")
        with exact():
            known = sum((line.gain for line in closed if line.gain is not None), ZERO)
        unknown = sum(line.gain is None and line.kind != "moved" for line in closed)
        self.stdout.write(f"{len(closed)} lots closed, gain {plain(quantize(known, 2))} {account.quote}.")
        if unknown:
            self.stdout.write(f"{unknown} of them have an unknown gain and are not in that sum.")

    def _account(self, user: User, account_id: int | None) -> ExchangeAccount:
        if account_id is not None:
            return exchanges.account_ever_of(user, account_id)
        accounts = accounts_ever_of(user)
        if len(accounts) != 1:
            names = ", ".join(f"{account.pk} ({account.label})" for account in accounts) or "none"
            raise CommandError(f"Name one with --account; there are: {names}.")
        return accounts[0]
