"""The plan of a strategy, from what the exchange says now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.core import signing
from django.utils import timezone
from django.utils.translation import gettext as _

from botbalance.lib import system_settings
from botbalance.lib.errors import Conflict, Invalid
from botbalance.lib.money import HUNDRED, ZERO, wide
from exchanges import services as exchanges
from exchanges.domain import ExchangeInfo, PriceSnapshot, Side, SymbolRules
from exchanges.services import Market
from portfolio import services as portfolio
from portfolio.domain import Valuation, value_portfolio
from portfolio.selectors import KnownBalances
from strategies import past_closes, planner, selectors, ticks
from strategies.domain import (
    BandType,
    Goal,
    Limits,
    OpenOrder,
    Plan,
    Target,
    TradeTo,
    at_rest,
    describe_legs,
    has_moved,
)
from strategies.models import Strategy
from strategies.planner.bands import Managed
from strategies.planner.gauge import LargestDrift
from strategies.variances import VARIANCE_DAYS, variances_of


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan with what it was made of. `digest` vouches for its legs when the plan is executed.

    `symbols` are those the targets may be traded on and that have a price; of those between two coins, such as are
    traded on, or looked at, by this plan. `first_prices` are of the coins still on
    their way: those that were given, and the middle of the market now where none was; for the next rounds of the same
    rebalance. `drift` is the largest from the targets, open orders left aside.
    """

    plan: Plan
    valuation: Valuation
    open_orders: tuple[OpenOrder, ...]
    digest: str
    symbols: tuple[str, ...]
    first_prices: Mapping[str, Decimal]
    drift: LargestDrift


def plan_strategy(
    strategy: Strategy,
    turnover_used: Decimal = ZERO,
    *,
    open_orders: Sequence[OpenOrder] | None = None,
    balances: KnownBalances | None = None,
    goal: Goal = Goal.BAND,
    first_prices: Mapping[str, Decimal] | None = None,
    open_slots: int | None = None,
    jumps: Mapping[str, Decimal] | None = None,
    occupied: frozenset[str] = frozenset(),
    avoided: frozenset[str] = frozenset(),
    market: Market | None = None,
    targets: Sequence[Target] | None = None,
) -> Preview:
    """Plan one round towards `goal` from what the exchange says now: open orders, balances, prices, in this order.

    Open orders are read before balances: an order that fills in between is then counted twice, which trades too
    little, never too much. A caller who has just read them, in this order, gives them, and nothing is asked again.
    `turnover_used` is what was traded in the last 24 hours, in the quote. `first_prices` are those of the rebalance
    this is a round of. `open_slots` is how many orders may be added to the open ones, None for what the server's
    settings leave. `jumps` are symbols not to be traded, with their price's jump in percent; `occupied` those on which
    an order of the same rebalance rests: no other is added to it; on `avoided` no two coins are traded for each other.
    `targets` are others than the strategy's own, to look at what they would mean. Raises an AppError.
    """
    account = strategy.account
    know_fee_asset(strategy)
    if open_orders is None:
        open_orders = [
            OpenOrder(order.symbol, Side(order.side), order.price, order.quantity - order.executed_quantity)
            for order in exchanges.adapter_for(account).get_open_orders()
        ]
    known = portfolio.read_balances(account) if balances is None else balances
    market = exchanges.market_for(account, trading=True) if market is None else market
    valuation = value_portfolio(known.balances, strategy.quote, market.prices, market.info)
    effective = system_settings.current()
    first = dict(first_prices or {})
    limits = replace(
        limits_of(strategy, known.fee_rate, valuation.nav, turnover_used),
        goal=goal,
        first_prices=first,
        max_order_nav_pct=effective.max_order_nav_pct,
        open_slots=max(0, effective.max_open_orders - len(open_orders)) if open_slots is None else open_slots,
        jumps=jumps or {},
        jump_minutes=effective.price_jump_minutes,
        occupied=occupied,
        avoided=avoided,
        maker_rate=known.maker_rate,
    )
    targets = selectors.targets(strategy) if targets is None else targets
    limits = replace(limits, variances=_variances(strategy, targets, goal))
    plan = planner.plan_rebalance(valuation, targets, limits, market.info, market.prices, open_orders)
    mids = _mids(plan, market.info, market.prices)
    direct = _direct_mids(plan, market.info, market.prices) if limits.direct_pairs else {}
    looked_at = {leg.symbol for leg in plan.legs} | {skip.asset for skip in plan.untaken}
    return Preview(
        plan=plan,
        valuation=valuation,
        open_orders=tuple(open_orders),
        digest=_sign(strategy, plan),
        symbols=tuple(sorted({*mids, *(looked_at & direct.keys())})),
        first_prices=_first_prices(plan, market.info, {**_unmoved({**mids, **direct}, limits), **first}, occupied),
        drift=ticks.largest_drift(valuation, targets, replace(limits, goal=Goal.BAND)),
    )


def _unmoved(mids: Mapping[str, Decimal], limits: Limits) -> dict[str, Decimal]:
    """Prices but those that have jumped: nothing is measured from them."""
    return {symbol: price for symbol, price in mids.items() if symbol not in limits.jumps}


def _first_prices(
    plan: Plan, info: ExchangeInfo, prices: Mapping[str, Decimal], occupied: frozenset[str]
) -> dict[str, Decimal]:
    """First prices but of coins that are where they should be, with no order on its way: when they leave again, that is
    a new attempt, measured from the market of that moment.
    """
    settled = at_rest(plan.skips)
    reached = {
        symbol
        for symbol in prices
        if (rules := info.rules.get(symbol)) is not None and (rules.base in settled or rules.quote in settled)
    }
    sought = occupied | {leg.symbol for leg in plan.legs}
    return {symbol: price for symbol, price in prices.items() if symbol not in reached or symbol in sought}


def _direct_mids(plan: Plan, info: ExchangeInfo, prices: PriceSnapshot) -> dict[str, Decimal]:
    """The middle of the market of every symbol that trades two of the plan's coins for each other, by symbol."""
    assets = sorted({row.asset for row in plan.allocations} - {plan.quote})
    found: dict[str, Decimal] = {}
    for base in assets:
        for counter in assets:
            rules = info.pair(base, counter)
            price = prices.price(rules.symbol) if rules is not None else None
            if price is not None and not price.problem and price.value > 0:
                found[price.symbol] = price.value
    return found


def _mids(plan: Plan, info: ExchangeInfo, prices: PriceSnapshot) -> dict[str, Decimal]:
    """The middle of the market of every symbol the targets may be traded on, by symbol."""
    found: dict[str, Decimal] = {}
    for row in plan.allocations:
        rules = info.pair(row.asset, plan.quote)
        price = prices.price(rules.symbol) if rules else None
        if price is not None and not price.problem and price.value > 0:
            found[price.symbol] = price.value
    return found


def limits_of(strategy: Strategy, fee_rate: Decimal, nav: Decimal, turnover_used: Decimal) -> Limits:
    """The strategy's limits as the planner takes them. BNB is kept for fees where its account was last known to pay in
    it (`know_fee_asset`).
    """
    turnover_left = None
    if strategy.max_turnover_pct is not None:
        turnover_left = nav * strategy.max_turnover_pct / HUNDRED - turnover_used
    return Limits(
        min_delta_pct=strategy.min_delta_pct,
        order_size_pct=strategy.order_size_pct,
        order_step_pct=strategy.order_step_pct,
        band_type=BandType(strategy.band_type),
        trade_to=TradeTo(strategy.trade_to),
        quote_reserve_pct=strategy.quote_reserve_pct,
        max_orders=strategy.max_orders,
        turnover_left=turnover_left,
        sell_unlisted=strategy.sell_unlisted,
        fee_rate=fee_rate,
        worst_price_pct=strategy.worst_price_pct,
        hysteresis_pct=strategy.hysteresis_pct,
        cost_horizon_days=None if strategy.cost_horizon_days is None else Decimal(strategy.cost_horizon_days),
        direct_pairs=strategy.direct_pairs,
        bnb_for_fees=strategy.bnb_for_fees if strategy.bnb_for_fees and strategy.account.pays_in_bnb else ZERO,
    )


def know_fee_asset(strategy: Strategy) -> None:
    """See to it that it is known whether the account pays fees in BNB, where that makes a difference to the strategy.
    Raises an ExchangeError.
    """
    if strategy.bnb_for_fees:
        exchanges.know_fee_asset(strategy.account, strategy.quote)


def wants_something(strategy: Strategy, known: KnownBalances, open_orders: Sequence[OpenOrder]) -> bool:
    """Whether something is outside its band that could be traded. Raises an ExchangeError where there are no prices."""
    market = exchanges.market_for(strategy.account, trading=True)
    valuation = value_portfolio(known.balances, strategy.quote, market.prices, market.info)
    limits = limits_of(strategy, known.fee_rate, valuation.nav, ZERO)
    made = planner.Planner(selectors.targets(strategy), limits, market.info, strategy.quote)
    return made.wants_something(valuation, market.prices, open_orders)


def _variances(strategy: Strategy, targets: Sequence[Target], goal: Goal) -> Mapping[str, Decimal]:
    """Variances of a year of what the strategy wants, for its cost test; nothing where it has none."""
    if strategy.cost_horizon_days is None or goal != Goal.BAND:
        return {}
    assets = [target.asset for target in targets]
    closes = past_closes.read(strategy.account, strategy.quote, assets, VARIANCE_DAYS + 1, timezone.now())
    return variances_of(assets, closes.matrix)


def doubtful_symbol(
    strategy: Strategy, known: KnownBalances, market: Market, goal: Goal, jumps: Mapping[str, Decimal]
) -> str:
    """The symbol whose price makes every weight of the strategy doubtful, "" where none does: what is known is held, at
    the market's prices of which `jumps` have jumped by so many percent.
    """
    valuation = value_portfolio(known.balances, strategy.quote, market.prices, market.info)
    limits = limits_of(strategy, known.fee_rate, valuation.nav, ZERO)
    limits = replace(limits, goal=goal, jumps=jumps)
    targets = selectors.targets(strategy)
    with wide():
        managed = Managed.of(valuation, targets, limits)
        return planner.doubtful_symbol(managed, valuation, limits, market.info, market.prices)


def limit_price(
    strategy: Strategy,
    rules: SymbolRules,
    side: Side,
    mid: Decimal,
    first_prices: Mapping[str, Decimal] | None = None,
) -> Decimal:
    """The price the strategy would put on an order now; not past its worst price from the first of `first_prices`."""
    limits = Limits(first_prices=first_prices or {}, worst_price_pct=strategy.worst_price_pct)
    with wide():  # as the planner computes it: the same price to the last digit
        return planner.limit_price(rules, side, mid, strategy.order_step_pct, limits.worst_price(rules.symbol, side))


def _signer(strategy: Strategy) -> signing.Signer:
    return signing.Signer(salt=f"plan-{strategy.pk}")


def _sign(strategy: Strategy, plan: Plan) -> str:
    return _signer(strategy).sign_object(describe_legs(plan.legs), compress=True)


def check_digest(strategy: Strategy, digest: str, plan: Plan) -> None:
    """Raise Conflict(plan_changed) when the plan is not the one the digest vouches for, within 1 % in any leg."""
    try:
        agreed = _signer(strategy).unsign_object(digest)
    except (signing.BadSignature, ValueError):
        raise Invalid(
            _("The plan digest is not one of this strategy."), fields={"plan_digest": [_("Ask for the plan again.")]}
        ) from None
    if has_moved(agreed, plan.legs):
        raise Conflict(
            _("The plan has changed since you saw it. Look at the new one before you rebalance."), code="plan_changed"
        )
