"""What can be seen at the end of a row, and the plan made of it: prices, values, rules, and nothing later. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cached_property
from operator import itemgetter, mul
from typing import NamedTuple

import numpy as np

from botbalance.lib.money import ONE, ZERO
from exchanges.domain import ExchangeInfo, Price, PriceSnapshot, SymbolRules
from portfolio.domain import Holding, Valuation
from strategies.backtest.engine.book import Book
from strategies.backtest.engine.crosses import Crosses, markets_of
from strategies.backtest.engine.history import DAY_MS, History
from strategies.backtest.engine.scenario import Scenario
from strategies.domain import Goal, Limits, OpenOrder, Plan, Target
from strategies.planner import Planner
from strategies.planner.plain import PlainPlan, PlainRounds, Standing
from strategies.variances import VARIANCE_DAYS, variances_of

BREAK = "BREAK"
_new = tuple.__new__  # a NamedTuple without its constructor, which costs twice as much
NOBODY: frozenset[str] = frozenset()
# So much of what an account is worth is owed by it at most, as its planner sees it: orders are a share of what is left.
MOST_OWED = Decimal("0.5")


class Prepared(NamedTuple):
    """A planner, and the same for plain rounds where its limits have any."""

    planner: Planner
    plain: PlainRounds | None


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
        self.targets = scenario.targets  # of the moment; their assets are the same at all times
        self.markets = markets_of(history, scenario.info, self.rules)
        self._crosses = None
        if history.crosses and scenario.limits.direct_pairs:
            self._crosses = Crosses(history, scenario.info, scenario.fills.spread_pct)
        self._planners: dict[tuple[Goal, frozenset[str], frozenset[str]], Prepared] = {}
        self._readers = [
            (series.asset, series.columns.close.item, series.price_unit) for series in history.series
        ]  # of series that have a candle in every row
        self._row = -1
        self._snapshot: PriceSnapshot | None = None
        self._closes: dict[str, Decimal] = {}
        # The targets as a plain round sees them, and, by how many assets were ever held, whether they are those.
        self.wanted = sorted(target.asset for target in scenario.targets)
        self._of_wanted = itemgetter(*self.wanted) if len(self.wanted) > 1 else self._of_one
        self._holds_only_wanted: dict[int, bool] = {}
        self._standing_as: tuple[int, int] = (-1, -1)
        self._standing: Standing | None = None
        self.nav = ZERO  # what the account was worth when somebody last asked
        self._variances_of = -1
        self._variances: Mapping[str, Decimal] = {}
        self._valued_as: tuple[int, int, Decimal] = (-1, -1, ZERO)
        self._valued = Valuation(scenario.quote, ZERO, (), (), "", 0)

    def aim(self, targets: tuple[Target, ...]) -> None:
        """Plan towards these weights of the same assets from now on."""
        self.targets = targets
        self._planners.clear()

    def close(self, row: int, asset: str) -> Decimal | None:
        """The asset's last close at the end of the row; None before its first."""
        return self.closes(row).get(asset)

    def closes(self, row: int) -> Mapping[str, Decimal]:
        """The last closes at the end of the row, of all assets that have had one."""
        if row != self._row:
            if self._is_full:
                self._closes = {asset: Decimal(whole(row)) * unit for asset, whole, unit in self._readers}
            else:
                pairs = [(series.asset, series.close(row)) for series in self.history.series]
                self._closes = {asset: close for asset, close in pairs if close is not None}
            self._row, self._snapshot = row, None
        return self._closes

    def prices(self, row: int) -> PriceSnapshot:
        closes = self.closes(row)
        if self._snapshot is None:
            prices = {}
            for asset, close in closes.items():
                symbol = self.rules[asset].symbol
                prices[symbol] = _new(Price, (symbol, close, close, close, ""))
            if self._crosses is not None:
                prices = self._crosses.prices(row, prices)
            self._snapshot = PriceSnapshot("", "close", self.history.close_ms.item(row), prices)
        return self._snapshot

    def standing(self, row: int) -> Standing | None:
        """What is held at the closes of the row, as a plain round sees it; None where the round is none: something
        rests or stands still, or what is held is not only the targets and the quote.
        """
        book = self.book
        version = row, book.changes
        if self._standing_as != version:
            self._standing_as, self._standing = version, self._stand(row)
        return self._standing

    def _stand(self, row: int) -> Standing | None:
        book, totals = self.book, self.book.totals
        if not self._is_full or book.open:
            return None
        is_plain = self._holds_only_wanted.get(len(totals))
        if is_plain is None:
            # Assets are added to what is held and never taken away.
            is_plain = totals.keys() == {*self.wanted, self.scenario.quote} and self.rules.keys() >= {*self.wanted}
            self._holds_only_wanted[len(totals)] = is_plain
        if not is_plain:
            return None
        mids, held = self._of_wanted(self.closes(row)), self._of_wanted(totals)
        values = tuple(map(mul, held, mids))
        cash = totals[self.scenario.quote]
        self.nav = sum(values, cash)
        return _new(Standing, (self.nav, cash, mids, held, values))

    def _of_one(self, amounts: Mapping[str, Decimal]) -> tuple[Decimal, ...]:
        return tuple([amounts[asset] for asset in self.wanted])

    @cached_property
    def _is_full(self) -> bool:
        """Whether every asset has a candle in every row."""
        return self.history.tradable is None

    def valuation(self, row: int, owed: Decimal = ZERO) -> Valuation:
        """What the account is worth at the closes of the row. What is `owed`, in the quote, is not the account's any
        more: its free quote is less by it, and may be below 0.
        """
        version = row, self.book.changes, owed
        if self._valued_as != version:
            self._valued_as, self._valued = version, self._value(row, owed)
        return self._valued

    def _value(self, row: int, owed: Decimal) -> Valuation:
        closes, locked, quote = self.closes(row), self.book.locked, self.scenario.quote
        if owed:
            # With nothing left there would be nothing to divide, and nothing would be sold to pay it; a large part of
            # all is sold half by half.
            owed = min(owed, self._worth(row) * MOST_OWED)
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
        self.nav = nav
        return Valuation(quote, nav, tuple(holdings), tuple(unpriced), "close", self.history.close_ms.item(row))

    def _worth(self, row: int) -> Decimal:
        """What everything that has a price is worth."""
        closes, totals = self.closes(row), self.book.totals
        return sum(
            (total * closes[asset] for asset, total in totals.items() if asset in closes), totals[self.scenario.quote]
        )

    def plan(self, row: int, goal: Goal, owed: Decimal, changes: Mapping[str, object]) -> Plan | PlainPlan:
        """The next round's plan. `changes` are limits that hold for this plan alone."""
        if changes:
            planner = self._fresh_planner(row, goal, changes)
        else:
            planner, plain = self._planner(row, goal)
            standing = self.standing(row) if plain is not None and not owed else None
            if plain is not None and standing is not None and (found := plain.plan(standing)) is not None:
                return found
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
        return self._planner(row, Goal.BAND).planner.wants_something(self.valuation(row, owed), self.prices(row))

    def _planner(self, row: int, goal: Goal) -> Prepared:
        key = goal, *self._away(row)
        known = self._planners.get(key)
        if known is None:
            planner = self._fresh_planner(row, goal, {})
            known = self._planners[key] = Prepared(planner, PlainRounds.of(planner))
        return known

    def _fresh_planner(self, row: int, goal: Goal, changes: Mapping[str, object]) -> Planner:
        limits: Limits = replace(self.scenario.limits, goal=goal, **changes)  # type: ignore[arg-type]
        return Planner(self.targets, limits, self._info(*self._away(row)), self.scenario.quote)

    def _away(self, row: int) -> tuple[frozenset[str], frozenset[str]]:
        """Assets that are not listed yet, and those whose market stands still in the row, or is no more."""
        if self._is_full:
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
