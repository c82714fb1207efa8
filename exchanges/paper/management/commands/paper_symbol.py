from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from botbalance.lib.errors import AppError
from exchanges.paper import services
from exchanges.paper.management.commands.paperexchange import PREPARE
from exchanges.paper.market.controlled import EXCHANGE

MARKETS_OWN = "market"


class Command(BaseCommand):
    help = "Halt, delist or hold a symbol of the paper exchange, or change its filters: in every process, at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbol", metavar="BTCUSDT", help="or '*' for the filters of the whole exchange")
        parser.add_argument("--status", metavar="|".join(services.STATUSES))
        parser.add_argument("--price", help=f"hold it here; 0: it has none; {MARKETS_OWN}: let it go")
        parser.add_argument("--filter", action="append", default=[], metavar="LOT_SIZE.stepSize=0.001")
        parser.add_argument("--reset", action="store_true", help="give it back to the market first")
        parser.add_argument("--show", action="store_true", help="change nothing without other options")

    def handle(self, *args: Any, **options: Any) -> None:
        symbol = options["symbol"].upper()
        given = (options["status"], options["price"], options["filter"], options["reset"])
        if not any(given) and not options["show"]:
            raise CommandError("Say what to change, or --show.")
        try:
            if services.tables_are_missing():
                raise CommandError(PREPARE)
            if any(given):
                _change(symbol, options)
            self._show(symbol)
        except AppError as error:
            hints = " ".join(text for name, texts in error.fields.items() if name == "status" for text in texts)
            raise CommandError(f"{error.message} {hints}".strip()) from None
        except DatabaseError as error:
            raise CommandError(f"The paper exchange's database cannot be used: {str(error).strip()}") from None

    def _show(self, symbol: str) -> None:
        if symbol == EXCHANGE:
            self.stdout.write("The whole exchange")
            self._show_filters(services.exchange_filters(), {})
            return
        control, state = services.control_of(symbol), services.symbol_state(symbol)
        held = "" if control.price is None else f", held at {control.price.normalize():f}"
        self.stdout.write(f"{symbol} is {state.status}, last price {state.last.normalize():f}{held}")
        self._show_filters(state.filters, control.filters)

    def _show_filters(self, rows: Iterable[Mapping[str, Any]], changes: Mapping[str, Any]) -> None:
        for row in rows:
            shown = ", ".join(f"{name} {value}" for name, value in row.items() if name != "filterType")
            changed = "  (changed)" if row["filterType"] in changes else ""
            self.stdout.write(f"  {row['filterType']}: {shown}{changed}")


def _change(symbol: str, options: dict[str, Any]) -> None:
    """What is not named stays as an operator has left it; --reset forgets that first."""
    before = services.control_of(symbol)
    if options["reset"]:
        before = replace(before, status="TRADING", price=None, filters={})
    price = before.price if options["price"] is None else _price(options["price"])
    changes = {name: dict(fields) for name, fields in before.filters.items()}
    for text in options["filter"]:
        place, equals, value = text.partition("=")
        name, dot, field = place.partition(".")
        if not (equals and dot and name and field and value):
            raise CommandError(f"--filter is like LOT_SIZE.stepSize=0.001, not {text!r}.")
        changes.setdefault(name, {})[field] = value
    services.symbol_control(symbol, status=options["status"] or before.status, price=price, filters=changes)


def _price(text: str) -> Decimal | None:
    if text == MARKETS_OWN:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        raise CommandError(f"--price is a number or {MARKETS_OWN}, not {text!r}.") from None
