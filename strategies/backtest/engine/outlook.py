"""What can be seen at the end of a row, and the plan made of it: prices, values, rules, and nothing later. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import numpy as np

from botbalance.lib.money import ONE, ZERO
from exchanges.domain import ExchangeInfo, Price, PriceSnapshot, SymbolRules
from portfolio.domain import Holding, Valuation
from strategies.backtest.engine.book import Book
from strategies.backtest.engine.history import History
from strategies.backtest.engine.scenario import Scenario
from strategies.domain import Goal, Limits, OpenOrder, Plan
from strategies.planner import Planner
from strategies.variances import VARIANCE_DAYS, variances_of

BREAK = "BREAK"
DAY_MS = 86_400_000
_new = tuple.__new__  # a NamedTuple without its constructor, which costs twice as much
NOBODY: frozenset[str] = frozenset()


class Outlook:
    """Prices, values and plans of one account at the end of a row."""

    def __init__(self, history: History, scenario: Scenario, book: Book) -> None:
        self.history = history
        self.scenario = scenario
        self.book = book
        self.rules: dict[str, SymbolRules] = {}
        for series in history.series:
            rules = scenario.info.pair(series.asset, scenario.quote)
            if rules is None:
                raise ValueError(f"there are no rules for {series.asset}/{scenario.quote}")
            self.rules[series.asset] = rules
        self._lines = [(series, self.rules[series.asset].symbol) for series in history.series]
        self._planners: dict[tuple[Goal, frozenset[str], frozenset[str]], Planner] = {}
        self._row = -1
        self._snapshot = PriceSnapshot("", "", 0, {})
        self._closes: dict[str, Decimal] = {}
        self._variances_of = -1
        self._variances: Mapping[str, Decimal] = {}
        self._valued_as: tuple[int, int, Decimal] = (-1, -1, ZERO)
        self._valued = Valuation(scenario.quote, ZERO, (), (), "", 0)

    def close(self, row: int, asset: str) -> Decimal | None:
        """The asset's last close at the end of the row; None before its first."""
        self._turn_to(row)
        return self._closes.get(asset)

    def closes(self, row: int) -> Mapping[str, Decimal]:
        """The last closes at the end of the row, of all assets that have had one."""
        self._turn_to(row)
        return self._closes

    def is_tradable(self, row: int, asset: str) -> bool:
        return self.history.series[self.history.places[asset]].has_candle(row)

    def prices(self, row: int) -> PriceSnapshot:
        self._turn_to(row)
        return self._snapshot

    def valuation(self, row: int, owed: Decimal = ZERO) -> Valuation:
        """What the account is worth at the closes of the row. What is `owed`, in the quote, is not the account's any
        more: its free quote is less by it, and may be below 0.
        """
        version = row, self.book.changes, owed
        if self._valued_as != version:
            self._valued_as, self._valued = version, self._value(row, owed)
        return self._valued

    @property
    def nav(self) -> Decimal:
        """What the account was worth when somebody last asked."""
        return self._valued.nav

    def _value(self, row: int, owed: Decimal) -> Valuation:
        self._turn_to(row)
        closes, locked, quote = self._closes, self.book.locked, self.scenario.quote
        holdings: list[Holding] = []
        unpriced: list[str] = []
        nav = ZERO
        for asset, total in self.book.totals.items():
            price = closes.get(asset)
            if price is None:
                if asset == quote:
                    total, price = total - owed, ONE
                elif not total:
                    continue
            elif not total:
                continue
            held_back = locked.get(asset, ZERO) if locked else ZERO
            free = total - held_back if held_back else total
            if price is None:
                unpriced.append(asset)
                holdings.append(Holding(asset, free, held_back, None, None, None))
                continue
            value = total * price
            nav += value
            holdings.append(_new(Holding, (asset, free, held_back, price, value, None)))
        return Valuation(quote, nav, tuple(holdings), tuple(unpriced), "close", self._snapshot.at_ms)

    def plan(self, row: int, goal: Goal, owed: Decimal, changes: Mapping[str, object]) -> Plan:
        """The next round's plan. `changes` are limits that hold for this plan alone."""
        planner = self._planner(row, goal) if not changes else self._fresh_planner(row, goal, changes)
        valuation, prices = self.valuation(row, owed), self.prices(row)
        if not self.book.open:
            return planner.plan(valuation, prices)
        orders = [
            OpenOrder(order.leg.symbol, order.leg.side, order.leg.price, order.remaining) for order in self.book.open
        ]
        return planner.plan(valuation, prices, orders)

    def variances(self, row: int) -> Mapping[str, Decimal]:
        """Variances of a year, of the daily closes of the days that are over at the end of the row."""
        day = int(self.history.close_ms[row]) // DAY_MS
        if self._variances_of != day:
            days = np.arange(day - VARIANCE_DAYS, day + 1) * DAY_MS
            # The last row that ends by each midnight; none before the first row.
            rows = np.searchsorted(self.history.close_ms, days, side="right") - 1
            closes = np.where(rows >= 0, self.history.closes[:, np.maximum(rows, 0)], np.nan)
            assets = [series.asset for series in self.history.series]
            self._variances_of, self._variances = day, variances_of(assets, closes.T)
        return self._variances

    def wants_something(self, row: int, owed: Decimal) -> bool:
        """Whether something is outside its band that could be traded."""
        return self._planner(row, Goal.BAND).wants_something(self.valuation(row, owed), self.prices(row))

    def _turn_to(self, row: int) -> None:
        if row == self._row:
            return
        closes, prices = {}, {}
        for series, symbol in self._lines:
            close = series.close(row)
            if close is not None:
                closes[series.asset] = close
                prices[symbol] = _new(Price, (symbol, close, close, close, ""))
        self._row, self._closes = row, closes
        self._snapshot = PriceSnapshot("", "close", int(self.history.close_ms[row]), prices)

    def _planner(self, row: int, goal: Goal) -> Planner:
        key = goal, *self._away(row)
        known = self._planners.get(key)
        if known is None:
            known = self._planners[key] = self._fresh_planner(row, goal, {})
        return known

    def _fresh_planner(self, row: int, goal: Goal, changes: Mapping[str, object]) -> Planner:
        limits: Limits = replace(self.scenario.limits, goal=goal, **changes)  # type: ignore[arg-type]
        return Planner(self.scenario.targets, limits, self._info(*self._away(row)), self.scenario.quote)

    def _away(self, row: int) -> tuple[frozenset[str], frozenset[str]]:
        """Assets that are not listed yet, and those whose market stands still in the row, or is no more."""
        if self.history.tradable is None:
            return NOBODY, NOBODY
        away = [series for series in self.history.series if not series.has_candle(row)]
        if not away:
            return NOBODY, NOBODY
        unlisted = frozenset(series.asset for series in away if row < series.first)
        return unlisted, frozenset(series.asset for series in away) - unlisted

    def _info(self, unlisted: frozenset[str], halted: frozenset[str]) -> ExchangeInfo:
        if not unlisted and not halted:
            return self.scenario.info
        rules = dict(self.scenario.info.rules)
        for asset in unlisted:
            del rules[self.rules[asset].symbol]
        for asset in halted:
            rules[self.rules[asset].symbol] = replace(self.rules[asset], status=BREAK)
        return ExchangeInfo.of(rules)
