"""What the slow back-test sees at the end of a row, looked up anew every time it asks."""

from dataclasses import replace
from decimal import Decimal

import numpy as np

from botbalance.lib.money import HUNDRED, wide
from exchanges.domain import ExchangeInfo, Price, PriceSnapshot
from strategies.backtest.engine.history import History, Series
from strategies.backtest.engine.scenario import Scenario
from strategies.domain import Leg
from strategies.variances import variances_of

DAY_MS = 86_400_000


class Past:
    """One history, seen by one strategy."""

    def __init__(self, history: History, scenario: Scenario) -> None:
        self.history, self.scenario = history, scenario

    def now_ms(self, row: int) -> int:
        return int(self.history.close_ms[row])

    def prices(self, row: int, *, with_crosses: bool = True) -> PriceSnapshot:
        found = {}
        for series in self.history.series:
            close = series.close(row)
            if close is not None:
                symbol = self.symbol(series.asset)
                found[symbol] = Price(symbol, close, close, close)
        if with_crosses and self.is_crossing():
            for cross in self.history.crosses:
                rules = self.scenario.info.pair(cross.base, cross.counter)
                close = cross.series.close(row)
                if rules is not None and close is not None and cross.series.has_candle(row):
                    found[rules.symbol] = Price(rules.symbol, close, close, close)
            with wide():
                half = self.scenario.fills.spread_pct / HUNDRED / 2
                for symbol, price in found.items():
                    mid = price.value
                    found[symbol] = price._replace(bid=mid * (1 - half), ask=mid * (1 + half))
        return PriceSnapshot("", "close", self.now_ms(row), found)

    def is_crossing(self) -> bool:
        return bool(self.history.crosses) and self.scenario.limits.direct_pairs

    def series_of(self, symbol: str) -> Series:
        rules = self.scenario.info.rules[symbol]
        for cross in self.history.crosses:
            if (cross.base, cross.counter) == (rules.base, rules.quote):
                return cross.series
        return self.history.series[self.history.places[rules.base]]

    def paid_with(self, leg: Leg) -> str:
        return self.scenario.info.rules[leg.symbol].quote

    def symbol(self, asset: str) -> str:
        rules = self.scenario.info.pair(asset, self.scenario.quote)
        assert rules is not None
        return rules.symbol

    def info(self, row: int) -> ExchangeInfo:
        rules = dict(self.scenario.info.rules)
        for series in self.history.series:
            symbol = self.symbol(series.asset)
            if row < series.first:
                del rules[symbol]
            elif not series.has_candle(row):
                rules[symbol] = replace(rules[symbol], status="BREAK")
        return ExchangeInfo.of(rules)

    def worth(self, row: int, symbol: str) -> Decimal:
        """What one of the coin that a symbol is traded for was worth in the quote at the end of a row."""
        counter = self.scenario.info.rules[symbol].quote
        if counter == self.scenario.quote:
            return Decimal(1)
        return self.prices(row).prices[self.symbol(counter)].value

    def variances(self, row: int) -> dict[str, Decimal]:
        """Of the last 90 days that are over, close by close."""
        midnight = self.now_ms(row) // DAY_MS
        table = []
        for day in range(midnight - 90, midnight + 1):
            known = [at for at in range(len(self.history)) if self.now_ms(at) <= day * DAY_MS]
            closes = [series.close(known[-1]) if known else None for series in self.history.series]
            table.append([float("nan") if close is None else float(close) for close in closes])
        return variances_of([series.asset for series in self.history.series], np.array(table))
