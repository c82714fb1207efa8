"""A market under an operator's hand: symbols halted, delisted, or held at a price, from a moment on."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import numpy as np

from botbalance.lib.money import floor_to_step
from exchanges.paper.market.base import Control, Depth, Market, Path, Quote, book_noise, make_depth, make_quote
from exchanges.paper.symbols import SymbolSpec

DELISTED = "DELISTED"
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

    def quote(self, symbol: str, wall_ms: int) -> Quote:
        control = self._at(symbol, wall_ms)
        if control is None or control.price is None:
            quote = self.market.quote(symbol, wall_ms)
            if control is None or control.status in ("TRADING", "CANCEL_ONLY"):
                return quote
            zero = Decimal(0)
            return Quote(symbol, quote.last, zero, zero, zero, zero)
        spec = self.symbols[symbol]
        ticks = self._held_ticks(spec, control.price)
        return make_quote(spec, ticks, ticks, _HELD_LOTS, book_noise(0, symbol, control.since_ms))

    def depth(self, symbol: str, wall_ms: int) -> Depth:
        control = self._at(symbol, wall_ms)
        depth = self.market.depth(symbol, wall_ms)
        if control is None:
            return depth
        if control.price is not None:
            spec = self.symbols[symbol]
            ticks = self._held_ticks(spec, control.price)
            return make_depth(spec, depth.step, ticks, _HELD_LOTS, book_noise(0, symbol, control.since_ms))
        return depth if control.status in ("TRADING", "CANCEL_ONLY") else Depth(depth.step, (), ())

    def average(self, symbol: str, wall_ms: int) -> Decimal:
        control = self._at(symbol, wall_ms)
        if control is None or control.price is None:
            return self.market.average(symbol, wall_ms)
        return self._held_ticks(self.symbols[symbol], control.price) * self.symbols[symbol].tick

    def path(self, symbol: str, after_ms: int, until_ms: int) -> Path:
        path = self.market.path(symbol, after_ms, until_ms)
        controls = self._controls.get(symbol)
        if not controls or not len(path):
            return path
        ticks, lots = path.ticks.copy(), path.lots.copy()
        for position, control in enumerate(controls):
            # A control governs the steps that come at or after its own moment, up to the next control's.
            begin = self._index(path, control.since_ms)
            end = self._index(path, controls[position + 1].since_ms) if position + 1 < len(controls) else len(path)
            if control.status != "TRADING":
                ticks[begin:end] = 0
            elif control.price is not None:
                ticks[begin:end] = self._held_ticks(self.symbols[symbol], control.price)
                lots[begin:end] = np.int64(_HELD_LOTS)
        return Path(path.clock, path.first_step, ticks, lots, path.unit)

    @staticmethod
    def _index(path: Path, since_ms: int) -> int:
        return min(len(path), max(0, path.clock.step_at(since_ms - 1) + 1 - path.first_step))

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
