"""Orders between two coins: what one has too much of and another lacks, on the symbol of the two. Pure.

Through the quote that takes two orders, each with its fee and its half of a spread; directly it takes one. Which is
cheaper is reckoned for each pair, as shares of the value moved:

    a leg    = fee + half the spread + what the tick takes the price away from where it was to be
    directly = its leg + what the symbol's price is worse than the prices of the two in the quote

The fee is the taker's where the limit price reaches the other side of the book, else the maker's. A direct price that
is better than the two others is no gain that is counted on; one that is better by more than both ways cost would have
been taken by others, so it is old, or one of the two is wrong: nothing is traded on it. Only what both coins could
trade through the quote is traded directly, so that nothing is traded which would not be.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from botbalance.lib.money import HUNDRED, ONE, ZERO, floor_to_step, plain, quantize
from exchanges.domain import ExchangeInfo, Price, PriceSnapshot, Side, SymbolRules
from strategies.domain import Direct, Leg, Limits, Skip
from strategies.planner.pricing import limit_price
from strategies.planner.wants import Want

if TYPE_CHECKING:
    from strategies.planner.rounds import Round

Facts = dict[str, Decimal | str]
BUY, SELL = Side.BUY, Side.SELL


@dataclass(frozen=True, slots=True)
class Ground:
    """What one round trades on. `order_cap` is the owner's largest order and `largest` the server's (None for any),
    `turnover` what may still be traded (None for any), in the quote; `most` orders may be placed. `band` says how far
    from its target an asset is left alone, in the quote.
    """

    limits: Limits
    info: ExchangeInfo
    prices: PriceSnapshot
    quote: str
    order_cap: Decimal
    largest: Decimal | None
    turnover: Decimal | None
    most: int
    band: Callable[[str], Decimal]


class Crossed(NamedTuple):
    """`legs` between two coins; `wants` that are left for the quote, in their order; `rests` are reasons of what is
    left over, `untaken` why other symbols are not used; `turnover` is what is left of it.
    """

    legs: tuple[Leg, ...]
    wants: list[Want]
    rests: tuple[Skip, ...]
    untaken: tuple[Skip, ...]
    turnover: Decimal | None


def take(round_: "Round", wants: Sequence[Want]) -> Crossed:
    """The direct legs of a round, which has so much less of its limits for the others. In the wide context."""
    limits, width, portfolio = round_.limits, round_.planner.width, round_.portfolio
    slots, share = limits.open_slots, round_.planner.sizes.cap_share
    ground = Ground(
        limits=limits,
        info=round_.planner.info,
        prices=round_.prices,
        quote=round_.quote,
        order_cap=round_.order_cap,
        largest=None if share is None else round_.nav * share,
        turnover=limits.turnover_left,
        most=limits.max_orders if slots is None else min(limits.max_orders, slots),
        band=lambda asset: width.value(portfolio.target_value(asset), portfolio.value),
    )
    crossed = match(wants, ground)
    placed = len(crossed.legs)
    if placed:
        round_.limits = replace(
            limits,
            turnover_left=crossed.turnover,
            max_orders=limits.max_orders - placed,
            open_slots=None if slots is None else slots - placed,
        )
        round_.skips += crossed.rests
    return crossed


def between(one: str, other: str, info: ExchangeInfo) -> SymbolRules | None:
    """The rules of the symbol that trades two coins for each other, None where there is none."""
    return info.pair(one, other) or info.pair(other, one)


def match(wants: Sequence[Want], ground: Ground) -> Crossed:
    """Trade sells against buys directly where that is strictly cheaper, the largest saving first.

    In the wide context. What two coins have in common and the limits of one order leave over is kept for the next
    round, where it is traded directly again.
    """
    matching = _Matching(wants, ground)
    sells = [want for want in wants if want.side is SELL]
    buys = [want for want in wants if want.side is BUY]
    found = [pair for sell in sells for buy in buys if (pair := matching.pair(sell, buy)) is not None]
    for pair in sorted(found, key=lambda pair: (-pair.saving, pair.sold, pair.bought)):
        matching.trade(pair)
    return matching.outcome()


def leg_cost(rules: SymbolRules, side: Side, price: Price, limits: Limits) -> Decimal | None:
    """What an order costs, as a share of its value; None where it has no legal price. In the wide context."""
    mid, step = price.value, limits.order_step_pct / HUNDRED
    limit = limit_price(rules, side, mid, limits.order_step_pct)
    if limit <= 0:
        return None
    meant = mid * (ONE - step if side is BUY else ONE + step)
    is_known = ZERO < price.bid <= price.ask
    takes = is_known and (limit >= price.ask if side is BUY else limit <= price.bid)
    half = (price.ask - price.bid) / 2 / mid if is_known else ZERO
    fee = limits.fee_rate if takes or limits.maker_rate is None else limits.maker_rate
    return fee + half + abs(limit - meant) / mid


class _Pair(NamedTuple):
    """A symbol that trades two wanted assets for each other. `price` is the limit, `smallest` the least quantity; the
    costs are shares of the value, the saving is in the quote.
    """

    sold: str
    bought: str
    rules: SymbolRules
    side: Side
    price: Decimal
    smallest: Decimal
    cost: Decimal
    instead: Decimal
    saving: Decimal = ZERO


class _Matching:
    """Wants on their way to legs: each is what is left of it."""

    def __init__(self, wants: Sequence[Want], ground: Ground) -> None:
        self.ground = ground
        self.wants = {want.asset: want for want in wants}
        self.legs: list[Leg] = []
        self.untaken: dict[str, Skip] = {}
        self.turnover = ground.turnover
        self.least = {want.asset: self._least(want) for want in wants}

    def _least(self, want: Want) -> Decimal:
        """The value of the smallest order against the quote; infinite where there is no legal price."""
        price = limit_price(want.rules, want.side, want.mid, self.ground.limits.order_step_pct)
        if price <= 0:
            return Decimal("Infinity")
        return want.rules.ceil_quantity(want.rules.min_notional / price) * want.mid

    # --- which pairs there are -------------------------------------------------------------------------------

    def pair(self, sell: Want, buy: Want) -> _Pair | None:
        """The symbol of the two with its cost; None, with a reason, where there is one and it is not to be used."""
        ground, limits = self.ground, self.ground.limits
        rules = between(sell.asset, buy.asset, ground.info)
        if rules is None or rules.symbol in limits.occupied:
            return None
        symbol = rules.symbol
        price = ground.prices.price(symbol)
        if not rules.is_trading:
            self._leave(symbol, "not_trading", symbol=symbol, status=rules.status)
            return None
        if symbol in limits.avoided:
            self._leave(symbol, "direct_unfilled", symbol=symbol, quote=ground.quote)
            return None
        if symbol in limits.jumps:
            pct, minutes = plain(quantize(limits.jumps[symbol], 2)), str(limits.jump_minutes)
            self._leave(symbol, "price_jump", symbol=symbol, pct=pct, minutes=minutes)
            return None
        if price is None or price.problem or price.value <= 0:
            is_crossed = price is not None and price.problem == "crossed"
            self._leave(symbol, "crossed_price" if is_crossed else "no_price", symbol=symbol)
            return None
        side = SELL if rules.base == sell.asset else BUY
        limit = limit_price(rules, side, price.value, limits.order_step_pct)
        named = {"sold": sell.asset, "bought": buy.asset}
        costs = leg_cost(rules, side, price, limits), self._through_quote(sell), self._through_quote(buy)
        if costs[0] is None or costs[1] is None or costs[2] is None:
            self._leave(symbol, "direct_refused", **named, filter="PRICE_FILTER")
            return None
        worse = _worse(side, price.value, sell.mid, buy.mid)
        cost, instead = costs[0] + max(worse, ZERO), costs[1] + costs[2]
        if -worse > cost + instead:
            pct = plain(quantize(-worse * HUNDRED, 2))
            self._leave(symbol, "direct_too_good", **named, pct=pct, quote=ground.quote)
            return None
        if cost >= instead:
            self._leave(symbol, "direct_dearer", **named, cost=cost, instead=instead)
            return None
        worst = limits.worst_price(symbol, side)
        if worst is not None and (limit > worst if side is BUY else limit < worst):
            self._leave(symbol, "worst_price", symbol=symbol, price=plain(worst), quote=rules.quote)
            return None
        pair = _Pair(
            sell.asset, buy.asset, rules, side, limit, rules.ceil_quantity(rules.min_notional / limit), cost, instead
        )
        common, smallest = self._common(pair), self._smallest(pair)
        if common < max(self.least[sell.asset], self.least[buy.asset]):
            return None  # one of them could not be traded through the quote either
        if common < smallest:
            facts: Facts = {"amount": common, "quote": ground.quote, "symbol": symbol, "minimum": smallest}
            self._leave(symbol, "direct_too_small", **named, **facts)
            return None
        return pair._replace(saving=(instead - cost) * common)

    def _through_quote(self, want: Want) -> Decimal | None:
        return leg_cost(want.rules, want.side, self.ground.prices.prices[want.rules.symbol], self.ground.limits)

    def _leave(self, symbol: str, code: str, /, **facts: Decimal | str) -> None:
        self.untaken[symbol] = Skip(symbol, code, facts)

    # --- how much of a pair is traded ------------------------------------------------------------------------

    def _smallest(self, pair: _Pair) -> Decimal:
        """The smallest order of the symbol, in the quote."""
        return pair.smallest * self.wants[pair.rules.base].mid

    def _common(self, pair: _Pair) -> Decimal:
        """What both want, in the quote, as far as what is sold is free."""
        sell, buy = self.wants[pair.sold], self.wants[pair.bought]
        return min(sell.amount, sell.free * sell.mid, buy.amount)

    def trade(self, pair: _Pair) -> None:
        """Place what the pair still has in common as one order, within the limits of the round."""
        ground, symbol, smallest = self.ground, pair.rules.symbol, self._smallest(pair)
        named = {"sold": pair.sold, "bought": pair.bought}
        common = self._common(pair)
        if common < smallest or len(self.legs) >= ground.most:
            return  # others have had it
        for asset in (pair.sold, pair.bought):
            if self._strands(asset, common, pair):
                common = self.wants[asset].amount - self.least[asset]
                if common < smallest:
                    self._leave(symbol, "direct_leaves", **named, asset=asset)
                    return
        caps = [common, max(ground.order_cap, smallest), *self._caps(pair)]
        quantity = self._quantity(pair, min(caps))
        if quantity < pair.smallest:
            facts: Facts = {"amount": min(caps), "quote": ground.quote, "symbol": symbol, "minimum": smallest}
            self._leave(symbol, "direct_too_small", **named, **facts)
            return
        failure = pair.rules.failure_on_grid(pair.side, pair.price, quantity, ground.prices.prices[symbol].value)
        if failure:
            self._leave(symbol, "direct_refused", **named, filter=failure)
            return
        self._place(pair, quantity, common)

    def _strands(self, asset: str, common: Decimal, pair: _Pair) -> bool:
        """Whether more would be left of a want than its band leaves alone, and less than can be traded."""
        want = self.wants[asset]
        rest = want.amount - common
        return self._lot(asset, pair) < rest < self.least[asset] and want.distance - common > self.ground.band(asset)

    def _lot(self, asset: str, pair: _Pair) -> Decimal:
        """What is lost by rounding, in the quote: less than that is no rest."""
        want, base = self.wants[asset], self.wants[pair.rules.base]
        return max(want.rules.quantity_grid * want.mid, pair.rules.quantity_grid * base.mid)

    def _caps(self, pair: _Pair) -> list[Decimal]:
        """The most the server, the turnover, the symbol and positions allow, in the quote."""
        ground, rules, buy = self.ground, pair.rules, self.wants[pair.bought]
        caps = [cap for cap in (ground.largest, self.turnover) if cap is not None]
        if rules.max_notional:
            caps.append(rules.max_notional * self.wants[rules.quote].mid)
        if rules.max_quantity:
            caps.append(rules.max_quantity * self.wants[rules.base].mid)
        for one in (rules, buy.rules):
            if one.max_position and one.base == buy.asset:
                caps.append(max(one.max_position - buy.held, ZERO) * buy.mid)
        return caps

    def _quantity(self, pair: _Pair, value: Decimal) -> Decimal:
        """As much of the base as neither gives nor brings more than a value, at prices against the quote, and no more
        than is free.
        """
        sell, buy, price = self.wants[pair.sold], self.wants[pair.bought], pair.price
        if pair.side is SELL:
            most = min(value / sell.mid, value / buy.mid / price, sell.free)
        else:
            most = min(value / buy.mid, value / sell.mid / price, sell.free / price)
        return floor_to_step(most, pair.rules.quantity_grid)

    def _place(self, pair: _Pair, quantity: Decimal, common: Decimal) -> None:
        rules, sell, buy = pair.rules, self.wants[pair.sold], self.wants[pair.bought]
        direct = Direct(rules.quote, self.wants[rules.quote].mid, self.wants[rules.base].mid, pair.cost, pair.instead)
        worth = pair.price * quantity * direct.counter_price
        leg = Leg(
            rules.symbol, rules.base, pair.side, pair.price, quantity, worth * self.ground.limits.fee_rate, direct
        )
        self.legs.append(leg)
        if self.turnover is not None:
            self.turnover -= worth
        given, got = (quantity, quantity * pair.price) if pair.side is SELL else (quantity * pair.price, quantity)
        self.wants[sell.asset] = _less(sell, common)._replace(free=sell.free - given, held=sell.held - given)
        self.wants[buy.asset] = _less(buy, common)._replace(held=buy.held + got)

    # --- what is left ----------------------------------------------------------------------------------------

    def outcome(self) -> Crossed:
        left, rests = [], []
        traded = {asset for leg in self.legs for asset in (leg.asset, leg.direct.counter if leg.direct else "")}
        for want in self.wants.values():
            if want.asset not in traded or want.amount >= self.least[want.asset]:
                left.append(want)
            elif want.amount > want.rules.quantity_grid * want.mid:
                facts: Facts = {"rest": want.amount, "quote": self.ground.quote, "symbol": want.rules.symbol}
                rests.append(Skip(want.asset, "direct_rest", facts))
        untaken = tuple(self.untaken[symbol] for symbol in sorted(self.untaken))
        return Crossed(tuple(self.legs), left, tuple(rests), untaken, self.turnover)


def _worse(side: Side, price: Decimal, sold_at: Decimal, bought_at: Decimal) -> Decimal:
    """By how much, as a share, the price of two coins is worse than their prices in the quote make it; below 0 for
    better.
    """
    through = sold_at / bought_at if side is SELL else bought_at / sold_at
    return (through - price if side is SELL else price - through) / through


def _less(want: Want, value: Decimal) -> Want:
    """The want without so much of it, in the quote."""
    delta = want.delta - value if want.side is BUY else want.delta + value
    return want._replace(delta=delta, distance=want.distance - value, amount=want.amount - value)
