"""The legs of a plain round: everything is priced and trades, nothing rests, and every want gets its order. Pure.

Most rounds of a back-test are plain, and for them the careful way (strategies.planner.rounds) asks many questions of
which the answer is known. What is found here is what it finds, to the last digit; wherever it might find anything else
nothing is found here, and it is asked.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal, Inexact
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from botbalance.lib.money import ONE, ZERO, wide
from exchanges.domain import Price, PriceSnapshot, Side, SymbolRules
from portfolio.domain import Holding, Valuation
from strategies.domain import BNB, Goal, Leg, Limits, Plan, Skip
from strategies.planner.bands import Width
from strategies.planner.fee_money import sell_bnb_first

if TYPE_CHECKING:
    from strategies.planner.rounds import Planner
    from strategies.planner.wants import Row

BUY, SELL = Side.BUY, Side.SELL
ANY = Decimal("Infinity")
_new = tuple.__new__  # a NamedTuple without its constructor, which costs twice as much
_distance = itemgetter(0)


class Standing(NamedTuple):
    """What is held where nothing rests: the value of all, the quote among it, and, in the order of the planner's rows,
    middles of the market, quantities and values. Nothing else is held.
    """

    nav: Decimal
    cash: Decimal
    mids: Sequence[Decimal]
    held: Sequence[Decimal]
    values: Sequence[Decimal]


class Line(NamedTuple):
    """An asset and the bounds of its orders; those that are not set are 0 or infinite."""

    asset: str
    symbol: str
    price_grid: Decimal
    quantity_grid: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal
    max_notional: Decimal
    min_price: Decimal
    max_price: Decimal


# An asset outside its band: its distance from the target and the value to move, both in the quote, then its line, the
# middle of its market and what is held of it.
_Want = tuple[Decimal, Decimal, Line, Decimal, Decimal]


class PlainPlan(NamedTuple):
    """The plan of a plain round: it has legs. `is_cut_short`: buys wait for what the sells will bring. What else a Plan
    tells is worked out where somebody asks.
    """

    rounds: "PlainRounds"
    standing: Standing
    legs: Sequence[Leg]
    is_cut_short: bool

    @property
    def is_settled(self) -> bool:
        return False

    @property
    def noted(self) -> tuple[Skip, ...]:
        return self.rounds.careful(self.standing).noted

    @property
    def skips(self) -> tuple[Skip, ...]:
        return self.rounds.careful(self.standing).skips


class PlainRounds:
    """Plain rounds under one strategy's limits."""

    def __init__(self, planner: "Planner") -> None:
        self.planner = planner
        self.lines = [_line(row) for row in planner.rows]
        self.shares = [row.share for row in planner.rows]
        self.band_shares = [_band_share(planner.width, row.share) for row in planner.rows]
        self.order_share = planner.sizes.order_share
        self.edge_share = planner.edge_share if planner.is_to_edge else ZERO
        self.with_fee, self.fee_rate = planner.sizes.with_fee, planner.sizes.fee_rate
        self.less_fee = planner.sizes.less_fee
        self.may_sell_bnb = any(line.asset == BNB for line in self.lines)
        self.reserve_share = planner.reserve_share
        self.least_notional = planner.least_notional
        self.max_orders = planner.limits.max_orders
        self.is_band = planner.limits.goal is Goal.BAND

    @classmethod
    def of(cls, planner: "Planner") -> "PlainRounds | None":
        """None where the limits, or the rules of a symbol, ask for more than a plain round looks at."""
        return cls(planner) if _is_plain(planner.limits) and all(map(_has_plain_rules, planner.rows)) else None

    def plan(self, standing: Standing) -> "PlainPlan | None":
        """The plan of a plain round, which has legs; None where the careful way has to look."""
        try:
            nav, cash, mids, held, values = standing
            if nav <= ZERO:
                return None
            sells, buys = self._wants(nav, mids, held, values)
            if not 0 < len(sells) + len(buys) <= self.max_orders:
                return None
            if self.is_band and buys and not self._money_reaches(sells, buys, cash - nav * self.reserve_share):
                return None
            cap, legs = nav * self.order_share, list[Leg]()
            if not self._sell(sells, cap, legs):
                return None
            if self.may_sell_bnb:
                sell_bnb_first(legs)
            bought = self._buy(buys, cap, cash - nav * self.reserve_share, legs)
        except Inexact:
            return None  # a figure with more digits than a ledger has; only the careful way rounds
        if bought is None or (not sells and bought < len(buys)):
            return None
        return _new(PlainPlan, (self, standing, legs, bought < len(buys)))

    def careful(self, standing: Standing) -> Plan:
        """The same plan made the careful way, which knows its reasons."""
        quote, prices = self.planner.quote, {}
        holdings = [Holding(quote, standing.cash, ZERO, ONE, standing.cash, None)]
        for line, mid, held, value in zip(self.lines, standing.mids, standing.held, standing.values, strict=True):
            holdings.append(Holding(line.asset, held, ZERO, mid, value, None))
            prices[line.symbol] = Price(line.symbol, mid, mid, mid)
        valuation = Valuation(quote, standing.nav, tuple(holdings), (), "", 0)
        return self.planner.plan(valuation, PriceSnapshot("", "", 0, prices))

    def _wants(
        self, nav: Decimal, mids: Sequence[Decimal], held: Sequence[Decimal], values: Sequence[Decimal]
    ) -> tuple[list[_Want], list[_Want]]:
        """What is to be sold and what is to be bought, the largest distance first."""
        edge_share = self.edge_share
        sells: list[_Want] = []
        buys: list[_Want] = []
        for share, band_share, line, mid, quantity, value in zip(
            self.shares, self.band_shares, self.lines, mids, held, values, strict=True
        ):
            delta = nav * share - value
            distance, band = abs(delta), nav * band_share
            if distance > band:
                amount = distance - band * edge_share if edge_share else distance
                (sells if delta < ZERO else buys).append((distance, amount, line, mid, quantity))
        sells.sort(key=_distance, reverse=True)
        buys.sort(key=_distance, reverse=True)
        return sells, buys

    def _money_reaches(self, sells: Iterable[_Want], buys: Iterable[_Want], budget: Decimal) -> bool:
        """Whether everything can be paid for without selling what is within its band."""
        brought = sum((amount for _away, amount, *_rest in sells), ZERO) * self.less_fee
        return sum((amount for _away, amount, *_rest in buys), ZERO) * self.with_fee <= budget + brought

    def _sell(self, wants: Iterable[_Want], cap: Decimal, legs: list[Leg]) -> bool:
        fee_rate = self.fee_rate
        for _away, amount, line, mid, free in wants:
            asset, symbol, tick, step, least, most, least_notional, most_notional, lowest, highest = line
            quantity = (amount if amount <= cap else cap) // (mid * step) * step
            if quantity > free:
                quantity = free // step * step
            notional = mid * quantity
            if not (least <= quantity <= most and least_notional <= notional <= most_notional):
                return False
            if mid % tick or not lowest <= mid <= highest:
                return False
            legs.append(_new(Leg, (symbol, asset, SELL, mid, quantity, notional * fee_rate, None)))
        return True

    def _buy(self, wants: Iterable[_Want], cap: Decimal, budget: Decimal, legs: list[Leg]) -> int | None:
        """How many have got their order before the money ended; None where one has not with money there."""
        with_fee, fee_rate, bought = self.with_fee, self.fee_rate, 0
        for _away, amount, line, mid, held in wants:
            if budget < self.least_notional:
                break
            asset, symbol, tick, step, least, most, least_notional, most_notional, lowest, highest = line
            size = amount if amount <= cap else cap
            quantity = size // (mid * step) * step
            if size * with_fee > budget:
                quantity = min(quantity, budget // (mid * with_fee * step) * step)
            notional = mid * quantity
            if not (least <= quantity <= most and least_notional <= notional <= most_notional):
                return None
            if mid % tick or not lowest <= mid <= highest:
                return None
            if held < quantity:  # of a new coin no less than can be sold again
                left = (held + quantity * self.less_fee) // step * step
                if left < least or left * mid < least_notional:
                    return None
            legs.append(_new(Leg, (symbol, asset, BUY, mid, quantity, notional * fee_rate, None)))
            budget -= notional * with_fee
            bought += 1
        return bought


def _is_plain(limits: Limits) -> bool:
    """Whether orders are priced at the middle, and nothing but their size, number and the money limits them."""
    return (
        limits.goal in (Goal.BAND, Goal.TARGET)
        and not limits.order_step_pct
        and not limits.first_prices
        and not limits.jumps
        and not limits.occupied
        and limits.open_slots is None
        and limits.turnover_left is None
        and (limits.max_order_nav_pct is None or limits.max_order_nav_pct >= limits.order_size_pct)
        and limits.cost_horizon_days is None
        and not limits.direct_pairs
        and not limits.bnb_for_fees
    )


def _band_share(width: Width, share: Decimal) -> Decimal:
    """The band around a target, as a share of what is managed."""
    with wide():
        return width.value(share, ONE)


def _has_plain_rules(row: "Row") -> bool:
    """Whether an order at the middle passes the symbol's filters but for its size."""
    rules = row.rules
    if rules is None or not row.is_trading or row.keep or rules.max_position:
        return False
    return all(up == 0 or up >= 1 for up in (rules.bid_multiplier_up, rules.ask_multiplier_up)) and all(
        down <= ONE for down in (rules.bid_multiplier_down, rules.ask_multiplier_down)
    )


def _line(row: "Row") -> Line:
    assert isinstance(row.rules, SymbolRules)
    rules = row.rules
    return Line(
        row.asset,
        row.symbol,
        rules.price_grid,
        rules.quantity_grid,
        max(rules.min_quantity, rules.quantity_grid),
        rules.max_quantity or ANY,
        rules.min_notional,
        rules.max_notional or ANY,
        rules.min_price,
        rules.max_price or ANY,
    )
