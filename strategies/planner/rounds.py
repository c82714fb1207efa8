"""One round of orders: what is wanted, what of it the limits and filters allow, and why not the rest. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from botbalance.lib.money import HUNDRED, ONE, ZERO, plain, quantize
from exchanges.domain import ExchangeInfo, Price, PriceSnapshot, Side, SymbolRules
from portfolio.domain import Valuation
from strategies.domain import (
    SETTLED,
    BandType,
    Goal,
    Leg,
    Limits,
    OpenOrder,
    Plan,
    Skip,
    Target,
    TradeTo,
)
from strategies.planner.allocations import allocations
from strategies.planner.bands import Managed
from strategies.planner.doubts import doubtful_symbol
from strategies.planner.pricing import limit_price


@dataclass(frozen=True, slots=True)
class _Want:
    """A tradable asset outside its band: `amount` is the value to move, `delta` the whole way to the target."""

    asset: str
    rules: SymbolRules
    price: Price
    side: Side
    delta: Decimal
    amount: Decimal
    free: Decimal
    held: Decimal


class Planner:
    """One run of the planner: its inputs, and what is collected on the way."""

    def __init__(
        self,
        valuation: Valuation,
        targets: Sequence[Target],
        limits: Limits,
        info: ExchangeInfo,
        prices: PriceSnapshot,
        open_orders: Sequence[OpenOrder],
    ) -> None:
        self.valuation = valuation
        self.quote = valuation.quote
        self.limits = limits
        self.info = info
        self.prices = prices
        self.holdings = {holding.asset: holding for holding in valuation.holdings}
        self.open_orders: dict[str, list[OpenOrder]] = defaultdict(list)
        for order in open_orders:
            self.open_orders[order.symbol].append(order)
        self.legs: list[Leg] = []
        self.skips: list[Skip] = []
        self.inside: list[_Want] = []  # assets within their bands: traded only where the quote's own drift asks for it
        self.portfolio = Managed.of(valuation, targets, limits)
        self.targets = self.portfolio.weights
        self.held_apart = self.portfolio.held_apart
        self.managed = self.portfolio.value
        self.doubtful = doubtful_symbol(self.portfolio, valuation, limits, info, prices)

    def plan(self) -> Plan:
        for asset in self.held_apart:
            priced = self.holdings[asset].value is not None
            self._skip(asset, "held" if priced else "held_unpriced", quote=self.quote)
        wants = [want for asset in sorted(self.targets) if (want := self._want(asset)) is not None]
        if not wants:
            wants = self._wants_of_the_quote()
        # Largest difference first: it does most for the portfolio should a limit cut the list short.
        wants.sort(key=lambda want: (-abs(want.delta), want.asset))
        sells = [want for want in wants if want.side == Side.SELL]
        buys = [want for want in wants if want.side == Side.BUY]
        legs = self.legs
        turnover = self.limits.turnover_left
        budget = self._free_quote()
        for want in [*sells, *buys]:
            if len(legs) >= self.limits.max_orders:
                self._skip(want.asset, "max_orders", count=str(self.limits.max_orders))
                continue
            if self.limits.open_slots is not None and len(legs) >= self.limits.open_slots:
                self._skip(want.asset, "max_open_orders")
                continue
            leg = self._leg(want, budget, turnover)
            if leg is None:
                continue
            self.skips = [skip for skip in self.skips if skip.asset != want.asset]
            legs.append(leg)
            if turnover is not None:
                turnover -= leg.notional
            if leg.side == Side.BUY:
                budget -= leg.notional * (ONE + self.limits.fee_rate)
        return Plan(
            quote=self.quote,
            nav=self.valuation.nav,
            managed=self.managed,
            legs=tuple(legs),
            skips=tuple(sorted(self.skips, key=lambda skip: skip.asset)),
            allocations=allocations(self.valuation, self.portfolio, legs, self.prices),
            goal=self.limits.goal,
        )

    # --- what is wanted ------------------------------------------------------------------------------------

    def _free_quote(self) -> Decimal:
        """Quote that buys may spend: free, less the reserve. Locked quote belongs to open orders already.

        Where nothing is sold, no sale will bring back what the targets leave for the quote, so that is kept as well.
        """
        holding = self.holdings.get(self.quote)
        free = holding.free if holding else ZERO
        if self.limits.goal == Goal.BUY:
            return free - self.portfolio.quote_target(self.limits)
        return free - self.managed * self.limits.quote_reserve_pct / HUNDRED

    def _want(self, asset: str) -> _Want | None:
        """What one target asks for, or None with a Skip."""
        rules = self.info.pair(asset, self.quote)
        if rules is None:
            self._skip(asset, "no_pair", asset=asset, quote=self.quote)
            return None
        price = self._usable_price(asset, rules)
        if price is None:
            return None
        holding = self.holdings.get(asset)
        held = holding.total if holding else ZERO
        resting = self.open_orders[rules.symbol]
        projected = held + sum(
            (order.remaining if order.side == Side.BUY else -order.remaining for order in resting), ZERO
        )
        target_value = self.portfolio.target_value(asset)
        delta = target_value - projected * price.value
        band = self.portfolio.band(target_value, self.limits)
        if abs(delta) <= band:
            if resting and abs(target_value - held * price.value) > band:
                self._skip(asset, "covered", symbol=rules.symbol)
            else:
                self._skip_within_band(asset, delta, band)
                side = Side.BUY if delta > 0 else Side.SELL
                free = holding.free if holding else ZERO
                self.inside.append(_Want(asset, rules, price, side, delta, abs(delta), free, projected))
            return None
        if self.doubtful:
            self._skip(asset, "doubtful_value", symbol=self.doubtful)
            return None
        side = Side.BUY if delta > 0 else Side.SELL
        if side == Side.SELL and self.limits.goal == Goal.BUY:
            self._skip(asset, "buy_only")
            return None
        without = target_value - held * price.value
        is_wanted_anyway = abs(without) > band and (without > 0) == (delta > 0)
        if not self._room_for_an_order(asset, rules, side, resting, is_wanted_anyway):
            return None
        to_edge = self.limits.trade_to == TradeTo.EDGE and self.limits.goal == Goal.BAND
        amount = abs(delta) - (band if to_edge else ZERO)
        return _Want(asset, rules, price, side, delta, amount, holding.free if holding else ZERO, projected)

    def _usable_price(self, asset: str, rules: SymbolRules) -> Price | None:
        price = self.prices.price(rules.symbol)
        if not rules.is_trading:
            self._skip(asset, "not_trading", symbol=rules.symbol, status=rules.status)
        elif price is None or price.problem == "empty" or price.value <= 0:
            self._skip(asset, "no_price", symbol=rules.symbol)
        elif price.problem:
            self._skip(asset, "crossed_price", symbol=rules.symbol)
        elif rules.symbol in self.limits.jumps:
            pct, minutes = plain(quantize(self.limits.jumps[rules.symbol], 2)), str(self.limits.jump_minutes)
            self._skip(asset, "price_jump", symbol=rules.symbol, pct=pct, minutes=minutes)
        elif self.managed <= 0:
            self._skip(asset, "nothing_to_manage", quote=self.quote)
        else:
            return price
        return None

    def _room_for_an_order(
        self, asset: str, rules: SymbolRules, side: Side, resting: Sequence[OpenOrder], is_wanted_anyway: bool
    ) -> bool:
        """Whether an order may join those that rest on its symbol; otherwise with a Skip.

        Orders of the other side that only bring too much (the price has moved since they were placed) are no reason to
        trade against them: what is held without them does not ask for it.
        """
        opposite = next((order for order in resting if order.side != side), None)
        if opposite is not None and not is_wanted_anyway:
            self._skip(asset, "covered", symbol=rules.symbol)
            return False
        if opposite is not None:
            self._skip(asset, "opposite_order", symbol=rules.symbol, side=opposite.side.value)
            return False
        if rules.symbol in self.limits.occupied:
            self._skip(asset, "order_waits", symbol=rules.symbol)
            return False
        if rules.max_open_orders and len(resting) >= rules.max_open_orders:
            self._skip(asset, "too_many_open", symbol=rules.symbol, count=str(len(resting)))
            return False
        return True

    def _wants_of_the_quote(self) -> list[_Want]:
        """Many small drifts within their bands can add up to a large one of the quote: then the largest of them that
        bring it back are traded, each to its target. Only for absolute bands: a share of the quote's target may be 0.
        """
        if self.limits.goal != Goal.BAND or self.limits.band_type != BandType.ABSOLUTE or self.managed <= 0:
            return []
        if any(skip.code not in SETTLED for skip in self.skips):
            return []  # something that cannot be traded explains it
        holding = self.holdings.get(self.quote)
        resting = sum(
            (
                order.price * order.remaining * (-ONE if order.side == Side.BUY else ONE)
                for orders in self.open_orders.values()
                for order in orders
            ),
            ZERO,
        )
        target = self.portfolio.quote_target(self.limits)
        excess = (holding.total if holding else ZERO) + resting - target
        missing = abs(excess) - self.portfolio.band(target, self.limits)
        side = Side.BUY if excess > 0 else Side.SELL
        wants: list[_Want] = []
        for want in sorted(self.inside, key=lambda want: (-want.amount, want.asset)):
            if missing <= 0:
                break
            if want.side == side and self._is_large_enough(want) and not self.open_orders[want.rules.symbol]:
                wants.append(want)
                missing -= want.amount
        if missing > 0:
            self._skip(self.quote, "quote_off", quote=self.quote, drift=self._points(abs(excess)))
        return wants

    def _is_large_enough(self, want: _Want) -> bool:
        rules, mid = want.rules, want.price.value
        price = self._price(want)
        return price > 0 and rules.ceil_quantity(rules.min_notional / price) * mid <= want.amount

    def _price(self, want: _Want) -> Decimal:
        worst = self.limits.worst_price(want.rules.symbol, want.side)
        return limit_price(want.rules, want.side, want.price.value, self.limits.order_step_pct, worst)

    # --- one leg -------------------------------------------------------------------------------------------

    def _leg(self, want: _Want, budget: Decimal, turnover: Decimal | None) -> Leg | None:
        """The order for one want within every limit, or None with a Skip."""
        rules, mid = want.rules, want.price.value
        price = self._price(want)
        if price <= 0:
            self._skip(want.asset, "filter", filter="PRICE_FILTER")
            return None
        most = self._most(want, price, budget, turnover)
        if most is None:
            return None
        size = min(want.amount, self.managed * self.limits.order_size_pct / HUNDRED)
        quantity = rules.floor_quantity(min(size / mid, most))
        smallest = rules.ceil_quantity(rules.min_notional / price)
        if quantity < smallest:
            # An order size below the exchange's minimum is raised to it, but never past the target or what is free.
            if smallest * mid > want.amount:
                self._skip_too_small(want, smallest * price)
                return None
            if smallest > most:
                self._skip_short(want, smallest * price, budget, turnover)
                return None
            quantity = smallest
        failure = rules.failure(want.side, price, quantity, mid)
        if failure:
            self._skip_failure(want, price, failure)
            return None
        return Leg(rules.symbol, want.asset, want.side, price, quantity, price * quantity * self.limits.fee_rate)

    def _most(self, want: _Want, price: Decimal, budget: Decimal, turnover: Decimal | None) -> Decimal | None:
        """Largest quantity that may be ordered, in the base asset: what is free, turnover, notional, position."""
        rules = want.rules
        caps = [want.free if want.side == Side.SELL else max(budget, ZERO) / (ONE + self.limits.fee_rate) / price]
        if turnover is not None:
            if turnover <= 0:
                self._skip(want.asset, "max_turnover")
                return None
            caps.append(turnover / price)
        if rules.max_notional:
            caps.append(rules.max_notional / price)
        largest = self._largest_order()
        if largest is not None:
            caps.append(largest / price)
        if rules.max_position and want.side == Side.BUY:
            room = rules.max_position - want.held
            if room <= 0:
                self._skip(
                    want.asset, "max_position", symbol=rules.symbol, maximum=plain(rules.max_position), asset=want.asset
                )
                return None
            caps.append(room)
        return min(caps)

    def _largest_order(self) -> Decimal | None:
        """The server's cap on the notional of one order."""
        share = self.limits.max_order_nav_pct
        return None if share is None else self.valuation.nav * share / HUNDRED

    def _is_last_rest(self, want: _Want) -> bool:
        """Whether no sale will pay for it any more, and its owner's band allows it to stay as it is."""
        if self.limits.goal != Goal.TARGET or self.legs:
            return False
        band = self.portfolio.own_band(self.portfolio.target_value(want.asset), self.limits)
        return abs(want.delta) <= band

    # --- reasons -------------------------------------------------------------------------------------------

    def _skip(self, skipped: str, code: str, /, **values: str) -> None:
        self.skips.append(Skip(skipped, code, values))

    def _skip_within_band(self, asset: str, delta: Decimal, band: Decimal) -> None:
        drift, target = self._points(abs(delta)), plain(self.targets[asset])
        if self.limits.goal == Goal.BAND:
            self._skip(asset, "within_band", drift=drift, target=target, band=self._points(band))
        else:
            self._skip(asset, "at_target", drift=drift, target=target)

    def _points(self, value: Decimal) -> str:
        return plain(quantize(self.portfolio.points(value), 2))

    def _skip_failure(self, want: _Want, price: Decimal, failure: str) -> None:
        worst = self.limits.worst_price(want.rules.symbol, want.side)
        held_back = worst is not None and price != limit_price(
            want.rules, want.side, want.price.value, self.limits.order_step_pct
        )
        if held_back:
            self._skip(want.asset, "worst_price", symbol=want.rules.symbol, price=plain(price), quote=self.quote)
        else:
            self._skip(want.asset, "filter", filter=failure)

    def _skip_too_small(self, want: _Want, minimum: Decimal) -> None:
        rules, lot = want.rules, want.rules.ceil_quantity(ZERO)
        if self.limits.goal != Goal.BAND and self.open_orders[rules.symbol]:
            self._skip(want.asset, "covered", symbol=rules.symbol)  # what is too small is what they leave
            return
        if lot * want.price.value > want.amount:
            self._skip(want.asset, "below_lot", symbol=rules.symbol, asset=want.asset, minimum=plain(lot))
            return
        self._skip(
            want.asset,
            "below_min_notional",
            amount=plain(quantize(want.amount, 2)),
            quote=self.quote,
            symbol=rules.symbol,
            minimum=plain(quantize(minimum, 2)),
        )

    def _skip_short(self, want: _Want, needed: Decimal, budget: Decimal, turnover: Decimal | None) -> None:
        largest = self._largest_order()
        if turnover is not None and turnover < needed:
            self._skip(want.asset, "max_turnover")
        elif largest is not None and largest < needed:
            share = plain(self.limits.max_order_nav_pct or ZERO)
            self._skip(want.asset, "max_order_share", symbol=want.rules.symbol, share=share)
        elif want.side == Side.SELL:
            self._skip(want.asset, "locked", free=plain(want.free), asset=want.asset)
        elif self._is_last_rest(want):
            self._skip(want.asset, "spent", quote=self.quote, drift=self._points(abs(want.delta)))
        else:
            self._skip(
                want.asset,
                "no_quote",
                quote=self.quote,
                free=plain(quantize(max(budget, ZERO), 2)),
                needed=plain(quantize(needed, 2)),
            )
