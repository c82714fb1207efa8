"""One request for public data, and how its parameters choose symbols and moments."""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from exchanges.paper.market import ControlledMarket, Tape, TapeUnknown
from exchanges.paper.wire import SYMBOL_LIST, ApiRefusal, Parameters, illegal

R = TypeVar("R")

INVALID_SYMBOL = "Invalid symbol."
SYMBOL_STATUSES = ("TRADING", "END_OF_DAY", "HALT", "BREAK", "CANCEL_ONLY")
EARLIEST_MS = 1_483_228_800_000
"""2017-01-01T00:00:00Z. A time in a request lies between this one and a little after now."""
AHEAD_MS = 10_000


@dataclass(frozen=True, slots=True)
class PublicCall:
    """One request for public data, at one moment."""

    market: ControlledMarket
    parameters: Parameters
    now_ms: int

    @property
    def tape(self) -> Tape:
        """What was traded up to this moment."""
        return Tape(self.market, self.now_ms)

    def one_symbol(self) -> str:
        """The mandatory `symbol`; -1121 when it is not listed."""
        self.parameters.required("symbol")
        symbol = self.parameters.symbol()
        if symbol is None or symbol not in self.market.listed(self.now_ms):
            raise ApiRefusal(-1121, INVALID_SYMBOL)
        return symbol

    def chosen_symbols(self) -> tuple[list[str], bool]:
        """The symbols of `symbol`, `symbols`, or all; and whether it was the single one."""
        parameters = self.parameters
        if "symbol" in parameters and "symbols" in parameters:
            raise ApiRefusal(-1128, "Combination of optional parameters invalid.")
        if "symbol" in parameters:
            return [self.one_symbol()], True
        listed = self.market.listed(self.now_ms)
        if "symbols" not in parameters:
            return listed, False
        names = symbol_list(parameters)
        known = set(listed)
        if any(name not in known for name in names):
            raise ApiRefusal(-1121, INVALID_SYMBOL)
        if len(set(names)) != len(names):
            raise ApiRefusal(-1151, "Symbol is present multiple times in the list.")
        return names, False

    def with_status(self, symbols: list[str], single: bool) -> list[str]:
        """Those with the `symbolStatus` asked for; -1220 when the one symbol has another."""
        if "symbolStatus" not in self.parameters:
            return symbols
        wanted = self.parameters.text("symbolStatus")
        if wanted not in SYMBOL_STATUSES:
            raise ApiRefusal(-1122, "Invalid symbolStatus.")
        kept = [symbol for symbol in symbols if self.market.status(symbol, self.now_ms) == wanted]
        if single and not kept:
            raise ApiRefusal(-1220, "The symbol's status does not match the requested symbolStatus.")
        return kept

    def limit(self, default: int, most: int) -> int:
        """The wanted number of rows. More than the most is no error: the answer is just cut to it."""
        return min(self.parameters.integer("limit", low=1) or default, most)

    def moment(self, name: str) -> int | None:
        """A time in ms or us, as ms. One out of range is no error: it means the nearest one that is allowed."""
        value = self.parameters.moment(name)
        return None if value is None else min(max(value, EARLIEST_MS), self.now_ms + AHEAD_MS)


def of_the_tape(handler: Callable[[PublicCall], R]) -> Callable[[PublicCall], R]:
    """A handler that says so where it cannot be known now what was traded, instead of showing that nothing was."""

    @functools.wraps(handler)
    def handle(call: PublicCall) -> R:
        try:
            return handler(call)
        except TapeUnknown:
            text = "Internal error; unable to process your request. Please try again."
            raise ApiRefusal(-1001, text, 503) from None

    return handle


def symbol_list(parameters: Parameters) -> list[str]:
    """The names in `symbols`, a JSON list; -1100 for anything else."""
    text = parameters.required("symbols")
    if text.isascii():
        parameters.text("symbols", SYMBOL_LIST)
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        raise illegal("symbols", SYMBOL_LIST) from None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise illegal("symbols", SYMBOL_LIST)
    return names
