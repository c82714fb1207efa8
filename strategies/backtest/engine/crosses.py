"""Markets between two coins, as a back-test trades on them. Pure."""

from collections.abc import Mapping
from decimal import Decimal

from botbalance.lib.money import HUNDRED, ONE, wide
from exchanges.domain import ExchangeInfo, Price, SymbolRules
from strategies.backtest.engine.book import RestingOrder
from strategies.backtest.engine.history import History, Series

# Where an order is filled: the candles of its symbol, and its rules.
Market = tuple[Series, SymbolRules]


def markets_of(history: History, info: ExchangeInfo, rules: Mapping[str, SymbolRules]) -> dict[str, Market]:
    """The market of every symbol with candles and rules, by symbol. `rules` are those of assets against the quote."""
    found = {rules[series.asset].symbol: (series, rules[series.asset]) for series in history.series}
    for cross in history.crosses:
        between = info.pair(cross.base, cross.counter)
        if between is not None:
            found[between.symbol] = (cross.series, between)
    return found


def has_waited_in_vain(order: RestingOrder, now_ms: int, lifetime_ms: int) -> bool:
    """Whether an order was to trade two coins for each other and has not: through the quote they still can be."""
    return is_in_vain(order) and now_ms - order.sent_ms >= lifetime_ms


def is_in_vain(order: RestingOrder) -> bool:
    """Whether an order trades two coins for each other and has filled in no part."""
    return order.leg.direct is not None and order.remaining == order.leg.quantity


class Crosses:
    """Prices between coins, and how wide markets are: what a comparison of ways takes into account."""

    def __init__(self, history: History, info: ExchangeInfo, spread_pct: Decimal) -> None:
        pairs = ((cross.series, info.pair(cross.base, cross.counter)) for cross in history.crosses)
        self.lines = [(series, rules.symbol) for series, rules in pairs if rules is not None]
        with wide():
            self.half = spread_pct / HUNDRED / 2

    def prices(self, row: int, against_quote: Mapping[str, Price]) -> dict[str, Price]:
        """Prices at the end of a row: these, and those between coins that have a candle of their own in it. Bid and ask
        are half the assumed spread away.
        """
        closes = {symbol: price.value for symbol, price in against_quote.items()}
        for series, symbol in self.lines:
            own = series.close(row) if series.has_candle(row) else None
            if own is not None:
                closes[symbol] = own
        with wide():
            below, above = ONE - self.half, ONE + self.half
            return {symbol: Price(symbol, mid, mid * below, mid * above) for symbol, mid in closes.items()}
