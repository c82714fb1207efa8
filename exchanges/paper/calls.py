"""One signed request, while its account is locked, and what every route of an account needs."""

import re
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field

from exchanges.paper import store
from exchanges.paper.engine import Order, Refused
from exchanges.paper.models import PaperOrder
from exchanges.paper.store import OpenAccount
from exchanges.paper.wire import CLIENT_ORDER_ID, INTEGER, ApiRefusal, Parameters, neither

_ALPHABET = string.ascii_letters + string.digits


@dataclass(slots=True)
class PrivateCall:
    """One signed request. `headers` are added to the answer.

    A handler raises a refusal when nothing is to change; it returns one when what it did before stays done.
    """

    account: OpenAccount
    parameters: Parameters
    check_deadline: Callable[[int], None]
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def now_ms(self) -> int:
        return self.account.now_ms

    def one_symbol(self) -> str:
        """The mandatory `symbol`. One that was delisted, or that another market had, is still known to an account with
        orders on it: they can be seen and cancelled.
        """
        self.parameters.required("symbol")
        symbol = self.parameters.symbol()
        if symbol is None or not (symbol in self.account.market.symbols or self._has_orders(symbol)):
            raise ApiRefusal(-1121, "Invalid symbol.")
        return symbol

    def _has_orders(self, symbol: str) -> bool:
        # A NUL cannot even be asked for in PostgreSQL.
        return (
            "\0" not in symbol
            and PaperOrder.objects.using(store.ALIAS).filter(account=self.account.row, symbol=symbol).exists()
        )

    def listed_symbol(self) -> str:
        """The mandatory `symbol`, which must be listed now."""
        symbol = self.one_symbol()
        if symbol not in self.account.market.listed(self.now_ms):
            raise ApiRefusal(-1121, "Invalid symbol.")
        return symbol

    def find_order(
        self, code: int, text: str, id_name: str = "orderId", client_id_name: str = "origClientOrderId"
    ) -> Order:
        """The order of `orderId` or `origClientOrderId`; of several with one client id the open one, else the newest.

        Where there is none, `code` and `text` say so; -2039 when a query's two ids belong to different orders.
        """
        symbol, parameters = self.one_symbol(), self.parameters
        order_id = parameters.text(id_name, INTEGER)
        client_id = parameters.text(client_id_name)
        if order_id is None and client_id is None:
            raise neither(id_name, client_id_name)
        order = self._by_id(symbol, int(order_id)) if order_id is not None else self._by_client_id(symbol, client_id)
        if order is None:
            raise ApiRefusal(code, text)
        if client_id is not None and order.client_order_id != client_id:
            if code == -2013:
                raise ApiRefusal(-2039, "Client order ID is not correct for this order ID.")
            raise ApiRefusal(code, text)
        return order

    def _by_id(self, symbol: str, order_id: int) -> Order | None:
        rows = PaperOrder.objects.using(store.ALIAS).filter(account=self.account.row, symbol=symbol)
        row = rows.filter(order_id=order_id).first() if order_id < 1 << 63 else None
        return None if row is None else store.order_of(row)

    def _by_client_id(self, symbol: str, client_id: str | None) -> Order | None:
        """An amended order can have a name that a younger one had before it: the open one is meant."""
        for order in self.account.state.open_orders.values():
            if (order.symbol, order.client_order_id) == (symbol, client_id):
                return order
        if client_id is None or not re.fullmatch(CLIENT_ORDER_ID[1:-1], client_id, re.ASCII):
            return None  # no order ever had such a name
        rows = PaperOrder.objects.using(store.ALIAS).filter(account=self.account.row, symbol=symbol)
        row = rows.filter(client_order_id=client_id).order_by("-order_id").first()
        return None if row is None else store.order_of(row)


def new_client_id() -> str:
    """A client id as the exchange makes one where the client sends none."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(22))


def refusal_of(error: Refused) -> ApiRefusal:
    """What the engine refuses, as an answer."""
    return ApiRefusal(error.code, error.text)
