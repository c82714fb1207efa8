"""Tax lots: what was bought when and for how much, and what it brought when it went. Exact decimals.

Everything is told in one currency of account (the quote stablecoin of an account), which is money itself and forms no
lots. A lot is formed by what is acquired and used up by what is disposed of: the oldest first, either at the cost of
that very lot (first in, first out) or at the average cost of all that is held (the dates still go oldest first, as is
the rule where an average basis is allowed). No advice for a country's tax law is meant by either.

    bought       a lot; its cost is what was paid, with the fee
    sold         a disposal; its proceeds are what was received, less the fee
    fee in coins what a fee took of another asset (BNB) is a disposal of that, at its value, and that value is added to
                 the cost, or taken from the proceeds, of what it was paid for
    pair without the currency (ETH for BTC)  a disposal of the one and a lot of the other, both at the trade's value
    deposit      a lot at the cost its owner gives, else at its market value when it came (marked as such), else unknown
    withdrawal   takes lots out: no proceeds, no gain

What cannot be known is said: more disposed of than was ever acquired is a lot of unknown cost, and a gain made of
anything unknown is unknown, never zero.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from botbalance.lib.money import ONE, ZERO, exact, wide

# Shares of a cost or of proceeds are cut to this many decimals, and the last share is what is left: sums are exact.
PLACES = 18
_UNIT = ONE.scaleb(-PLACES)


class Method(StrEnum):
    FIFO = "fifo"
    AVERAGE = "average"


class Basis(StrEnum):
    """Where the cost of a lot comes from, the surest first. An average is as sure as the least sure part of it."""

    TRADE = "trade"  # it was bought for this
    GIVEN = "given"  # its owner says so
    MARKET = "market"  # the market value when it came, or of what was given for it
    UNKNOWN = "unknown"


_SURENESS = tuple(Basis)


class Kind(StrEnum):
    """Why something is no longer held."""

    SALE = "sale"
    FEE = "fee"
    MOVED = "moved"  # withdrawn: still its owner's, elsewhere


@dataclass(frozen=True, slots=True)
class Acquired:
    """`quantity` of `asset` came in at `at` (UTC) for `cost` in the currency of account; None is an unknown cost.

    `fee_unvalued`: a fee was paid for it in an asset without a price, so the cost is too low by that.
    """

    at: datetime
    asset: str
    quantity: Decimal
    cost: Decimal | None
    basis: Basis
    reference: str = ""
    fee_unvalued: bool = False


@dataclass(frozen=True, slots=True)
class Disposed:
    """`quantity` of `asset` went at `at` (UTC). `value`: the proceeds after fees, in the currency of account; for what
    is moved its market value, by which nothing is gained. None where it is unknown. `estimated`: the value is a market
    value, not what somebody paid. `fee_unvalued`: a fee without a price, so that the proceeds are too high by that.
    """

    at: datetime
    asset: str
    quantity: Decimal
    value: Decimal | None
    kind: Kind
    reference: str = ""
    estimated: bool = False
    fee_unvalued: bool = False


Event = Acquired | Disposed


@dataclass(frozen=True, slots=True)
class ClosedLot:
    """A lot, or the part of one, that is no longer held: a line of a tax report.

    `acquired_at` and `cost` are None where more went than was known to have come. `proceeds` is None for what was moved
    and where it is unknown; `moved_value` is the market value of what was moved, where that is known.
    """

    lot: int
    asset: str
    quantity: Decimal
    acquired_at: datetime | None
    cost: Decimal | None
    basis: Basis
    disposed_at: datetime
    kind: Kind
    proceeds: Decimal | None
    moved_value: Decimal | None
    reference: str
    estimated: bool
    fee_unvalued: bool

    @property
    def gain(self) -> Decimal | None:
        """Proceeds less cost; None for what was moved, and where either is unknown."""
        if self.proceeds is None or self.cost is None:
            return None
        with exact():
            return self.proceeds - self.cost

    @property
    def is_estimated(self) -> bool:
        """Whether its gain rests on a market value where a price paid should stand, or lacks a fee. That coins which
        went as a fee are valued by the market does not count.
        """
        return self.basis == Basis.MARKET or self.fee_unvalued or (self.estimated and self.kind == Kind.SALE)

    @property
    def held_for(self) -> timedelta | None:
        return None if self.acquired_at is None else self.disposed_at - self.acquired_at


@dataclass(frozen=True, slots=True)
class OpenLot:
    """What is still held of a lot, with its share of the cost; None where that is unknown."""

    lot: int
    asset: str
    quantity: Decimal
    acquired_at: datetime
    cost: Decimal | None
    basis: Basis
    reference: str
    fee_unvalued: bool

    @property
    def is_estimated(self) -> bool:
        return self.basis == Basis.MARKET or self.fee_unvalued


@dataclass(frozen=True, slots=True)
class LotReport:
    """Everything that became of a history: closed lots in order of disposal, open ones by asset and age."""

    closed: tuple[ClosedLot, ...]
    open: tuple[OpenLot, ...]


def settle(events: Iterable[Event], method: Method) -> LotReport:
    """All lots of a history at once; see `LotBook`."""
    book = LotBook(method)
    closed = tuple(line for event in events for line in book.apply(event))
    return LotReport(closed, tuple(book.open_lots()))


@dataclass(slots=True)
class _Lot:
    number: int
    quantity: Decimal
    source: Acquired
    cost: Decimal | None  # of what is left; under average cost only whether it is known matters


@dataclass(slots=True)
class _Pool:
    """What is held of one asset, oldest first; of all lots whose cost is known their quantity, their cost, and how
    sure the average of it is.
    """

    lots: deque[_Lot] = field(default_factory=deque)
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    basis: Basis = Basis.TRADE
    fee_unvalued: bool = False


class LotBook:
    """Lots of any number of assets as a history goes by, one event at a time, oldest first.

    Lots are numbered in the order in which they came, from 1; what was never seen to come takes a number when it goes.
    The same history always gives the same numbers.
    """

    def __init__(self, method: Method) -> None:
        self._is_average = method == Method.AVERAGE
        self._pools: dict[str, _Pool] = {}
        self._last_number = 0
        self._last_at: datetime | None = None

    def apply(self, event: Event) -> list[ClosedLot]:
        """Take in one event; the lots, or parts of lots, that it closed. Raises ValueError for an event older than the
        one before it, or of a quantity that is not above 0.
        """
        if self._last_at is not None and event.at < self._last_at:
            raise ValueError(f"events run backwards: {event.at} after {self._last_at}")
        if event.quantity <= 0:
            raise ValueError(f"a quantity of {event.quantity} {event.asset}")
        self._last_at = event.at
        with exact():
            if isinstance(event, Acquired):
                self._acquire(event)
                return []
            return self._dispose(event)

    def open_lots(self) -> Iterator[OpenLot]:
        """What is held now, by asset and age."""
        for asset, pool in sorted(self._pools.items()):
            quantity, cost = pool.quantity, pool.cost
            for lot in pool.lots:
                share = lot.cost
                if share is not None and self._is_average:
                    share = _part(cost, lot.quantity, quantity)
                if share is not None:
                    with exact():
                        quantity, cost = quantity - lot.quantity, cost - share
                basis, fee_unvalued = self._sureness(pool, lot)
                source = lot.source
                yield OpenLot(lot.number, asset, lot.quantity, source.at, share, basis, source.reference, fee_unvalued)

    def _sureness(self, pool: _Pool, lot: _Lot) -> tuple[Basis, bool]:
        if self._is_average and lot.cost is not None:
            return pool.basis, pool.fee_unvalued
        return lot.source.basis, lot.source.fee_unvalued

    def _acquire(self, event: Acquired) -> None:
        pool = self._pools.setdefault(event.asset, _Pool())
        self._last_number += 1
        pool.lots.append(_Lot(self._last_number, event.quantity, event, event.cost))
        if event.cost is None:
            return
        if not pool.quantity:
            pool.basis, pool.fee_unvalued = event.basis, False
        pool.quantity += event.quantity
        pool.cost += event.cost
        pool.basis = max(pool.basis, event.basis, key=_SURENESS.index)
        pool.fee_unvalued |= event.fee_unvalued

    def _dispose(self, event: Disposed) -> list[ClosedLot]:
        pool = self._pools.setdefault(event.asset, _Pool())
        quantity, value = event.quantity, event.value
        closed = []
        while quantity:
            taken = min(quantity, pool.lots[0].quantity) if pool.lots else quantity
            share = None if value is None else _part(value, taken, quantity)
            closed.append(self._close(pool, event, taken, share))
            quantity -= taken
            if value is not None and share is not None:
                value -= share
        return closed

    def _close(self, pool: _Pool, event: Disposed, taken: Decimal, value: Decimal | None) -> ClosedLot:
        """Take `taken` from the oldest lot, which holds that much, or from a lot nobody knows of."""
        is_moved = event.kind == Kind.MOVED
        if pool.lots:
            lot = pool.lots[0]
            number, acquired_at = lot.number, lot.source.at
            basis, fee_unvalued = self._sureness(pool, lot)
            cost = self._take(pool, lot, taken)
        else:
            self._last_number += 1
            number, acquired_at, basis, fee_unvalued, cost = self._last_number, None, Basis.UNKNOWN, False, None
        return ClosedLot(
            lot=number,
            asset=event.asset,
            quantity=taken,
            acquired_at=acquired_at,
            cost=cost,
            basis=basis,
            disposed_at=event.at,
            kind=event.kind,
            proceeds=None if is_moved else value,
            moved_value=value if is_moved else None,
            reference=event.reference,
            estimated=event.estimated,
            fee_unvalued=event.fee_unvalued or fee_unvalued,
        )

    def _take(self, pool: _Pool, lot: _Lot, taken: Decimal) -> Decimal | None:
        """Take from the oldest lot; the cost of what was taken."""
        cost = None
        if lot.cost is not None:
            if self._is_average:
                cost = _part(pool.cost, taken, pool.quantity)
            else:
                cost = _part(lot.cost, taken, lot.quantity)
                lot.cost -= cost
            pool.quantity -= taken
            pool.cost -= cost
        lot.quantity -= taken
        if not lot.quantity:
            pool.lots.popleft()
        return cost


def _part(amount: Decimal, quantity: Decimal, of: Decimal) -> Decimal:
    """The share of `amount` that falls on `quantity` of `of`: cut, never more than there is; the whole is all."""
    if quantity == of:
        return amount
    with wide():
        return (amount * quantity / of).quantize(_UNIT, rounding=ROUND_DOWN)
