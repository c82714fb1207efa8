import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.selectors import user_by_email
from botbalance.lib.errors import AppError, NotFound
from exchanges import selectors as exchanges
from exchanges.models import ExchangeAccount
from orders.dust import services
from orders.dust.models import DustSweep
from orders.dust.presentation import offer_body, report_body, sweep_body


class Command(BaseCommand):
    help = (
        "Balances of a user's account that are too small to be traded, and why. --offer: what the exchange would give "
        "for them in BNB. --convert: convert them; exit code 1 when nothing was converted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="EMAIL")
        parser.add_argument("--account", type=int, help="an account's number; needed when the user has several")
        parser.add_argument("--with-targets", action="store_true", help="also targets of the active strategy")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--offer", action="store_true", help="what converting would give; nothing is converted")
        what.add_argument("--convert", action="store_true", help="convert all of the offer to BNB, once")
        parser.add_argument("--json", action="store_true", help="one JSON object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = user_by_email(options["user"])
        except NotFound:
            raise CommandError(f"There is no user {options['user']}.") from None
        try:
            account = self._account(user, options["account"])
            if options["convert"]:
                self._convert(user, account, options["with_targets"], as_json=options["json"])
            elif options["offer"]:
                self._show_offer(account, options["with_targets"], as_json=options["json"])
            else:
                self._show(account, as_json=options["json"])
        except AppError as error:
            raise CommandError(error.message) from None

    def _account(self, user: User, account_id: int | None) -> ExchangeAccount:
        if account_id is not None:
            return exchanges.account_of(user, account_id)
        accounts = list(exchanges.accounts_of(user))
        if len(accounts) != 1:
            names = ", ".join(f"{account.pk} ({account.label})" for account in accounts) or "none"
            raise CommandError(f"Name one with --account: {names}.")
        return accounts[0]

    def _show(self, account: ExchangeAccount, *, as_json: bool) -> None:
        body = report_body(services.report(account))
        if as_json:
            self.stdout.write(json.dumps(body, default=str))
            return
        for row in body["assets"]:
            worth = "?" if row["worth"] is None else row["worth"]
            self.stdout.write(f"{row['asset']} {row['free']}, worth {worth} {body['quote']}: {row['reason']}")
        self.stdout.write(f"Worth together: {body['worth']} {body['quote']}.")
        if body["cannot_convert_because"]:
            self.stdout.write(body["cannot_convert_because"])

    def _show_offer(self, account: ExchangeAccount, with_targets: bool, *, as_json: bool) -> None:
        body = offer_body(services.offer(account, with_targets=with_targets))
        if as_json:
            self.stdout.write(json.dumps(body))
            return
        for row in body["assets"]:
            self.stdout.write(f"{row['amount']} {row['asset']} for {row['received']} BNB, charge {row['charge']} BNB")
        for row in body["left_out"]:
            self.stdout.write(f"{row['asset']} stays: {row['reason']}")
        self.stdout.write(f"Together {body['received']} BNB, charge {body['charge']} BNB. Nothing was converted.")

    def _convert(self, user: User, account: ExchangeAccount, with_targets: bool, *, as_json: bool) -> None:
        offered = services.offer(account, with_targets=with_targets)
        if not offered.lines:
            raise CommandError("There is nothing to convert.")
        sweep = services.sweep(user, account, [line.asset for line in offered.lines], with_targets=with_targets)
        body = sweep_body(sweep)
        if as_json:
            self.stdout.write(json.dumps(body, default=str))
        else:
            self.stdout.write(
                f"Conversion {sweep.pk} {sweep.state}: {body['received']} BNB, {body['charge']} BNB charge."
            )
        if sweep.state != DustSweep.State.DONE:
            raise CommandError(sweep.problem or "What became of it is being looked up.")
