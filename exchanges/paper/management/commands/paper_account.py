import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from botbalance.lib.errors import AppError
from exchanges.paper import services
from exchanges.paper.management.commands.paperexchange import PREPARE


class Command(BaseCommand):
    help = "Open a fresh account at the paper exchange and print its API key and secret."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--usdt", metavar="AMOUNT", help="otherwise PAPER_START_BALANCE, or 0 with --asset")
        parser.add_argument("--asset", action="append", default=[], metavar="BTC=0.5", help="may be repeated")
        parser.add_argument("--public-key", metavar="FILE", help="PEM of an RSA or Ed25519 key that signs its requests")
        parser.add_argument("--bnb-burn", action="store_true", help="pay commission in BNB while there is enough of it")
        parser.add_argument("--label", default="Opened by hand")
        parser.add_argument("--json", action="store_true", help="the keys as one JSON object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
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


def _balances(usdt: str | None, assets: list[str]) -> dict[str, Decimal]:
    balances: dict[str, Decimal] = {}
    for given in assets:
        asset, equals, amount = given.partition("=")
        if not equals or not asset:
            raise CommandError(f"--asset is like BTC=0.5, not {given!r}.")
        if asset.upper() in balances or (asset.upper() == "USDT" and usdt is not None):
            raise CommandError(f"{asset.upper()} is given twice.")
        balances[asset.upper()] = _amount(amount, "--asset")
    if usdt is not None:
        balances = {"USDT": _amount(usdt, "--usdt"), **balances}
    return balances or {"USDT": settings.PAPER_START_BALANCE}


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
