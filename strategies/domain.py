"""What an owner wants, and the plan that gets there. Pure values; the planner is in strategies.planner.

Weights and limits are in percent, notional and value in the quote stablecoin, quantities in the base asset.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from botbalance.lib.money import HUNDRED, ONE, ZERO, plain, quantize, wide
from exchanges.domain import Side
from strategies.direct_reasons import DIRECT_REASONS

MAX_TARGETS = 50
DAYS_OF_A_YEAR = 365  # these markets never close
# What fees are paid in at a discount, where the account's owner has switched that on at the exchange.
BNB = "BNB"


class Trigger(StrEnum):
    """When the autopilot acts: outside the band, on a schedule, or on a schedule where outside the band."""

    THRESHOLD = "threshold"
    PERIODIC = "periodic"
    BOTH = "both"


class BandType(StrEnum):
    """Absolute: points of NAV. Relative: percent of the target weight."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"


class TradeTo(StrEnum):
    """How far a leg goes: to the target itself, or only back to the edge of the band."""

    TARGET = "target"
    EDGE = "edge"


class Goal(StrEnum):
    """What a plan is for.

    BAND: trade what is outside its band. TARGET: trade everything to its target, whatever the band. BUY: bring what is
    below its target up to it with the quote that the targets do not ask for; nothing is sold.
    """

    BAND = "band"
    TARGET = "target"
    BUY = "buy"


@dataclass(frozen=True, slots=True)
class Target:
    """A wanted weight in percent. `keep` is a quantity of the asset that is never sold."""

    asset: str
    weight_pct: Decimal
    keep: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Limits:
    """How a strategy may trade.

    min_delta_pct: the band; nothing inside it is traded. order_size_pct: largest leg, in percent of the managed
    value. order_step_pct: distance of a limit price from mid, in percent; negative crosses the spread.
    quote_reserve_pct: share of the managed value in quote that buys never touch. turnover_left: notional that may
    still be traded, None for no limit. fee_rate: commission as a fraction, for estimates and for what buys leave free.
    worst_price_pct: how far from its symbol's first price (`first_prices`) an order may be priced for the worse, in
    percent; None, or a symbol without a first price, for any distance. max_order_nav_pct: largest notional of a leg, in
    percent of the whole account. open_slots: how many more orders may be open at the account. Both None for no limit.
    jumps: symbols that are not traded because their price has jumped, with its distance in percent from the median of
    the last `jump_minutes`. occupied: symbols on which an order waits that no other is to be added to.
    hysteresis_pct: how far inside the edge a leg to the edge goes, in percent of the band; 0 is the edge, 100 the
    target. cost_horizon_days: a coin is traded only where the fee is less than being off its target would cost over so
    many days, by `variances` (of a year, as fractions squared, by asset; one that is not known is traded); None for no
    such test. direct_pairs: what one coin has too much of and another lacks is traded on the symbol of the two, where
    that is cheaper than two orders through the quote. maker_rate: commission of an order that waits for its price, as a
    fraction; None for `fee_rate`. avoided: symbols of two coins that are not to be traded on.
    bnb_for_fees: worth of BNB that is kept to pay fees: it is neither sold nor a part of what is managed, and is bought
    again when less than half of it is left; 0 for none, and for an account that does not pay in BNB.
    """

    min_delta_pct: Decimal = ONE
    order_size_pct: Decimal = Decimal(25)
    order_step_pct: Decimal = ZERO
    band_type: BandType = BandType.ABSOLUTE
    trade_to: TradeTo = TradeTo.TARGET
    quote_reserve_pct: Decimal = ZERO
    max_orders: int = 20
    turnover_left: Decimal | None = None
    sell_unlisted: bool = False
    fee_rate: Decimal = Decimal("0.001")
    goal: Goal = Goal.BAND
    first_prices: Mapping[str, Decimal] = field(default_factory=dict)
    worst_price_pct: Decimal | None = None
    max_order_nav_pct: Decimal | None = None
    open_slots: int | None = None
    jumps: Mapping[str, Decimal] = field(default_factory=dict)
    jump_minutes: int = 0
    occupied: frozenset[str] = frozenset()
    hysteresis_pct: Decimal = ZERO
    cost_horizon_days: Decimal | None = None
    variances: Mapping[str, Decimal] = field(default_factory=dict)
    direct_pairs: bool = False
    maker_rate: Decimal | None = None
    avoided: frozenset[str] = frozenset()
    bnb_for_fees: Decimal = ZERO

    def worst_price(self, symbol: str, side: Side) -> Decimal | None:
        """The price no buy on the symbol may be above and no sell below; None for none."""
        first = self.first_prices.get(symbol)
        if first is None or self.worst_price_pct is None:
            return None
        share = self.worst_price_pct / HUNDRED
        return first * (ONE + share if side == Side.BUY else ONE - share)


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that rests at the exchange: what it will still buy or sell is not planned twice.

    `placed_as` is its side at the exchange where `side` is that of one of its two coins: who buys ETH with BTC sells
    BTC.
    """

    symbol: str
    side: Side
    price: Decimal
    remaining: Decimal
    placed_as: Side | None = None


class Direct(NamedTuple):
    """What a leg between two coins trades in place of the quote: the `counter`. Prices are in the quote; `cost` is what
    the leg costs, `instead` what two legs through the quote would: shares of its value.
    """

    counter: str
    counter_price: Decimal
    base_price: Decimal
    cost: Decimal
    instead: Decimal


class Leg(NamedTuple):
    """One LIMIT order of a plan. `fee` is an estimate in the quote; `asset` is what `quantity` is of. Without `direct`
    it is traded against the quote, and `price` is in that; else in the counter.
    """

    symbol: str
    asset: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    direct: Direct | None = None

    @property
    def notional(self) -> Decimal:
        """What it trades, in the quote."""
        if self.direct is None:
            return self.price * self.quantity
        return self.price * self.quantity * self.direct.counter_price

    @property
    def told(self) -> "Skip | None":
        """Why it trades two coins for each other, as a sentence of REASONS; None for a leg against the quote."""
        if self.direct is None:
            return None
        sold, bought = self.asset, self.direct.counter
        if self.side is Side.BUY:
            sold, bought = bought, sold
        costs = {"cost": self.direct.cost, "instead": self.direct.instead}
        return Skip(self.symbol, "direct", {"sold": sold, "bought": bought, **costs})


class Skip(NamedTuple):
    """An asset that is left alone, and why: a code of REASONS with what its sentence speaks of.

    Facts are texts, or decimals that become texts when the sentence is asked for: a plan of which nobody reads the
    reasons, as in a back-test, does not pay for them. Decimals are shown with two decimals; drift and band are values
    in the quote, shown as points of `managed`; cost and instead are shares, shown in percent.
    """

    asset: str
    code: str
    facts: Mapping[str, Decimal | str] = {}

    @property
    def values(self) -> dict[str, str]:
        """The values of the sentence as they are shown."""
        return {name: self._text(name, fact) for name, fact in self.facts.items() if name != "managed"}

    def _text(self, name: str, fact: Decimal | str) -> str:
        if isinstance(fact, str):
            return fact
        if name in _POINTS:
            managed = self.facts["managed"]
            fact = points_of(fact, managed) if isinstance(managed, Decimal) else fact
        elif name in _SHARES:
            shown = {quantize(Decimal(self.facts[share]) * HUNDRED, 2) for share in _SHARES}
            alike = len(shown) == 1 and len({self.facts[share] for share in _SHARES}) == 2
            return f"{quantize(fact * HUNDRED, 4 if alike else 2):f}"
        return plain(quantize(fact, 2))

    @property
    def reason(self) -> str:
        return REASONS[self.code].format(**self.values)


_POINTS = frozenset({"drift", "band"})
_SHARES = frozenset({"cost", "instead"})


class AllocationView(NamedTuple):
    """Weight of one asset now, as wanted, and after the plan's legs have filled. None where it has no price."""

    asset: str
    weight_pct: Decimal | None
    target_pct: Decimal | None
    after_pct: Decimal | None
    value: Decimal | None = None


@dataclass(frozen=True)
class Plan:
    """Legs in the order they are sent, sells first. `nav` is the whole account, `managed` the part targets refer to.

    `is_cut_short`: something that is wanted, or ought to be, has no order. Reasons and weights are worked out for who
    asks for them: a plan with legs is traded without. `untaken`: symbols on which two coins could be traded for each
    other and are not, by symbol, each with the reason. `leg_for_fees` is the one of the legs, if any, that buys BNB to
    pay fees with.
    """

    quote: str
    nav: Decimal
    managed: Decimal
    legs: tuple[Leg, ...]
    goal: Goal
    is_cut_short: bool
    note: Callable[[], tuple[Skip, ...]] = field(compare=False, repr=False)
    explain: Callable[[tuple[Skip, ...]], tuple[Skip, ...]] = field(compare=False, repr=False)
    weigh: Callable[[], tuple[AllocationView, ...]] = field(compare=False, repr=False)
    untaken: tuple[Skip, ...] = ()
    leg_for_fees: Leg | None = None

    @cached_property
    def noted(self) -> tuple[Skip, ...]:
        """The skips of what is not where it should be."""
        return self.note()

    @cached_property
    def skips(self) -> tuple[Skip, ...]:
        """Every asset that is not traded, by name, with its reason."""
        return self.explain(self.noted)

    @cached_property
    def allocations(self) -> tuple[AllocationView, ...]:
        """Weights before and after the legs, the quote last, others by target."""
        return self.weigh()

    @property
    def is_settled(self) -> bool:
        """Nothing to trade, and nothing that ought to be: the goal is reached."""
        return not self.legs and not self.unsettled

    @property
    def unsettled(self) -> tuple[Skip, ...]:
        if not self.noted:
            return ()
        settled = SETTLED_FOR[self.goal]
        return tuple([skip for skip in self.noted if skip.code not in settled])


# Reasons that leave nothing to be done. `held` are coins the owner did not list and did not ask to sell.
SETTLED = frozenset(
    {"within_band", "at_target", "held", "held_unpriced", "kept", "kept_for_fees", "not_worth", "direct_rest"}
)
# What may be over in a moment, and is looked at every time.
PASSING = frozenset({"price_jump", "crossed_price"})
# Without a band there is always a rest too small to be traded, and buying ends when what may be spent is spent.
SETTLED_FOR: dict[Goal, frozenset[str]] = {
    Goal.BAND: SETTLED,
    Goal.TARGET: SETTLED | {"below_min_notional", "below_lot", "spent"},
    Goal.BUY: SETTLED | {"below_min_notional", "below_lot", "buy_only", "no_quote"},
}


def _(sentence: str) -> str:
    """Mark a sentence for translation; it is translated where it is shown, since a pure module knows no language."""
    return sentence


REASONS: dict[str, str] = {
    **DIRECT_REASONS,
    "within_band": _("Within the band: {drift} points from the target {target}%, the band is {band} points."),
    "at_target": _("At its target of {target}%, but for a rest of {drift} points."),
    "spent": _(
        "Fees and roundings have left too little {quote} for the last {drift} points, which are within the band."
    ),
    "held": _("Not among the targets, so it is left alone and does not count towards them."),
    "held_unpriced": _("Not among the targets and without a price in {quote}; left alone."),
    "kept": _("Above its target, but {keep} {asset} are never sold."),
    "kept_for_fees": _("Kept to pay fees with, up to {worth} {quote}; that does not count towards the targets."),
    "not_worth": _(
        "Left as it is: the fee of {fee} {quote} is more than the {benefit} {quote} that being nearer to its target is "
        "worth over {days} days."
    ),
    "no_pair": _("There is no {asset}/{quote} pair on this exchange."),
    "not_trading": _("{symbol} is not trading at the moment (status {status})."),
    "no_price": _("{symbol} has no usable price at the moment."),
    "crossed_price": _("The prices of {symbol} are crossed (bid above ask); nothing is traded on them."),
    "covered": _("Open orders on {symbol} already cover the difference."),
    "opposite_order": _("An open {side} order on {symbol} stands against this; it must fill or be cancelled first."),
    "order_waits": _("An open order on {symbol} waits for its price; no other is added to it."),
    "too_many_open": _("{symbol} already has {count} open orders, the most the exchange allows."),
    "below_min_notional": _(
        "The difference of {amount} {quote} is under the smallest {symbol} order, {minimum} {quote}."
    ),
    "below_lot": _("The difference is less than the smallest quantity of {symbol}, {minimum} {asset}."),
    "no_quote": _("Not enough free {quote}: {free} {quote} is left to spend, the order would need {needed} {quote}."),
    "others_first": _("What {quote} there is does more for other coins in this round; its turn may come in the next."),
    "locked": _("Only {free} {asset} is free to sell; the rest is locked in open orders or other services."),
    "max_orders": _("The limit of {count} orders a round is reached; its turn comes in the next round."),
    "max_turnover": _("The turnover limit of this strategy is reached."),
    "max_position": _("{symbol} allows no more than {maximum} {asset} to be held."),
    "filter": _("The exchange would refuse the order ({filter})."),
    "buy_only": _("Above its target, but this plan only buys."),
    "worst_price": _("{symbol} has moved further than the worst price allowed, {price} {quote}."),
    "price_jump": _(
        # xgettext:no-python-format  # noqa: ERA001  (an order to xgettext: "% f" is no placeholder)
        "{symbol} is {pct}% from its median of the last {minutes} minutes; it is not traded until it settles."
    ),
    "doubtful_value": _("As long as the price of {symbol} is in doubt, so is every weight; nothing is traded on it."),
    "max_order_share": _(
        # xgettext:no-python-format  # noqa: ERA001  (an order to xgettext: "% o" is no placeholder)
        "This server allows no order above {share}% of the portfolio; the smallest {symbol} order is larger."
    ),
    "max_open_orders": _("The account has as many open orders as this server allows."),
    "quote_off": _("{quote} is {drift} points from what the targets leave for it; no coin's difference can be traded."),
    "nothing_to_manage": _("There is nothing to divide: the account holds no value in {quote} and the targets."),
}


def at_rest(skips: Iterable[Skip]) -> frozenset[str]:
    """Assets that are where they should be: when they leave, that is a new attempt."""
    return frozenset(skip.asset for skip in skips if skip.code in SETTLED)


def points_of(value: Decimal, managed: Decimal) -> Decimal:
    """A value in percent of what is managed."""
    with wide():
        return value / managed * HUNDRED if managed > 0 else ZERO


def held_apart(assets: Iterable[str], targets: Iterable[Target], quote: str, sell_unlisted: bool) -> list[str]:
    """Assets that are neither targets nor the quote and not to be sold: left alone, and no part of what is managed."""
    if sell_unlisted:
        return []
    wanted = {target.asset for target in targets}
    return sorted(asset for asset in assets if asset not in wanted and asset != quote)


def target_weights(targets: Iterable[Target], quote: str) -> dict[str, Decimal]:
    """Weight of every target in percent; the quote gets what they leave."""
    weights = {target.asset: target.weight_pct for target in targets}
    return {**weights, quote: HUNDRED - sum(weights.values(), ZERO)}


def leg_key(leg: Leg) -> tuple[str, str]:
    return leg.symbol, leg.side.value


def describe_legs(legs: Iterable[Leg]) -> list[list[str]]:
    """What a plan digest vouches for: symbol, side, price and quantity of every leg."""
    return [[leg.symbol, leg.side.value, f"{leg.price:f}", f"{leg.quantity:f}"] for leg in legs]


def has_moved(agreed: list[list[str]], legs: Iterable[Leg], tolerance_pct: Decimal = ONE) -> bool:
    """Whether a plan differs from the one its owner agreed to: other legs, or any price or quantity off by more."""
    before = {(symbol, side): (Decimal(price), Decimal(quantity)) for symbol, side, price, quantity in agreed}
    now = {leg_key(leg): (leg.price, leg.quantity) for leg in legs}
    if before.keys() != now.keys():
        return True
    return any(
        abs(new - old) * HUNDRED > old * tolerance_pct
        for key in now
        for old, new in zip(before[key], now[key], strict=True)
    )
