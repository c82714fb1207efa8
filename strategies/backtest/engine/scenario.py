"""What a back-test assumes: targets and limits, fees, how orders fill, what is paid in and out. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from botbalance.lib.money import ZERO
from exchanges.domain import ExchangeInfo
from strategies.domain import Limits, Target, Trigger
from strategies.schedules import Every
from strategies.target_models.values import ModelSettings


class FillMode(StrEnum):
    """When orders fill: on the candles after the one that moved the autopilot to place them, or at its close."""

    RANGE = "range"
    CLOSE = "close"


class Reach(StrEnum):
    """What fills a resting order: a candle that touches its price, or one that goes through it by a tick."""

    TOUCH = "touch"
    THROUGH = "through"


@dataclass(frozen=True, slots=True)
class Fills:
    """How orders fill.

    `participation_pct` is the largest share of a candle's volume that our orders take, None for any. `spread_pct` is
    the whole spread between bid and ask, in percent of the price: candles are taken to be of the middle. An order that
    is placed at the end of a candle is at the exchange in the next one; it never fills by a candle it was decided on,
    but in the mode CLOSE, where it fills at that candle's close or not at all by it.
    """

    mode: FillMode = FillMode.RANGE
    reach: Reach = Reach.TOUCH
    participation_pct: Decimal | None = Decimal(10)
    spread_pct: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Fees:
    """Commission as fractions, taken from what is received; with `in_bnb`, in BNB at three quarters, where there is
    enough of it and it has a price.
    """

    maker: Decimal = Decimal("0.001")
    taker: Decimal = Decimal("0.001")
    in_bnb: bool = False


class Flow(NamedTuple):
    """What is paid in (above 0) or out (below 0) at the first row that ends at `at_ms` or later."""

    at_ms: int
    asset: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class TargetModel:
    """A model that weighs the targets anew every so often. `figures`: market capitalisations by asset, at all times."""

    weighs: ModelSettings
    every: timedelta
    figures: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One strategy as it is tried on the past.

    `start` is what is held before the first row. With `begins_by_hand` the owner rebalances once at the first row, as
    after setting targets; the autopilot is on from then on. `limits.turnover_left`, `first_prices` and `occupied` are
    set while it runs; `max_turnover_pct` is of NAV within 24 hours. `whole_portfolio`: as soon as one weight is outside
    its band, everything goes to its target. With a `model` the weights of the targets hold until it first answers; what
    it then says holds at once.
    """

    quote: str
    targets: tuple[Target, ...]
    limits: Limits
    info: ExchangeInfo
    start: Mapping[str, Decimal]
    trigger: Trigger = Trigger.THRESHOLD
    every: Every = timedelta(days=1)
    whole_portfolio: bool = False
    fills: Fills = field(default_factory=Fills)
    fees: Fees = field(default_factory=Fees)
    flows: tuple[Flow, ...] = ()
    deploy_deposits: bool = False
    order_lifetime_seconds: int = 60
    reprice_distance_pct: Decimal | None = None
    max_turnover_pct: Decimal | None = None
    begins_by_hand: bool = True
    model: TargetModel | None = None
