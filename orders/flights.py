"""Reads of the dispatcher: many strategies in few queries, and no more of each than it needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from botbalance.lib.many import among
from botbalance.lib.money import ZERO
from exchanges.models import ExchangeAccount
from orders.models import Autopilot
from strategies.domain import Target
from strategies.models import Allocation, Strategy
from strategies.schedules import coming_time
from strategies.selectors import every

UNUSABLE = (ExchangeAccount.Status.REFUSED, ExchangeAccount.Status.PAUSED)


@dataclass(frozen=True, slots=True)
class Flight:
    """A strategy whose autopilot flies, as far as the dispatcher needs it. `is_usable`: its owner and key may trade.

    `version` changes with what it holds and wants; `as_of` is the time of its account's balances, None where they were
    never read. `scheduled_at` is None where a tick has to say when its schedule comes round.
    """

    strategy_id: int
    account_id: int
    user_id: int
    trigger: str
    scheduled_at: datetime | None
    is_usable: bool
    on_paper: bool
    has_own_keys: bool
    changed_at: datetime
    as_of: datetime | None

    @property
    def version(self) -> tuple[datetime, datetime | None]:
        return self.changed_at, self.as_of


def flights_at(account_ids: Sequence[int]) -> list[Flight]:
    """The strategies that fly at these accounts, in one query."""
    rows = Autopilot.objects.filter(
        is_on=True,
        paused_at=None,
        strategy__account__in=among(account_ids),
        strategy__is_active=True,
        strategy__archived_at=None,
    ).values_list(
        "strategy_id",
        "strategy__account_id",
        "user_id",
        "strategy__trigger_mode",
        "scheduled_at",
        "strategy__interval_minutes",
        "strategy__calendar",
        "strategy__account__status",
        "user__suspended_at",
        "strategy__account__venue",
        "strategy__account__key_tail",
        "strategy__updated_at",
        "strategy__account__balances__as_of",
    )
    now = timezone.now()
    return [
        Flight(
            strategy_id=pk,
            account_id=account,
            user_id=user,
            trigger=trigger,
            # Further away than an interval: that was longer when the time was set.
            scheduled_at=at if at is not None and coming_time(at, now, every(minutes, calendar)) == at else None,
            is_usable=status not in UNUSABLE and suspended_at is None,
            on_paper=venue == ExchangeAccount.Venue.PAPER,
            has_own_keys=bool(key_tail),
            changed_at=changed_at,
            as_of=as_of,
        )
        for (
            pk,
            account,
            user,
            trigger,
            at,
            minutes,
            calendar,
            status,
            suspended_at,
            venue,
            key_tail,
            changed_at,
            as_of,
        ) in rows
    ]


@dataclass(frozen=True, slots=True)
class Portfolio:
    """What a strategy wants, and what its account holds of each asset, free and locked together."""

    flight: Flight
    targets: list[Target]
    quote: str
    band_pct: Decimal
    band_type: str
    sell_unlisted: bool
    reserve_pct: Decimal
    bnb_for_fees: Decimal
    holdings: dict[str, Decimal]


def portfolios_of(flying: Sequence[Flight]) -> list[Portfolio]:
    """The portfolios of these strategies as last known, in two queries, however many there are."""
    if not flying:
        return []
    by_strategy = {flight.strategy_id: flight for flight in flying}
    targets: dict[int, list[Target]] = {}
    for strategy_id, asset, weight, keep in Allocation.objects.filter(strategy__in=among(by_strategy)).values_list(
        "strategy_id", "asset", "weight_pct", "keep"
    ):
        targets.setdefault(strategy_id, []).append(Target(asset, weight, keep))
    rows = Strategy.objects.filter(pk__in=among(by_strategy)).values_list(
        "pk",
        "quote",
        "min_delta_pct",
        "band_type",
        "sell_unlisted",
        "quote_reserve_pct",
        "bnb_for_fees",
        "account__pays_in_bnb",
        "account__balances__balances",
    )
    return [
        Portfolio(
            by_strategy[pk],
            targets.get(pk, []),
            quote,
            band_pct,
            band_type,
            sell_unlisted,
            reserve_pct,
            bnb_for_fees if pays_in_bnb else ZERO,
            {asset: Decimal(free) + Decimal(locked) for asset, (free, locked) in (holdings or {}).items()},
        )
        for pk, quote, band_pct, band_type, sell_unlisted, reserve_pct, bnb_for_fees, pays_in_bnb, holdings in rows
    ]
