"""A trade as what it does to tax lots; the rules are those of `lots`. Exact decimals, pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from botbalance.lib.money import ONE, ZERO, exact, quantize, wide
from portfolio.performance.lots import PLACES, Acquired, Basis, Disposed, Event, Kind


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill: `quantity` of `base` bought or sold for `quote_quantity` of `quote`, with `commission` of
    `commission_asset` (not negative).

    `quote_price` and `commission_price` are what one of these assets was worth in the currency of account then; None
    where that is not known. They are not used for the currency itself, and the commission's neither where it was taken
    in the base or in the quote: those prices follow from the trade.
    """

    at: datetime
    is_buy: bool
    base: str
    quote: str
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal = ZERO
    commission_asset: str = ""
    quote_price: Decimal | None = None
    commission_price: Decimal | None = None
    reference: str = ""


def trade_value(trade: Trade, currency: str) -> Decimal | None:
    """What changed hands, in `currency`, before fees; None where it is not known."""
    if trade.base == currency:
        return trade.quantity
    price = ONE if trade.quote == currency else trade.quote_price
    return None if price is None else _product(trade.quote_quantity, price)


def trade_fee(trade: Trade, currency: str) -> Decimal | None:
    """What the commission was worth, in `currency`; None where it is not known."""
    if not trade.commission:
        return ZERO
    if trade.commission_asset == currency:
        return trade.commission
    if trade.commission_asset not in (trade.base, trade.quote):
        price = trade.commission_price
        return None if price is None else _product(trade.commission, price)
    value = trade_value(trade, currency)
    amount = trade.quantity if trade.commission_asset == trade.base else trade.quote_quantity
    if value is None or not amount:
        return None
    with wide():
        return quantize(value * trade.commission / amount, PLACES)


def lot_events(trade: Trade, currency: str) -> Iterator[Event]:
    """What a trade disposes of and acquires, in that order. Raises ValueError for a negative commission.

    A commission taken of what was received makes that less: a lot of less at the same cost, or less proceeds. Any other
    one is added to the cost or taken from the proceeds, and where it was in coins is a disposal of them.
    """
    if trade.commission < 0:
        raise ValueError(f"a commission of {trade.commission} {trade.commission_asset}")
    received, got = (trade.base, trade.quantity) if trade.is_buy else (trade.quote, trade.quote_quantity)
    given, gave = (trade.quote, trade.quote_quantity) if trade.is_buy else (trade.base, trade.quantity)
    value, fee = trade_value(trade, currency), trade_fee(trade, currency)
    is_netted = trade.commission_asset == received and trade.commission < got
    is_estimated = currency not in (trade.base, trade.quote)
    # A fee is borne by the proceeds of a sale, and by the cost of a purchase; where one of the two is money, by the
    # other. What was taken of the coins received has made them fewer: their cost is not raised on top of that.
    by_proceeds = received == currency or not (trade.is_buy or given == currency)
    proceeds = cost = value
    with exact():
        got = got - trade.commission if is_netted else got
        if value is not None and fee is not None:
            if by_proceeds:
                proceeds = value - fee
                cost = proceeds if is_netted else value
            elif not is_netted:
                cost = value + fee
    if given != currency and gave:
        unvalued = fee is None and by_proceeds
        yield Disposed(
            trade.at, given, gave, proceeds, Kind.SALE, trade.reference, estimated=is_estimated, fee_unvalued=unvalued
        )
    if trade.commission and not is_netted and trade.commission_asset != currency:
        yield Disposed(
            trade.at, trade.commission_asset, trade.commission, fee, Kind.FEE, trade.reference, estimated=True
        )
    if received != currency and got:
        unvalued = fee is None and not by_proceeds and not is_netted
        basis = Basis.UNKNOWN if cost is None else Basis.MARKET if is_estimated else Basis.TRADE
        yield Acquired(trade.at, received, got, cost, basis, trade.reference, fee_unvalued=unvalued)


def _product(amount: Decimal, price: Decimal) -> Decimal:
    with wide():
        return quantize(amount * price, PLACES)
