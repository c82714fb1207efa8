"""One round of orders: what is wanted, what of it the limits and filters allow, and why not the rest. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from operator import attrgetter

from botbalance.lib.money import HUNDRED, ONE, ZERO, plain, wide
from exchanges.domain import ExchangeInfo, PriceSnapshot, Side
from portfolio.domain import Holding, Valuation
from strategies.domain import (
    BNB,
    DAYS_OF_A_YEAR,
    AllocationView,
    Goal,
    Leg,
    Limits,
    OpenOrder,
    Plan,
    Skip,
    Target,
    TradeTo,
)
from strategies.planner import crosses
from strategies.planner.allocations import allocations
from strategies.planner.bands import Managed, Width
from strategies.planner.choosing import choose, is_small, may_gain
from strategies.planner.doubts import doubtful_symbol
from strategies.planner.fee_money import buy_fee_money, sell_bnb_first, without_fee_money
from strategies.planner.obstacles import why_unusable
from strategies.planner.resting import obstacle, orders_by_symbol
from strategies.planner.sizes import Sizes
from strategies.planner.wants import Row, Want, resting_quantity, rows_of
from strategies.planner.within_bands import sales_for_purchases, wants_of_the_quote

# An asset within its band: its row, the band, the price, the signed distance to the target, what is free and held.
Inside = tuple[Row, Decimal, Decimal, Decimal, Decimal, Decimal]
# Looked up in every loop.
BUY, SELL, BAND = Side.BUY, Side.SELL, Goal.BAND
_DISTANCE = attrgetter("distance")
_new = tuple.__new__  # a NamedTuple without its constructor, which costs twice as much


def _asks(side: Side, without: Decimal, band: Decimal) -> bool:
    """Whether an asset asks for this side also `without` the orders that rest: so far from its target."""
    return (without if side is BUY else -without) > band


class Planner:
    """Targets and limits on the rules of one exchange, ready to plan round after round: what does not depend on
    holdings and prices is worked out once.
    """

    def __init__(self, targets: Sequence[Target], limits: Limits, info: ExchangeInfo, quote: str) -> None:
        with wide():
            self.limits = limits
            self.info = info
            self.quote = quote
            self.weights: Mapping[str, Decimal] = {target.asset: target.weight_pct for target in targets}
            self.keeps = {target.asset: target.keep for target in targets if target.keep}
            self.rows = rows_of(self.weights, self.keeps, info, quote)
            self.width = Width.of_goal(limits)
            self.own_width = Width.of_owner(limits)
            self.sizes = Sizes(limits)
            self.rest_share = (HUNDRED - sum(self.weights.values(), ZERO)) / HUNDRED
            self.reserve_share = limits.quote_reserve_pct / HUNDRED
            self.least_notional = min((row.rules.min_notional for row in self.rows if row.rules), default=ZERO)
            self.has_cost_test = limits.cost_horizon_days is not None and limits.goal is BAND
            self.edge_share = ONE - limits.hysteresis_pct / HUNDRED
            self.is_to_edge = limits.trade_to == TradeTo.EDGE and limits.goal == BAND
            keeps_bnb = limits.bnb_for_fees and quote != BNB
            self.fee_row = rows_of({BNB: ZERO}, {}, info, quote)[0] if keeps_bnb else None

    def plan(self, valuation: Valuation, prices: PriceSnapshot, open_orders: Sequence[OpenOrder] = ()) -> Plan:
        """Plan one round; as `plan_rebalance`."""
        with wide():
            return Round(self, valuation, prices, open_orders).plan()

    def wants_something(
        self, valuation: Valuation, prices: PriceSnapshot, open_orders: Sequence[OpenOrder] = ()
    ) -> bool:
        """Whether something is outside its band that could be traded, if there were enough of the quote: what cannot
        be (its market stands still, it is too small for an order) is no reason to move everything else.
        """
        with wide():
            round_ = Round(self, valuation, prices, open_orders)
            # The smallest order may go past its target, if it comes nearer to it.
            return any(self.sizes.is_large_enough(want, 2) for want in round_.wants()) or bool(
                wants_of_the_quote(round_)
            )


class Round:
    """One round: its inputs, and what is collected on the way."""

    def __init__(
        self, planner: Planner, valuation: Valuation, prices: PriceSnapshot, open_orders: Sequence[OpenOrder]
    ) -> None:
        self.planner = planner
        self.limits = planner.limits
        self.quote = planner.quote
        self.whole, self.nav = valuation, valuation.nav
        if planner.fee_row is not None:
            valuation = without_fee_money(valuation, self.limits.bnb_for_fees)
        self.valuation = valuation
        self.leg_for_fees: Leg | None = None
        self.prices = prices
        self.holdings: dict[str, Holding] = {holding.asset: holding for holding in valuation.holdings}
        self.open_orders = orders_by_symbol(open_orders, planner.info, self.quote) if open_orders else {}
        self.legs: list[Leg] = []
        self.skips: list[Skip] = []
        self.inside: list[Inside] = []  # traded only where the quote's own drift asks for it
        self.is_held_back = False  # whether an asset stays off its target as its owner wants it
        self.waiting: list[Want] = []  # buys that nothing is left for: why not is worked out where somebody asks
        self.portfolio = Managed.with_weights(valuation, planner.weights, self.limits.sell_unlisted)
        self.managed = self.portfolio.value
        self.order_cap = self.managed * planner.sizes.order_share
        is_as_listed = self.portfolio.weights is planner.weights
        self.rows = (
            planner.rows if is_as_listed else rows_of(self.portfolio.weights, planner.keeps, planner.info, self.quote)
        )

    def plan(self) -> Plan:
        for asset in self.portfolio.held_apart:
            priced = self.holdings[asset].value is not None
            self.skip(asset, "held" if priced else "held_unpriced", quote=self.quote)
        wants = self.wants()
        wants += sales_for_purchases(self, wants) if wants else wants_of_the_quote(self)
        # Largest difference first: it does most for the portfolio should a limit cut the list short.
        # They come by name, and stay so among equals.
        wants.sort(key=_DISTANCE, reverse=True)
        direct = crosses.take(self, wants) if self.limits.direct_pairs and wants else None
        if direct is not None:
            wants = direct.wants
        sells = [want for want in wants if want.side is SELL]
        buys = [want for want in wants if want.side is BUY]
        self._take([*sells, *buys])
        if direct is not None:
            self.legs[:0] = direct.legs
        if BNB in self.holdings and len(self.legs) > 1:
            sell_bnb_first(self.legs)
        return Plan(
            quote=self.quote,
            nav=self.nav,
            managed=self.managed,
            legs=tuple(self.legs),
            goal=self.limits.goal,
            is_cut_short=bool(self.waiting or self.skips),
            note=self._noted,
            explain=self._explain,
            weigh=self._weigh,
            untaken=() if direct is None else direct.untaken,
            leg_for_fees=self.leg_for_fees,
        )

    def _take(self, wants: Sequence[Want]) -> None:
        """Give each want its order, as far as the limits of the round reach; each without one gets a Skip.

        One by one, and where that drops any, all together.
        """
        planner, limits, legs = self.planner, self.limits, self.legs
        sizes, dropped = planner.sizes, False
        turnover, budget = limits.turnover_left, self.free_quote()
        most, slots = limits.max_orders, limits.open_slots
        if planner.fee_row is not None and (found := buy_fee_money(self, planner.fee_row, budget, turnover)):
            wants = [want for want in wants if want.asset != BNB]  # its share of the portfolio comes in the next round
            if isinstance(found, Leg):
                self.leg_for_fees = found
                budget -= found.notional * sizes.with_fee
                turnover = None if turnover is None else turnover - found.notional
                most, slots = most - 1, None if slots is None else slots - 1
            elif all(skip.asset != BNB for skip in self.skips):
                self.skips.append(found)
        # With less than the smallest order of all there is nothing to be bought; slots and orders may be short as well.
        least = planner.least_notional if turnover is None else ZERO
        first_skip, first_budget, first_turnover = len(self.skips), budget, turnover
        has_sales = bool(wants) and wants[0].side is SELL
        for want in wants:
            if len(legs) >= most:
                self.skip(want.asset, "max_orders", count=str(planner.limits.max_orders))
            elif slots is not None and len(legs) >= slots:
                self.skip(want.asset, "max_open_orders")
            elif budget < least and want.side is BUY:
                self.waiting.append(want)
                dropped = dropped or (first_budget >= least and not has_sales and is_small(want))
            elif type(leg := sizes.leg(want, self, budget, turnover)) is Leg:
                legs.append(leg)
                if turnover is not None:
                    turnover -= leg.notional
                if leg.side is BUY:
                    budget -= leg.price * leg.quantity * sizes.with_fee
            else:
                assert isinstance(leg, Skip)
                self.skips.append(leg)
                dropped = dropped or may_gain(leg, want, has_sales)
        self.budget, self.turnover = budget, turnover
        if dropped:
            self._choose(wants, first_skip, first_budget, first_turnover, most if slots is None else min(most, slots))
        if self.leg_for_fees is not None:
            self.legs.insert(sum(leg.side is SELL for leg in self.legs), self.leg_for_fees)

    def _choose(
        self, wants: Sequence[Want], first_skip: int, budget: Decimal, turnover: Decimal | None, most: int
    ) -> None:
        """Put the orders that are best together in the place of those that were found one by one."""
        chosen = choose(self, wants, budget, turnover, most)
        if chosen is None:
            return
        had = {leg.asset for leg in self.legs}
        self.legs = [chosen[want.asset] for want in wants if want.asset in chosen]
        self.waiting = [want for want in self.waiting if want.asset not in chosen]
        kept = [skip for skip in self.skips[first_skip:] if skip.asset not in chosen]
        self.skips[first_skip:] = kept
        for want in wants:
            if want.asset in had and want.asset not in chosen:
                self.skip(want.asset, "others_first", quote=self.quote)

    def _noted(self) -> tuple[Skip, ...]:
        """The skips of what is not where it should be."""
        sizes, budget, turnover = self.planner.sizes, self.budget, self.turnover
        with wide():
            late = [sizes.unaffordable(want, self, sizes.price(want), budget, turnover) for want in self.waiting]
        return (*self.skips, *late)

    def _explain(self, noted: tuple[Skip, ...]) -> tuple[Skip, ...]:
        """All skips, by asset: those that were noted, and of the assets that are where they should be."""
        explained = {leg.asset for leg in self.legs} | {skip.asset for skip in noted}
        at_rest = [self._at_rest(*inside) for inside in self.inside if inside[0].asset not in explained]
        if self.planner.fee_row is not None and BNB not in explained | {skip.asset for skip in at_rest}:
            at_rest.append(Skip(BNB, "kept_for_fees", {"worth": self.limits.bnb_for_fees, "quote": self.quote}))
        return tuple(sorted([*noted, *at_rest], key=lambda skip: skip.asset))

    def _at_rest(self, row: Row, band: Decimal, _mid: Decimal, delta: Decimal, *_amounts: Decimal) -> Skip:
        if row.keep and delta <= 0 and self._is_kept(row):
            return Skip(row.asset, "kept", {"keep": plain(row.keep), "asset": row.asset})
        facts: dict[str, Decimal | str] = {
            "drift": abs(delta),
            "target": plain(row.weight_pct),
            "managed": self.managed,
        }
        if self.limits.goal is not BAND:
            return Skip(row.asset, "at_target", facts)
        return Skip(row.asset, "within_band", {**facts, "band": band})

    def _is_kept(self, row: Row) -> bool:
        """Whether an asset would be outside its band, were it not for what is never sold of it."""
        holding = self.holdings.get(row.asset)
        target_value = self.managed * row.share
        value = holding.value if holding is not None and holding.value is not None else ZERO
        return value - target_value > self.planner.width.value(target_value, self.managed)

    def _weigh(self) -> tuple[AllocationView, ...]:
        with wide():
            return allocations(self.valuation, self.portfolio, self.legs, self.prices, self.leg_for_fees)

    # --- what is wanted ------------------------------------------------------------------------------------

    def free_quote(self) -> Decimal:
        """Quote that buys may spend: free, less the reserve. Locked quote belongs to open orders already.

        Where nothing is sold, no sale will bring back what the targets leave for the quote, so that is kept as well.
        """
        holding = self.holdings.get(self.quote)
        free = holding.free if holding else ZERO
        if self.limits.goal is Goal.BUY:
            return free - self.portfolio.quote_target(self.limits)
        return free - self.managed * self.planner.reserve_share

    def wants(self) -> list[Want]:
        """What the assets outside their bands ask for; each other one gets a Skip.

        This loop is most of what a plan costs, so it looks up nothing twice.
        """
        planner, managed, prices, jumps = self.planner, self.managed, self.prices.prices, self.limits.jumps
        holdings, open_orders, is_to_edge = self.holdings, self.open_orders, planner.is_to_edge
        of_managed, of_target = planner.width
        widest = ZERO if of_managed is None else managed * of_managed
        buys_only, occupied = self.limits.goal is Goal.BUY, self.limits.occupied
        edge_share, has_cost_test = planner.edge_share, planner.has_cost_test
        usable = [
            (row, price)
            for row in self.rows
            if (price := prices.get(row.symbol)) is not None
            and not price.problem
            and row.is_trading
            and price.value > 0
            and row.symbol not in jumps
        ]
        doubtful = ""
        if len(usable) < len(self.rows) or managed <= 0:
            usable = usable if managed > 0 else []
            able = {row.asset for row, _price in usable}
            for row in self.rows:
                if row.asset not in able:
                    self.skips.append(why_unusable(self, row, prices.get(row.symbol)))
            # Only a price that is not usable can make others doubtful.
            doubtful = doubtful_symbol(self.portfolio, self.valuation, self.limits, planner.info, self.prices)
        wants, inside = [], self.inside
        for row, price in usable:
            asset = row.asset
            mid, holding = price.value, holdings.get(asset)
            if holding is None:
                held = free = ZERO
            else:
                free = holding.free
                held = free + holding.locked if holding.locked else free
            resting = open_orders.get(row.symbol, ()) if open_orders else ()
            projected = held + resting_quantity(resting) if resting else held
            target_value = managed * row.share
            delta = target_value - projected * mid
            if row.keep and delta < 0:  # only what may be sold is too much
                self.is_held_back = True
                free = min(free, max(projected - row.keep, ZERO))
                delta = max(delta, min(row.keep - projected, ZERO) * mid)
            # As Width.value, without the call.
            if of_target is None:
                band = widest
            else:
                band = target_value * of_target
                if of_managed is not None and widest < band:
                    band = widest
            distance = abs(delta)
            if distance <= band:
                if resting and abs(target_value - held * mid) > band:
                    self.skip(asset, "covered", symbol=resting[0].symbol)
                else:
                    inside.append((row, band, mid, delta, free, projected))
                continue
            side = BUY if delta > 0 else SELL
            if doubtful:
                self.skip(asset, "doubtful_value", symbol=doubtful)
            elif buys_only and side is SELL:
                self.skip(asset, "buy_only")
            elif (resting or row.symbol in occupied) and (
                why := obstacle(
                    row, side, resting, occupied, is_wanted_anyway=_asks(side, target_value - held * mid, band)
                )
            ):
                self.skips.append(why)
            else:
                amount = distance - band * edge_share if is_to_edge else distance
                assert row.rules is not None  # it has a price
                want = _new(Want, (asset, row.rules, mid, side, delta, distance, amount, free, projected))
                if not has_cost_test or self._is_worth_it(want):
                    wants.append(want)
        return wants

    def _is_worth_it(self, want: Want) -> bool:
        """Whether being nearer to its target is worth the fee; otherwise with a Skip.

        A weight that is off by d loses, to second order, half the variance times d squared of growth a year: the
        quadratic term of logarithmic utility (as in the growth-optimal portfolio of Kelly and Thorp).
        """
        limits, days = self.limits, self.limits.cost_horizon_days
        variance = limits.variances.get(want.asset)
        if days is None or variance is None:
            return True
        benefit = variance * want.distance * want.distance / self.managed / 2 * days / DAYS_OF_A_YEAR
        fee = want.amount * limits.fee_rate
        if fee <= benefit:
            return True
        self.is_held_back = True
        self.skip(want.asset, "not_worth", fee=fee, benefit=benefit, quote=self.quote, days=plain(days))
        return False

    def skip(self, skipped: str, code: str, /, **facts: Decimal | str) -> None:
        self.skips.append(Skip(skipped, code, facts))
