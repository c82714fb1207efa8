"""What a back-test found: every trade and flow exactly, and the curves that follow from them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

import numpy as np

from botbalance.lib.money import ONE, ZERO, exact
from strategies.backtest.engine.book import Trade
from strategies.backtest.engine.history import Floats, History
from strategies.backtest.engine.scenario import Scenario
from strategies.backtest.engine.targets import Course


class PaidFlow(NamedTuple):
    """What came in (above 0) or went out at the end of a row."""

    row: int
    asset: str
    amount: Decimal


class Event(NamedTuple):
    """A rebalance that began at the end of a row, and why: a code of TICK_REASONS, by_hand or withdrawal."""

    row: int
    code: str


class Checkpoint(NamedTuple):
    """What was held at the end of a row at which something had traded or was placed."""

    row: int
    totals: Mapping[str, Decimal]


@dataclass(frozen=True, eq=False)
class Result:
    """A back-test's outcome. `course` is which targets held when, `final` what is held after the last row, `owed`
    what of withdrawals was never paid. `plans` is how often the exact planner was called.
    """

    history: History
    scenario: Scenario
    course: Course
    trades: tuple[Trade, ...]
    flows: tuple[PaidFlow, ...]
    events: tuple[Event, ...]
    checkpoints: tuple[Checkpoint, ...]
    final: Mapping[str, Decimal]
    owed: Decimal
    orders_placed: int
    plans: int

    def nav(self, row: int, totals: Mapping[str, Decimal]) -> Decimal:
        """What is held is worth at the closes of a row, exactly; what has no price counts nothing."""
        with exact():
            nav = totals.get(self.scenario.quote, ZERO)
            for series in self.history.series:
                held, close = totals.get(series.asset, ZERO), series.close(row)
                if held and close is not None:
                    nav += held * close
            return nav

    @property
    def final_nav(self) -> Decimal:
        return self.nav(len(self.history) - 1, self.final)

    @cached_property
    def holdings(self) -> Floats:
        """What was held after each row, one line an asset (the quote's last) and one column a row: for charts."""
        assets = [series.asset for series in self.history.series] + [self.scenario.quote]
        places = {asset: place for place, asset in enumerate(assets)}
        steps = np.zeros((len(assets), len(self.history)))
        for asset, amount in self.scenario.start.items():
            if asset in places:
                steps[places[asset], 0] += float(amount)
        for flow in self.flows:
            if flow.asset in places:
                steps[places[flow.asset], flow.row] += float(flow.amount)
        for trade in self.trades:
            sign = 1 if trade.side == "BUY" else -1
            steps[places[trade.asset], trade.row] += sign * float(trade.quantity)
            steps[places[trade.counter], trade.row] -= sign * float(trade.paid)
            if trade.fee_asset in places:
                steps[places[trade.fee_asset], trade.row] -= float(trade.fee)
        held: Floats = np.cumsum(steps, axis=1, out=steps)
        return held

    @cached_property
    def values(self) -> Floats:
        """The value of each asset after each row, the quote's last, in the quote."""
        values = self.holdings.copy()
        values[:-1] *= self.history.closes
        return values

    @cached_property
    def equity(self) -> Floats:
        """NAV after each row, in the quote."""
        equity: Floats = self.values.sum(axis=0)
        return equity

    @cached_property
    def fees_in_quote(self) -> Decimal:
        """All commission at the price of its trade, BNB at its close."""
        with exact():
            paid = ZERO
            for trade in self.trades:
                if trade.fee_asset == self.scenario.quote:
                    price: Decimal | None = ONE
                elif trade.fee_asset == trade.counter:
                    price = trade.worth
                elif trade.fee_asset == trade.asset:
                    price = trade.price if trade.worth is None else trade.price * trade.worth
                else:
                    price = self.history.series[self.history.places[trade.fee_asset]].close(trade.row)
                paid += trade.fee * (price or ZERO)
            return paid

    @property
    def turnover(self) -> Decimal:
        """Notional bought and sold together, in the quote."""
        with exact():
            return sum((trade.notional for trade in self.trades), ZERO)
