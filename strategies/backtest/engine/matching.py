"""The exchange's side of a back-test: what its candles do to orders. Pure."""

from collections.abc import Iterable
from decimal import Decimal

from botbalance.lib.money import HUNDRED, wide
from exchanges.domain import Side
from strategies.backtest.engine.book import Book, Fill, RestingOrder
from strategies.backtest.engine.fills import fill_in_candle, spread_price
from strategies.backtest.engine.history import History
from strategies.backtest.engine.outlook import Outlook
from strategies.backtest.engine.scenario import Scenario
from strategies.domain import BNB, Leg

BUY = Side.BUY


class Matcher:
    """Fills the orders of one account."""

    def __init__(self, history: History, scenario: Scenario, book: Book, outlook: Outlook) -> None:
        self.fills = scenario.fills
        self.pays_in_bnb = scenario.fees.in_bnb
        self.book = book
        self.outlook = outlook
        self.markets = outlook.markets

    def match(self, row: int) -> list[RestingOrder]:
        """Let the row's candles fill what rests; the orders that have traded."""
        fills, left = self.fills, dict[str, Decimal]()
        traded = []
        for order in tuple(self.book.open):
            leg = order.leg
            series, rules = self.markets[leg.symbol]
            candle = series.candle(row)
            if candle is None:
                continue
            if leg.symbol not in left and fills.participation_pct is not None:
                with wide():
                    left[leg.symbol] = candle.volume * fills.participation_pct / HUNDRED
            filled = fill_in_candle(
                leg.side,
                leg.price,
                order.remaining,
                candle,
                rules,
                fills,
                arrives=order.row == row - 1,
                volume_left=left.get(leg.symbol),
            )
            if filled is None:
                continue
            if leg.symbol in left:
                left[leg.symbol] -= filled.quantity
            self.book.fill(
                order,
                row,
                filled.quantity,
                filled.price,
                is_maker=filled.is_maker,
                bnb=self._bnb_price(row),
                closes=self.outlook.closes(row),
            )
            traded.append(order)
        return traded

    def trade_at_close(self, row: int, legs: Iterable[Leg]) -> list[Leg]:
        """Fill what the close allows; the others, which are to rest."""
        closes, spread_pct, book = self.outlook.closes(row), self.fills.spread_pct, self.book
        resting: list[Leg] = []
        traded: list[Fill] = []
        number = book.orders_placed
        for leg in legs:
            symbol, asset, side, limit, quantity, _fee, direct = leg
            price = closes[asset] if direct is None else self.outlook.prices(row).prices[symbol].value
            if spread_pct:
                price = spread_price(side, price, self.markets[symbol][1], self.fills)
            if price <= limit if side is BUY else price >= limit:
                number += 1
                traded.append((number, leg, quantity, price))
            else:
                resting.append(leg)
        book.orders_placed = number
        book.trade(row, traded, is_maker=False, bnb=self._bnb_price(row), closes=closes)
        return resting

    def _bnb_price(self, row: int) -> Decimal | None:
        return self.outlook.close(row, BNB) if self.pays_in_bnb else None
