import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from botbalance.lib.errors import AppError
from exchanges.models import ExchangeAccount
from exchanges.paper import services
from exchanges.paper.management.commands.paperexchange import PREPARE


class Command(BaseCommand):
    help = (
        "Open a fresh account at the paper exchange and print its API key and secret; or, with --deposit or "
        "--withdraw, move funds into one that there is, or out of it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--usdt", metavar="AMOUNT", help="otherwise PAPER_START_BALANCE, or 0 with --asset")
        parser.add_argument("--asset", action="append", default=[], metavar="BTC=0.5", help="may be repeated")
        parser.add_argument("--public-key", metavar="FILE", help="PEM of an RSA or Ed25519 key that signs its requests")
        parser.add_argument("--bnb-burn", action="store_true", help="pay commission in BNB while there is enough of it")
        parser.add_argument("--label", default="Opened by hand")
        parser.add_argument("--json", action="store_true", help="the keys as one JSON object on the last line")
        parser.add_argument("--deposit", action="append", default=[], metavar="BTC=0.5", help="may be repeated")
        parser.add_argument("--withdraw", action="append", default=[], metavar="BTC=0.5", help="may be repeated")
        whose = parser.add_mutually_exclusive_group()
        whose.add_argument("--account", type=int, metavar="ID", help="the connected account to move funds of")
        whose.add_argument("--key", metavar="KEY", help="the API key of the paper account to move funds of")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["deposit"] or options["withdraw"] or options["account"] or options["key"]:
            self._move(options)
        else:
            self._open(options)

    def _move(self, options: dict[str, Any]) -> None:
        """Deposits first, then withdrawals; the first that cannot be made ends it, and those before it stay made."""
        if not (options["deposit"] or options["withdraw"]):
            raise CommandError("Say what to move: --deposit BTC=0.5 or --withdraw BTC=0.5.")
        if options["usdt"] is not None or options["asset"]:
            raise CommandError("--usdt and --asset are for a fresh account; use --deposit.")
        deposits, withdrawals = _amounts(options["deposit"], "--deposit"), _amounts(options["withdraw"], "--withdraw")
        try:
            if services.tables_are_missing():
                raise CommandError(PREPARE)
            api_key = options["key"] or _key_of(options["account"])
            for asset, amount in deposits.items():
                services.deposit(api_key, asset, amount)
                self.stdout.write(f"Deposited {amount:f} {asset}.")
            for asset, amount in withdrawals.items():
                services.withdraw(api_key, asset, amount)
                self.stdout.write(f"Withdrew {amount:f} {asset}.")
        except AppError as error:
            more = "".join(f" {name}: {' '.join(texts)}" for name, texts in error.fields.items() if name != "amount")
            raise CommandError(error.message + more) from None
        except DatabaseError as error:
            raise CommandError(f"The paper exchange's database cannot be used: {str(error).strip()}") from None

    def _open(self, options: dict[str, Any]) -> None:
        balances = _balances(options["usdt"], options["asset"])
        public_key = _text(options["public_key"]) if options["public_key"] else ""
        try:
            if services.tables_are_missing():
                raise CommandError(PREPARE)
            keys = services.open_account(
                options["label"], balances, public_key=public_key, burns_bnb=options["bnb_burn"]
            )
        except AppError as error:
            more = "".join(f" {name}: {' '.join(texts)}" for name, texts in error.fields.items() if name in balances)
            raise CommandError(error.message + more) from None
        except DatabaseError as error:
            raise CommandError(f"The paper exchange's database cannot be used: {str(error).strip()}") from None
        if options["json"]:
            self.stdout.write(json.dumps({"api_key": keys.api_key, "api_secret": keys.api_secret}))
            return
        holdings = ", ".join(f"{amount:f} {asset}" for asset, amount in balances.items())
        self.stdout.write(f"{options['label']}: {holdings}")
        self.stdout.write(f"  API key     {keys.api_key}")
        self.stdout.write(f"  API secret  {keys.api_secret or 'none: requests are signed with the private key'}")


def _key_of(account_id: int | None) -> str:
    """The key under which a connected account trades at the paper exchange."""
    if account_id is None:
        raise CommandError("Say whose: --account ID or --key KEY.")
    account = ExchangeAccount.objects.filter(pk=account_id, archived_at=None).first()
    if account is None or not account.paper_key:
        raise CommandError(f"There is no connected account {account_id} that has traded on paper.")
    return str(account.paper_key)


def _balances(usdt: str | None, assets: list[str]) -> dict[str, Decimal]:
    if usdt is not None and any(given.partition("=")[0].upper() == "USDT" for given in assets):
        raise CommandError("USDT is given twice.")
    balances = _amounts(assets, "--asset")
    if usdt is not None:
        balances = {"USDT": _amount(usdt, "--usdt"), **balances}
    return balances or {"USDT": settings.PAPER_START_BALANCE}


def _amounts(assets: list[str], option: str) -> dict[str, Decimal]:
    amounts: dict[str, Decimal] = {}
    for given in assets:
        asset, equals, amount = given.partition("=")
        if not equals or not asset:
            raise CommandError(f"{option} is like BTC=0.5, not {given!r}.")
        if asset.upper() in amounts:
            raise CommandError(f"{asset.upper()} is given twice.")
        amounts[asset.upper()] = _amount(amount, option)
    return amounts


def _amount(text: str, option: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise CommandError(f"{option}: {text!r} is no amount.") from None


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except OSError as error:
        raise CommandError(f"--public-key: {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CommandError(f"--public-key: {path} is no PEM file.") from None
