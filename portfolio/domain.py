"""What a portfolio is worth. Pure.

Values are in the quote stablecoin, weights in percent of NAV. What has no price is listed, never guessed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from botbalance.lib.money import HUNDRED, ONE, ZERO, wide
from exchanges.domain import Balance, ExchangeInfo, PriceSnapshot

# Assets through which a price is derived when there is no direct pair, in this order.
BRIDGES = ("USDT", "USDC", "BTC")


class Holding(NamedTuple):
    """One asset of a portfolio. `price` and `value` are None where there is no price."""

    asset: str
    free: Decimal
    locked: Decimal
    price: Decimal | None
    value: Decimal | None
    weight_pct: Decimal | None

    @property
    def total(self) -> Decimal:
        return self.free + self.locked


@dataclass(frozen=True, slots=True)
class Valuation:
    """A portfolio at one moment. `nav` is the sum of what has a price; `at_ms` is the prices' time."""

    quote: str
    nav: Decimal
    holdings: tuple[Holding, ...]
    unpriced: tuple[str, ...]
    price_source: str
    at_ms: int

    def holding(self, asset: str) -> Holding | None:
        return next((holding for holding in self.holdings if holding.asset == asset), None)


def value_portfolio(balances: Iterable[Balance], quote: str, prices: PriceSnapshot, info: ExchangeInfo) -> Valuation:
    """Value balances in `quote`: free + locked times the asset's price; largest holding first."""
    with wide():
        rows: list[tuple[Balance, Decimal | None, Decimal | None]] = []
        nav = ZERO
        for balance in balances:
            if balance.total == 0:
                continue
            price = asset_price(balance.asset, quote, prices, info)
            value = None if price is None else balance.total * price
            nav += value or ZERO
            rows.append((balance, price, value))
        holdings = [
            Holding(
                asset=balance.asset,
                free=balance.free,
                locked=balance.locked,
                price=price,
                value=value,
                weight_pct=None if value is None or nav == 0 else value / nav * HUNDRED,
            )
            for balance, price, value in rows
        ]
    holdings.sort(key=lambda holding: (-(holding.value if holding.value is not None else -ONE), holding.asset))
    return Valuation(
        quote=quote,
        nav=nav,
        holdings=tuple(holdings),
        unpriced=tuple(sorted(holding.asset for holding in holdings if holding.price is None)),
        price_source=prices.source,
        at_ms=prices.at_ms,
    )


def asset_price(asset: str, quote: str, prices: PriceSnapshot, info: ExchangeInfo) -> Decimal | None:
    """Price of one `asset` in `quote`: the direct pair, its inverse, or through one bridge; None where none exists."""
    direct = _pair_price(asset, quote, prices, info)
    if direct is not None:
        return direct
    for bridge in BRIDGES:
        first = _pair_price(asset, bridge, prices, info)
        second = _pair_price(bridge, quote, prices, info)
        if first is not None and second is not None:
            return first * second
    return None


def _pair_price(asset: str, quote: str, prices: PriceSnapshot, info: ExchangeInfo) -> Decimal | None:
    if asset == quote:
        return ONE
    rules = info.pair(asset, quote)
    price = prices.price(rules.symbol) if rules else None
    if price is not None and price.value > 0:
        return price.value
    rules = info.pair(quote, asset)
    price = prices.price(rules.symbol) if rules else None
    if price is not None and price.value > 0:
        return ONE / price.value
    return None
