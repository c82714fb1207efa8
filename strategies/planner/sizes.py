"""The order for one want: its price, and how much of it the limits and the filters allow. Pure.

A leg that nothing limits is found in few steps; why another is smaller, or is none, is looked into only then.
"""

from decimal import Decimal
from typing import TYPE_CHECKING

from botbalance.lib.money import HUNDRED, ONE, ZERO, plain
from exchanges.domain import Side
from strategies.domain import Goal, Leg, Limits, Skip
from strategies.planner.pricing import limit_price
from strategies.planner.wants import Want

if TYPE_CHECKING:
    from strategies.planner.rounds import Round

BUY, SELL = Side.BUY, Side.SELL
_new = tuple.__new__  # a NamedTuple without its constructor, which costs twice as much


class Sizes:
    """Prices and sizes under the limits of one strategy."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.is_at_mid = not limits.order_step_pct and not limits.first_prices
        self.is_inside_mid = limits.order_step_pct >= 0
        self.order_share = limits.order_size_pct / HUNDRED
        self.cap_share = None if limits.max_order_nav_pct is None else limits.max_order_nav_pct / HUNDRED
        self.with_fee = ONE + limits.fee_rate
        self.less_fee = ONE - limits.fee_rate
        self.fee_rate = limits.fee_rate

    def price(self, want: Want) -> Decimal:
        """The limit price of the want's order."""
        limits = self.limits
        worst = limits.worst_price(want.rules.symbol, want.side) if limits.first_prices else None
        return limit_price(want.rules, want.side, want.mid, limits.order_step_pct, worst)

    def is_large_enough(self, want: Want, times: int = 1) -> bool:
        """Whether the smallest order the exchange takes is no more than so many times the way to the target, and than
        what is free to sell.
        """
        price = self.price(want)
        if price <= 0:
            return False
        smallest = self.smallest(want, price)
        return smallest * want.mid <= want.distance * times and (want.side is BUY or smallest <= want.free)

    def smallest(self, want: Want, price: Decimal) -> Decimal:
        """The smallest quantity the exchange takes; of a coin that is not held yet, the smallest that can be sold again
        once the fee has been taken out of it.
        """
        rules = want.rules
        smallest = rules.ceil_quantity(rules.min_notional / price)
        if want.side is SELL or want.held >= smallest:
            return smallest
        return max(smallest, rules.ceil_quantity((smallest - max(want.held, ZERO)) / self.less_fee))

    def _is_dust(self, want: Want, price: Decimal, quantity: Decimal) -> bool:
        """Whether what would be held after a purchase, less its fee, could not be sold again at the price."""
        rules = want.rules
        left = want.held + quantity * self.less_fee
        left -= left % rules.quantity_grid
        return left < rules.min_quantity or left * price < rules.min_notional

    def leg(self, want: Want, round_: "Round", budget: Decimal, turnover: Decimal | None) -> Leg | Skip:
        """The order for one want within every limit, or why there is none. Budget and turnover are what is left.

        In the wide context: operators cost a fraction of what methods of a context do.
        """
        rules, mid, side = want.rules, want.mid, want.side
        if self.is_at_mid and not mid % rules.price_grid:
            price = mid
        else:
            price = self.price(want)
            if price <= 0:
                return Skip(want.asset, "filter", {"filter": "PRICE_FILTER"})
        amount, cap = want.amount, round_.order_cap
        size = amount if amount <= cap else cap
        most = size / mid
        if side is BUY:
            if budget < rules.min_notional:
                return self.unaffordable(want, round_, price, budget, turnover)
            # What a buy at the middle or below it costs is no more than its size and the fee.
            if size * self.with_fee > budget or not self.is_inside_mid:
                most = min(most, budget / self.with_fee / price)
        elif want.free < most:
            most = want.free
        if turnover is not None or rules.max_notional or self.cap_share is not None or rules.max_position:
            limited = self.limited(want, round_, price, turnover)
            if isinstance(limited, Skip):
                return limited
            most = min(most, limited)
        if rules.max_quantity and most > rules.max_quantity:
            most = rules.max_quantity
        quantity = most // rules.quantity_grid * rules.quantity_grid
        if (
            quantity < rules.min_quantity
            or quantity * price < rules.min_notional
            or not quantity
            or (want.held < quantity and side is BUY and self._is_dust(want, price, quantity))
        ):
            # An order size below the exchange's minimum is raised to it, but never past the target or what is free.
            smallest = self.smallest(want, price)
            if smallest * mid > amount:
                return self._too_small(want, round_, smallest * price)
            if smallest > self._largest(want, round_, price, budget, turnover):
                return self._short(want, round_, smallest * price, budget, turnover)
            quantity = smallest
        failure = rules.failure_on_grid(side, price, quantity, mid)
        if failure:
            return self._failure(want, price, failure)
        return _new(Leg, (rules.symbol, want.asset, side, price, quantity, price * quantity * self.fee_rate, None))

    def limited(self, want: Want, round_: "Round", price: Decimal, turnover: Decimal | None) -> Decimal | Skip:
        """Largest quantity that turnover, the largest notional and the largest position allow."""
        rules, caps = want.rules, []
        if turnover is not None:
            if turnover <= 0:
                return Skip(want.asset, "max_turnover")
            caps.append(turnover / price)
        if rules.max_notional:
            caps.append(rules.max_notional / price)
        if self.cap_share is not None:
            caps.append(round_.nav * self.cap_share / price)
        if rules.max_position and want.side is BUY:
            room = rules.max_position - want.held
            if room <= 0:
                facts = {"symbol": rules.symbol, "maximum": plain(rules.max_position), "asset": want.asset}
                return Skip(want.asset, "max_position", facts)
            caps.append(room)
        return min(caps, default=Decimal("Infinity"))

    def _largest(
        self, want: Want, round_: "Round", price: Decimal, budget: Decimal, turnover: Decimal | None
    ) -> Decimal:
        """Largest quantity that may be ordered, whatever is wanted: what is free, or what the budget buys."""
        limited = self.limited(want, round_, price, turnover)
        assert not isinstance(limited, Skip)
        return min(limited, want.free if want.side is SELL else max(budget, ZERO) / self.with_fee / price)

    # --- reasons -------------------------------------------------------------------------------------------

    def unaffordable(
        self, want: Want, round_: "Round", price: Decimal, budget: Decimal, turnover: Decimal | None
    ) -> Skip:
        """Why nothing is bought with less than the smallest order costs."""
        if price <= 0:  # a step below a market of one tick
            return Skip(want.asset, "filter", {"filter": "PRICE_FILTER"})
        limited = self.limited(want, round_, price, turnover)
        if isinstance(limited, Skip):
            return limited
        smallest = self.smallest(want, price)
        if smallest * want.mid > want.amount:
            return self._too_small(want, round_, smallest * price)
        return self._short(want, round_, smallest * price, budget, turnover)

    def _too_small(self, want: Want, round_: "Round", minimum: Decimal) -> Skip:
        rules = want.rules
        if self.limits.goal is not Goal.BAND and rules.symbol in round_.open_orders:
            return Skip(want.asset, "covered", {"symbol": rules.symbol})  # what is too small is what they leave
        lot = rules.ceil_quantity(ZERO)
        if lot * want.mid > want.amount:
            facts = {"symbol": rules.symbol, "asset": want.asset, "minimum": plain(lot)}
            return Skip(want.asset, "below_lot", facts)
        return Skip(
            want.asset,
            "below_min_notional",
            {"amount": want.amount, "quote": round_.quote, "symbol": rules.symbol, "minimum": minimum},
        )

    def _short(self, want: Want, round_: "Round", needed: Decimal, budget: Decimal, turnover: Decimal | None) -> Skip:
        if turnover is not None and turnover < needed:
            return Skip(want.asset, "max_turnover")
        if self.cap_share is not None and round_.nav * self.cap_share < needed:
            share = plain(self.limits.max_order_nav_pct or ZERO)
            return Skip(want.asset, "max_order_share", {"symbol": want.rules.symbol, "share": share})
        if want.side is SELL:
            return Skip(want.asset, "locked", {"free": plain(want.free), "asset": want.asset})
        if self._is_last_rest(want, round_):
            left: dict[str, Decimal | str] = {"quote": round_.quote, "drift": want.distance, "managed": round_.managed}
            return Skip(want.asset, "spent", left)
        return Skip(want.asset, "no_quote", {"quote": round_.quote, "free": max(budget, ZERO), "needed": needed})

    def _is_last_rest(self, want: Want, round_: "Round") -> bool:
        """Whether no sale will pay for it any more, and its owner's band allows it to stay as it is."""
        if self.limits.goal is not Goal.TARGET or round_.legs or want.asset not in round_.portfolio.weights:
            return False
        portfolio = round_.portfolio
        band = round_.planner.own_width.value(portfolio.target_value(want.asset), portfolio.value)
        return want.distance <= band

    def _failure(self, want: Want, price: Decimal, failure: str) -> Skip:
        limits = self.limits
        worst = limits.worst_price(want.rules.symbol, want.side)
        if worst is not None and price != limit_price(want.rules, want.side, want.mid, limits.order_step_pct):
            facts = {"symbol": want.rules.symbol, "price": plain(price), "quote": want.rules.quote}
            return Skip(want.asset, "worst_price", facts)
        return Skip(want.asset, "filter", {"filter": failure})
