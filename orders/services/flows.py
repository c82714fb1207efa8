"""What came into an account or left it without an order of ours: found by what it holds beyond what fills explain."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from botbalance.lib.money import ZERO, exact
from exchanges import services as exchanges
from exchanges.domain import Side
from exchanges.models import ExchangeAccount
from orders import selectors
from orders.domain import explains_locked
from orders.dust import selectors as conversions
from orders.dust.domain import effect_of as effect_of_dust
from orders.models import Fill
from portfolio import selectors as balances
from portfolio import services as portfolio
from portfolio.models import CashFlow
from portfolio.selectors import KnownBalances

SETTLING = timedelta(seconds=2)
"""How long after a change of an order balances are not judged: reads of one exchange may lag behind each other."""


def note_flows(account: ExchangeAccount, known: KnownBalances) -> list[CashFlow]:
    """Record deposits and withdrawals that these balances show; those that are new.

    Balances are judged only when they are certain to contain exactly the fills that are recorded:

    - no order of ours is meant, unknown, or has executed more than its recorded fills;
    - none has changed since these balances were asked for, or shortly before;
    - no conversion of small balances is unresolved, or became known since then or shortly before;
    - those that rest explain, with strangers' orders, all that is locked: one that had traded meanwhile would not.

    Anything else leaves the judgement to a later reading, and nothing is lost by that. The first reading only says what
    there is. Nothing is asked of the exchange but prices, where there is a flow. Raises no ExchangeError.
    """
    baseline = balances.explained(account)
    # The fills are read first: one that is recorded from here on changes its order, which is seen next.
    if baseline is None:
        fills, newest = [], selectors.newest_fill_id(account)
    else:
        fills = selectors.fills_since(account, baseline.fills_up_to)
        newest = max((fill.pk for fill in fills), default=baseline.fills_up_to)
    sweeps = [] if baseline is None else list(conversions.learned_since(account, baseline.at))
    if not _is_settled(account, known):
        return []
    effect = effect_of(fills)
    with exact():
        for sweep in sweeps:
            for asset, amount in effect_of_dust(sweep.lines).items():
                effect[asset] = effect.get(asset, ZERO) + amount
    return portfolio.record_balances_explained(account, known, baseline, effect, newest)


def effect_of(fills: Iterable[Fill]) -> dict[str, Decimal]:
    """What fills did to each asset: bought less sold, less commission."""
    effect: dict[str, Decimal] = {}
    with exact():
        for fill in fills:
            order = fill.order
            sign = 1 if order.side == Side.BUY else -1
            for asset, amount in (
                (order.base_asset, sign * fill.quantity),
                (order.quote_asset, -sign * fill.quote_quantity),
                (fill.commission_asset, -fill.commission),
            ):
                effect[asset] = effect.get(asset, ZERO) + amount
    return effect


def _is_settled(account: ExchangeAccount, known: KnownBalances) -> bool:
    """Whether these balances contain exactly the fills of ours that are recorded."""
    if selectors.has_unrecorded_trades(account):
        return False
    since = known.as_of - SETTLING
    if selectors.has_changed_since(account, since) or conversions.has_changed_since(account, since):
        return False
    if not selectors.resting_orders(account).exists():
        return True
    orders = selectors.known_open_orders(account)
    return explains_locked(known.balances, orders, exchanges.exchange_info_for(account))
