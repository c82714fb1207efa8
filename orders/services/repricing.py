"""Orders that rest: which of them are priced anew, and which stay where they are."""

from collections.abc import Sequence
from decimal import Decimal

from botbalance.lib.clock import now_ms
from exchanges import services as exchanges
from exchanges.domain import Side
from exchanges.services import Market
from orders.models import Order, Run
from orders.services.cancelling import cancel
from portfolio import selectors as portfolio
from portfolio.selectors import KnownBalances
from strategies import services as strategies
from strategies.domain import Goal
from strategies.selectors import targets
from strategies.ticks import order_wants_new_price


def reprice(run: Run, resting: Sequence[Order]) -> bool:
    """Cancel orders that are too old, or too far from the market, and would be priced differently now; and such as were
    to trade two coins for each other and have not, at the end of their lifetime: there is another way for those.

    The next round plans what is left of them. True when an order was brought to its end. Raises an AppError.
    """
    oldest_ms = now_ms() - lifetime_ms_of(run)
    if not resting or (run.strategy.reprice_distance_pct is None and all(o.sent_ms > oldest_ms for o in resting)):
        return False
    market = exchanges.market_for(run.account, trading=True)
    moving = [order for order in resting if _wants_new_price(run, order, market)]
    if not moving:
        return False
    # Nothing is placed on a price that has jumped, or while one makes all weights doubtful, so nothing is taken away
    # for it either.
    known = portfolio.known_balances(run.account)
    jumped = _jumps(run, moving, market, known)
    if known is not None and strategies.doubtful_symbol(run.strategy, known, market, Goal(run.goal), jumped):
        return False
    adapter = exchanges.adapter_for(run.account)
    ended = False
    for order in moving:
        if order.symbol not in jumped:
            cancel(order, adapter, "cancelling_old" if order.sent_ms <= oldest_ms else "cancelling_far")
            ended = ended or order.is_final
    return ended


def _jumps(run: Run, moving: Sequence[Order], market: Market, known: KnownBalances | None) -> dict[str, Decimal]:
    """Jumped prices of the orders' own coins and of all others the strategy is about, in percent."""
    assets = {target.asset for target in targets(run.strategy)}
    if known is not None and run.strategy.sell_unlisted:
        assets |= {balance.asset for balance in known.balances}
    pairs = [market.info.pair(asset, run.strategy.quote) for asset in assets]
    symbols = {rules.symbol for rules in pairs if rules is not None} | {order.symbol for order in moving}
    return exchanges.price_jumps(run.account, market.prices, sorted(symbols))


def _wants_new_price(run: Run, order: Order, market: Market) -> bool:
    if order.is_direct and not order.executed_quantity and now_ms() - order.sent_ms >= lifetime_ms_of(run):
        # Needs no price: it is to go another way. Where the market stands still nothing can be cancelled.
        rules = market.info.rules.get(order.symbol)
        return rules is not None and rules.is_trading
    priced = _price_now(run, order, market)
    if priced is None:
        return False
    mid, new_limit_price = priced
    return order_wants_new_price(
        order_price=order.price,
        side=Side(order.side),
        sent_ms=order.sent_ms,
        now_ms=now_ms(),
        mid=mid,
        new_limit_price=new_limit_price,
        lifetime_ms=lifetime_ms_of(run),
        reprice_distance_pct=run.strategy.reprice_distance_pct,
    )


def waiting_at_worst_price(run: Run, resting: Sequence[Order]) -> str:
    """The symbol of an order that has outlived its lifetime and stays, since a better place in the market would be past
    the worst price its owner allows; "" where there is none. Raises an AppError.
    """
    oldest_ms = now_ms() - lifetime_ms_of(run)
    old = [order for order in resting if order.is_resting and order.sent_ms <= oldest_ms]
    if not old or run.strategy.worst_price_pct is None:
        return ""
    market = exchanges.market_for(run.account, trading=True)
    for order in old:
        held, free = _price_now(run, order, market), _price_now(run, order, market, at_any_price=True)
        if held is not None and free is not None and held[1] == order.price != free[1]:
            return order.symbol
    return ""


def lifetime_ms_of(run: Run) -> int:
    return run.strategy.order_lifetime_seconds * 1000


def first_prices(run: Run) -> dict[str, Decimal]:
    """What the run's worst price is measured from, by symbol."""
    return {symbol: Decimal(price) for symbol, price in run.first_prices.items()}


def _price_now(run: Run, order: Order, market: Market, *, at_any_price: bool = False) -> tuple[Decimal, Decimal] | None:
    """The middle of the market, and the price the order would get now; None where nothing is priced on its symbol."""
    price, rules = market.prices.price(order.symbol), market.info.rules.get(order.symbol)
    if price is None or price.problem or rules is None or not rules.is_trading:
        return None
    first = {} if at_any_price else first_prices(run)
    return price.value, strategies.limit_price(run.strategy, rules, Side(order.side), price.value, first)
