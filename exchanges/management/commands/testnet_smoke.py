from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from botbalance.lib.errors import AppError
from exchanges import selectors, services, smoke
from exchanges.adapters.binance import BinanceAdapter


class Command(BaseCommand):
    help = (
        "Place, find and cancel one small order on the testnet or the paper exchange; refused on mainnet. "
        "Exit code 1 when a step fails."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--account", type=int, metavar="N", help="an exchange account's number; default: an account of the server"
        )
        parser.add_argument("--symbol", default="BTCUSDT")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["account"] is None:
                with services.trial_adapter() as adapter:
                    self._run(adapter, options["symbol"])
            else:
                account = selectors.any_account(options["account"])
                smoke.refuse_mainnet(services.venue_of(account)[0])
                self._run(services.adapter_for(account), options["symbol"])
        except AppError as error:
            raise CommandError(error.message) from None

    def _run(self, adapter: BinanceAdapter, symbol: str) -> None:
        for sentence in smoke.run(adapter, symbol):
            self.stdout.write(sentence)
