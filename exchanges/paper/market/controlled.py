"""A market under an operator's hand: symbols halted, delisted, or held at a price, from a moment on."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from botbalance.lib.money import floor_to_step
from exchanges.paper.market.bars import Bars
from exchanges.paper.market.base import (
    AVERAGE_MS,
    Control,
    Day,
    Depth,
    Market,
    MarketClock,
    Path,
    Quote,
    average_of,
    book_noise,
    make_depth,
    make_quote,
)
from exchanges.paper.symbols import SymbolSpec

DELISTED = "DELISTED"
EXCHANGE = "*"
"""Stands for the whole exchange where a control is of no symbol."""
_WITH_BOOK = ("TRADING", "CANCEL_ONLY")
_HELD_LOTS = 1_000_000  # what trades in a step of a price that an operator holds: enough for any order of a test


class ControlledMarket:
    """`market` with `controls` applied. While a symbol is not TRADING none of its orders fills."""

    def __init__(self, market: Market, controls: Iterable[Control]) -> None:
        self.market = market
        self._controls: dict[str, list[Control]] = {}
        for control in sorted(controls, key=lambda control: control.since_ms):
            self._controls.setdefault(control.symbol, []).append(control)

    @property
    def description(self) -> str:
        return self.market.description

    @property
    def clock(self) -> MarketClock:
        return self.market.clock

    @property
    def is_remote(self) -> bool:
        return self.market.is_remote

    @property
    def begins_ms(self) -> int:
        return self.market.begins_ms

    @property
    def symbols(self) -> Mapping[str, SymbolSpec]:
        return self.market.symbols

    def listed(self, wall_ms: int) -> list[str]:
        """The symbols that exist at this moment."""
        if not self._controls:
            return list(self.symbols)
        return [symbol for symbol in self.symbols if self.status(symbol, wall_ms) != DELISTED]

    def status(self, symbol: str, wall_ms: int) -> str:
        control = self._at(symbol, wall_ms)
        if control is None or (control.status == "TRADING" and control.price is None):
            return self.market.status(symbol, wall_ms)
        return control.status

    def filters(self, symbol: str, wall_ms: int) -> Mapping[str, Mapping[str, str]]:
        """What an operator has made the symbol's filters say instead of their own."""
        control = self._at(symbol, wall_ms)
        return {} if control is None else control.filters

    def exchange_filters(self, wall_ms: int) -> list[dict[str, Any]]:
        """The filters of the whole exchange, as exchangeInfo lists them: what an operator has set."""
        return [{"filterType": name, **fields} for name, fields in self.filters(EXCHANGE, wall_ms).items()]

    def delisted_ms(self, symbol: str, since_ms: int, until_ms: int) -> int | None:
        """When in since_ms .. until_ms the symbol was taken out of every list first; None when it was not."""
        for control in self._controls.get(symbol, ()):
            if control.status == DELISTED and since_ms <= control.since_ms <= until_ms:
                return control.since_ms
        return None

    def quote(self, symbol: str, wall_ms: int) -> Quote:
        control = self._at(symbol, wall_ms)
        if control is None:
            return self.market.quote(symbol, wall_ms)
        if control.price is not None:
            spec = self.symbols[symbol]
            ticks = self._held_ticks(spec, control.price)
            quote = make_quote(spec, ticks, ticks, _HELD_LOTS, book_noise(0, symbol, control.since_ms))
        elif control.status == "TRADING":
            quote = self.market.quote(symbol, wall_ms)
        else:
            # Nothing is traded from then on, so the last price stays what it was, and so does a book that is left.
            quote = self.quote(symbol, control.since_ms - 1)
        if control.status in _WITH_BOOK:
            return quote
        zero = Decimal(0)
        return Quote(symbol, quote.last, zero, zero, zero, zero)

    def depth(self, symbol: str, wall_ms: int) -> Depth:
        control = self._at(symbol, wall_ms)
        if control is None or (control.status == "TRADING" and control.price is None):
            return self.market.depth(symbol, wall_ms)
        step = self.clock.step_at(wall_ms)
        if control.status not in _WITH_BOOK:
            return Depth(step, (), ())
        if control.price is None:
            book = self.depth(symbol, control.since_ms - 1)
            return Depth(step, book.bids, book.asks)
        spec = self.symbols[symbol]
        ticks = self._held_ticks(spec, control.price)
        return make_depth(spec, step, ticks, _HELD_LOTS, book_noise(0, symbol, control.since_ms))

    def average(self, symbol: str, wall_ms: int) -> Decimal:
        """As of every market: of what was really traded, so a price that is held takes it over with its first trade."""
        if symbol not in self._controls:
            return self.market.average(symbol, wall_ms)
        after = max(wall_ms - AVERAGE_MS, self.begins_ms - 1)
        return average_of(self.path(symbol, after, wall_ms), self.quote(symbol, wall_ms).last)

    def last(self, symbol: str, wall_ms: int) -> Decimal:
        """The price of the last trade at this moment, 0 when there was none. Unlike `quote`, it knows no held price
        before something was traded at it.
        """
        until = wall_ms
        for control in reversed(self._controls.get(symbol, ())):
            if control.since_ms > wall_ms:
                continue
            step = self.clock.step_at(until)
            if control.status == "TRADING" and step > self.clock.step_at(control.since_ms - 1):
                if control.price is None:
                    return self.market.quote(symbol, until).last
                if control.price:
                    spec = self.symbols[symbol]
                    return self._held_ticks(spec, control.price) * spec.tick
            until = control.since_ms - 1
        return self.market.quote(symbol, until).last

    def recorded(self, symbol: str, begin_ms: int, unit_ms: int, count: int) -> Bars | None:
        if self.revision(symbol, begin_ms + count * unit_ms):
            return None
        return self.market.recorded(symbol, begin_ms, unit_ms, count)

    def day(self, symbol: str, wall_ms: int) -> Day | None:
        return None if self.revision(symbol, wall_ms) else self.market.day(symbol, wall_ms)

    def revision(self, symbol: str, until_ms: int) -> tuple[tuple[int, str, Decimal | None], ...]:
        """What the operator has done to the tape of a symbol before a moment."""
        return tuple(
            (control.since_ms, control.status, control.price)
            for control in self._controls.get(symbol, ())
            if control.since_ms < until_ms
        )

    def path(self, symbol: str, after_ms: int, until_ms: int) -> Path:
        controls = self._controls.get(symbol)
        if not controls:
            return self.market.path(symbol, after_ms, until_ms)
        spec = self.symbols[symbol]
        first = self.clock.step_at(after_ms) + 1
        count = max(0, self.clock.step_at(until_ms) + 1 - first)
        # A control governs the steps that come at or after its own moment, up to the next control's.
        begins = [self._index(control.since_ms, first, count) for control in controls] + [count]
        whole = next((at for at in range(len(controls)) if count and begins[at] == 0 and begins[at + 1] == count), None)
        if whole is not None and self._ticks_under(spec, controls[whole]) is not None:
            ticks, lots = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
            known = True
        else:
            path = self.market.path(symbol, after_ms, until_ms)
            ticks, lots, known = path.ticks.copy(), path.lots.copy(), path.known
        for control, begin, end in zip(controls, begins, begins[1:], strict=False):
            held = self._ticks_under(spec, control)
            if held is not None:
                ticks[begin:end] = held
                lots[begin:end] = np.int64(_HELD_LOTS if held else 0)
        return Path(self.clock, first, ticks, lots, spec.tick, known=known)

    def _index(self, since_ms: int, first: int, count: int) -> int:
        """Where the steps at or after a moment begin, among `count` steps from `first` on."""
        return min(count, max(0, self.clock.step_at(since_ms - 1) + 1 - first))

    def _ticks_under(self, spec: SymbolSpec, control: Control) -> int | None:
        """At what a control lets trade: 0 nothing, None the market's own prices."""
        if control.status != "TRADING":
            return 0
        return None if control.price is None else self._held_ticks(spec, control.price)

    @staticmethod
    def _held_ticks(spec: SymbolSpec, price: Decimal) -> int:
        return int(floor_to_step(price, spec.tick) / spec.tick)

    def _at(self, symbol: str, wall_ms: int) -> Control | None:
        """The control in force, the newest that is not in the future."""
        found = None
        for control in self._controls.get(symbol, ()):
            if control.since_ms <= wall_ms:
                found = control
        return found
