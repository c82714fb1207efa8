"""What an account holds and what is open at it, as a plan needs them: of one moment, at the least weight."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from botbalance.lib import cache
from botbalance.lib.clock import now_ms
from botbalance.lib.money import plain
from exchanges import services as exchanges
from exchanges.domain import OrderReport, Side
from exchanges.errors import CredentialsRefused
from exchanges.models import ExchangeAccount
from orders import selectors
from orders.domain import unexplained_locks
from orders.services.adopting import read_open_orders
from orders.services.resolving import ask
from portfolio import services as portfolio
from portfolio.selectors import KnownBalances
from strategies.domain import OpenOrder

REMEMBERED_SECONDS = 600
"""How long what no open order explains is taken for locked elsewhere (savings, say) without looking again."""


@dataclass(frozen=True, slots=True)
class State:
    """Balances, and the orders that were open when they were read: ours and strangers'."""

    balances: KnownBalances
    open_orders: tuple[OpenOrder, ...]


def read_state(account: ExchangeAccount) -> State:
    """Read the balances, and the open orders only where what is known of them does not explain what is locked.

    An order that has filled, ended or appeared since it was last heard of changes what is locked, so orders that
    explain all of it to the last digit are the open ones. Otherwise the list of all is read, and the balances once more
    after it: an order that fills in between is then counted twice, which trades too little, never too much. What not
    even the list explains is locked by something else; it is looked into again when it changes, and every ten minutes.

    Raises an ExchangeError; a refused key stops the account.
    """
    open_orders = selectors.known_open_orders(account)
    known = portfolio.read_balances(account)
    info = exchanges.exchange_info_for(account)
    rest = unexplained_locks(known.balances, open_orders, info)
    if not rest or rest == _looked_into(account):
        return State(known, open_orders)
    reports = list_open_orders(account)
    known = portfolio.read_balances(account)
    open_orders = tuple(
        OpenOrder(report.symbol, Side(report.side), report.price, report.quantity - report.executed_quantity)
        for report in reports
    )
    rest = unexplained_locks(known.balances, open_orders, info)
    if rest:
        texts = {asset: plain(amount) for asset, amount in rest.items()}
        cache.remember(_key(account), (now_ms(), texts), REMEMBERED_SECONDS)
    return State(known, open_orders)


def list_open_orders(account: ExchangeAccount) -> tuple[OrderReport, ...]:
    """Read the list of all open orders, adopt what is ours, and ask for what has left it. Raises an ExchangeError."""
    adapter = exchanges.adapter_for(account)
    thought_open = list(selectors.resting_orders(account).select_related("account", "round__run"))
    try:
        reports = read_open_orders(account, adapter)
    except CredentialsRefused as error:
        exchanges.mark_refused(account, error.message)
        raise
    listed = {report.client_order_id for report in reports}
    for order in thought_open:
        if order.client_order_id not in listed and not ask(order, adapter):
            break  # tracking asks again
    return reports


def _key(account: ExchangeAccount) -> str:
    return f"unexplained-locks:{account.pk}"


def _looked_into(account: ExchangeAccount) -> Mapping[str, Decimal] | None:
    """What was locked and not explained when that was last looked into; None when that is too long ago."""
    looked_ms, texts = cache.recall(_key(account)) or (0, {})
    if now_ms() - looked_ms > REMEMBERED_SECONDS * 1000:
        return None
    return {asset: Decimal(amount) for asset, amount in texts.items()}
