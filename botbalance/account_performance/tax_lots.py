"""Tax lots of a live account: its fills and flows as what was acquired and disposed of."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from heapq import merge
from operator import attrgetter

from botbalance.account_performance.reading import AccountHistory, account_history, fills_of
from botbalance.lib.money import ZERO, exact, quantize, wide
from exchanges.models import ExchangeAccount
from portfolio import selectors as portfolio
from portfolio.models import CashFlow
from portfolio.performance.history import Recorded
from portfolio.performance.lots import (
    PLACES,
    Acquired,
    Basis,
    ClosedLot,
    Disposed,
    Event,
    Kind,
    LotBook,
    Method,
    OpenLot,
)
from portfolio.performance.trades import Trade, lot_events, trade_fee

# A fee in a third coin, or a pair of two coins, is valued at the nearest recorded price, if there is one this near.
_NEAR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class AccountLots:
    """All lots of an account's history. `fees`: commissions by what was traded, and `unvalued_fees` how many had no
    price. `history` is what they were made of; `prices` are those of its last valuation, at `as_of`.
    """

    closed: tuple[ClosedLot, ...]
    open: tuple[OpenLot, ...]
    fees: tuple[tuple[datetime, str, Decimal], ...]
    unvalued_fees: int
    history: AccountHistory
    prices: Mapping[str, Decimal]
    as_of: datetime | None


def account_lots(account: ExchangeAccount, method: Method) -> AccountLots:
    """Every lot of an account from the beginning of what is recorded.

    What was held when recording began is a lot at the market value of then, marked as such. Where the holdings changed
    and nothing explains it, what is more is a lot of unknown cost, and what is less has been moved away.
    """
    recorded = list(portfolio.thinned_history(account, with_fills=True))
    trades = list(fills_of(account))
    history = account_history(account, recorded, trades=trades)
    pricing = _Prices(recorded)
    fees: list[tuple[datetime, str, Decimal]] = []
    unvalued = 0

    def traded() -> Iterator[Event]:
        nonlocal unvalued
        for trade in trades:
            priced = pricing.priced(trade, account.quote)
            fee = trade_fee(priced, account.quote)
            if fee is None:
                unvalued += 1
            elif fee:
                fees.append((trade.at, trade.base, fee))
            yield from lot_events(priced, account.quote)

    book = LotBook(method)
    gaps = _gaps(account, history, trades[0].at if trades else None)
    events = merge(gaps, traded(), _flows(account), key=attrgetter("at"))
    closed = tuple(line for event in events for line in book.apply(event))
    last = recorded[-1] if recorded else None
    return AccountLots(
        closed,
        tuple(book.open_lots()),
        tuple(fees),
        unvalued,
        history,
        {} if last is None else last.prices,
        None if last is None else last.at,
    )


class _Prices:
    """Recorded prices by time."""

    def __init__(self, recorded: Sequence[Recorded]) -> None:
        self._times: dict[str, list[datetime]] = {}
        self._prices: dict[str, list[Decimal]] = {}
        for valuation in recorded:
            for asset, price in valuation.prices.items():
                self._times.setdefault(asset, []).append(valuation.at)
                self._prices.setdefault(asset, []).append(price)

    def near(self, asset: str, at: datetime) -> Decimal | None:
        """The recorded price nearest to a moment, None where none is within a day."""
        times = self._times.get(asset, [])
        right = bisect_left(times, at)
        candidates = [index for index in (right - 1, right) if 0 <= index < len(times)]
        nearest = min(candidates, key=lambda index: abs(times[index] - at), default=None)
        if nearest is None or abs(times[nearest] - at) > _NEAR:
            return None
        return self._prices[asset][nearest]

    def priced(self, trade: Trade, currency: str) -> Trade:
        """The trade with the prices it takes to value it."""
        if currency not in (trade.base, trade.quote):
            trade = replace(trade, quote_price=self.near(trade.quote, trade.at) or trade.quote_price)
        if trade.commission and trade.commission_asset not in (trade.base, trade.quote, currency):
            trade = replace(trade, commission_price=self.near(trade.commission_asset, trade.at))
        return trade


def _gaps(account: ExchangeAccount, history: AccountHistory, first_fill: datetime | None) -> Iterator[Event]:
    """What was there when recording began, and what changed without an explanation later."""
    for number, stretch in enumerate(history.stretches):
        valuation = stretch.recorded[0]
        at = valuation.at
        if number == 0:
            # It was there before anything else happened.
            at = min([at, *(flow.at for flow in history.flows[:1]), *([first_fill] if first_fill else [])])
        for asset, amount in stretch.gap.items():
            if asset == account.quote:
                continue
            # A price is that of the beginning only where the first valuation is not long after it.
            price = valuation.prices.get(asset) if valuation.at - at <= _NEAR else None
            if amount < 0:
                if number:
                    yield Disposed(at, asset, -amount, None, Kind.MOVED, "unexplained")
            elif number or price is None:
                yield Acquired(at, asset, amount, None, Basis.UNKNOWN, "unexplained" if number else "held at the start")
            else:
                with wide():
                    cost = quantize(amount * price, PLACES)
                yield Acquired(at, asset, amount, cost, Basis.MARKET, "held at the start")


def _flows(account: ExchangeAccount) -> Iterator[Event]:
    """Deposits and withdrawals, and what was traded elsewhere: at the values they were noticed with."""
    rows = portfolio.cash_flows(account).exclude(asset=account.quote).order_by("at", "id")
    for at, kind, asset, amount, value in rows.values_list("at", "kind", "asset", "amount", "value").iterator():
        worth = None if value is None else abs(value)
        if amount > 0:
            yield Acquired(at, asset, amount, worth, Basis.UNKNOWN if worth is None else Basis.MARKET, kind)
        elif amount < 0:
            gone = Kind.SALE if kind == CashFlow.Kind.TRADE else Kind.MOVED
            yield Disposed(at, asset, -amount, worth, gone, kind, estimated=True)


def fees_within(
    fees: Iterable[tuple[datetime, str, Decimal]], start: datetime | None, end: datetime | None
) -> dict[str, Decimal]:
    """Commissions by what was traded within [start, end]."""
    sums: dict[str, Decimal] = {}
    with exact():
        for at, asset, fee in fees:
            if (start is None or at >= start) and (end is None or at <= end):
                sums[asset] = sums.get(asset, ZERO) + fee
    return sums
