"""What a refusal is as data, the texts of the exchange, and ways to bring one about."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import requests
import time_machine

from botbalance.lib.clock import now_ms
from exchanges.paper import services
from exchanges.paper.models import PaperAccount
from exchanges.paper.tests.support import Client

D = Decimal
Act = Callable[[Client], requests.Response]
BALANCE = "10000"


@dataclass(frozen=True)
class Case:
    """`act` brings the refusal about, by an account with 10,000 USDT and nothing else."""

    method: str
    path: str
    code: int
    text: str
    act: Act
    status: int = 400

    @property
    def route(self) -> tuple[str, str]:
        return self.method, self.path if self.path.startswith("/") else f"/api/v3/{self.path}"

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.code} {self.text[:40]}"


NUMBER = r"'; legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'."
ID = r"'; legal range is '^[0-9]{1,20}$'."
CLIENT_ID = "'; legal range is '^[a-zA-Z0-9-_]{1,36}$'."
SYMBOL = "'; legal range is '^[A-Z0-9-_.]{1,20}$'."
SYMBOLS = r"""'; legal range is '^\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\]$'."""
ILLEGAL = "Illegal characters found in parameter '"
COMBINATION = "Combination of optional parameters invalid."
UNKNOWN = "Unknown order sent."
POOR = "Account has insufficient balance for requested action."
CLOSED = "Market is closed."
INVALID_SYMBOL = "Invalid symbol."
LIMIT = {
    "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "50000",
}  # fmt: skip
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}


def missing(name: str) -> str:
    return f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."


def neither(first: str, second: str) -> str:
    return f"Param '{first}' or '{second}' must be sent, but both were empty/null!"


def unread(read: int, sent: int) -> str:
    return f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."


def invalid(name: str) -> str:
    return f"Data sent for parameter '{name}' is not valid."


def fails(name: str) -> str:
    return f"Filter failure: {name}"


def sending(method: str, path: str, parameters: dict[str, Any]) -> Act:
    address = path if path.startswith("/") else f"/api/v3/{path}"
    return lambda client: client.send(method, address, **parameters)


def order_with(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**LIMIT, **changes}.items() if value is not None}


def with_control(act: Act, **control: Any) -> Act:
    def acting(client: Client) -> requests.Response:
        services.symbol_control("BTCUSDT", **control)
        return act(client)

    return acting


def with_open_order(act: Callable[[Client, dict[str, Any]], requests.Response], **order: Any) -> Act:
    """`act` is given the answer of an order that waits at half the market's price."""

    def acting(client: Client) -> requests.Response:
        price = f"{client.book()['bidPrice'] / 2:.2f}"
        placed = client.order("BUY", "0.001", price, newClientOrderId="waiting", **order)
        assert placed.status_code == 200, placed.text
        return act(client, placed.json())

    return acting


def after_a_hundred_orders(act: Act) -> Act:
    def acting(client: Client) -> requests.Response:
        now = now_ms()
        PaperAccount.objects.using("paper").filter(api_key=client.keys.api_key).update(
            window_10s=now // 10_000, orders_10s=100, window_1d=now // 86_400_000, orders_1d=100
        )
        return act(client)

    return acting


def at_the_middle_of_ten_seconds(act: Act) -> Act:
    """The windows of counts are aligned to the clock: stand in the middle of one."""

    def acting(client: Client) -> requests.Response:
        with time_machine.travel(now_ms() // 10_000 * 10 + 5, tick=False):
            return act(client)

    return acting
