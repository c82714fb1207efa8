"""Every request leaves one line of names and values, with the weight that the exchange charges for it."""

import logging
import re
from typing import Any

import pytest
import requests

from exchanges.adapters import weights
from exchanges.domain import Venue
from exchanges.errors import ExchangeError
from exchanges.tests.methods import BY_NAME, METHODS, Method
from exchanges.tests.support import ACCOUNT, NOW, ORDER, Client, new_order, refusal, reply

LINE = re.compile(
    r"exchange_call host=(?P<host>\S+) method=(?P<method>[A-Z]+) route=(?P<route>/\S+) weight=(?P<weight>\d+) "
    r"status=(?P<status>\d+) code=(?P<code>-?\d+) ms=\d+ attempt=(?P<attempt>\d) outcome=(?P<outcome>[a-z_:]+)"
)


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def lines(heard: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    """What was logged, by name; every line must have the whole shape."""
    texts = [record.getMessage() for record in heard.records if record.name.startswith("exchanges.adapters")]
    found = [LINE.fullmatch(text) for text in texts]
    assert all(found), texts
    return [match.groupdict() for match in found if match]


def test_an_order_that_succeeds_is_free(heard: pytest.LogCaptureFixture) -> None:
    Client(reply(ORDER)).adapter.place_order(new_order(), NOW)
    assert lines(heard) == [
        {
            "host": "exchange.test",
            "method": "POST",
            "route": "/api/v3/order",
            "weight": "0",
            "status": "200",
            "code": "0",
            "attempt": "1",
            "outcome": "ok",
        }
    ]


def test_an_order_that_fails_is_charged_and_its_code_told(heard: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ExchangeError):
        Client(refusal(400, -2010, "Market is closed.")).adapter.place_order(new_order(), NOW)
    (line,) = lines(heard)
    assert (line["weight"], line["status"], line["code"], line["outcome"]) == ("1", "400", "-2010", "exchange_rejected")


def test_every_try_of_a_read_has_a_line(heard: pytest.LogCaptureFixture) -> None:
    Client(refusal(503, 0, ""), requests.ReadTimeout("slow"), reply(ACCOUNT)).adapter.account_info()
    assert [(line["attempt"], line["status"], line["outcome"]) for line in lines(heard)] == [
        ("1", "503", "exchange_unavailable"),
        ("2", "0", "exchange_unavailable"),
        ("3", "200", "ok"),
    ]


def test_what_was_never_sent_says_so_and_costs_nothing(heard: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ExchangeError):
        Client(reply(ACCOUNT), api_key="", api_secret="").adapter.account_info()
    (line,) = lines(heard)
    assert (line["weight"], line["status"], line["outcome"]) == ("0", "0", "not_sent:credentials_refused")


def test_half_a_cancel_replace_is_charged(heard: pytest.LogCaptureFixture) -> None:
    data = {
        "cancelResult": "FAILURE",
        "newOrderResult": "NOT_ATTEMPTED",
        "cancelResponse": {"code": -2011, "msg": "Unknown order sent."},
        "newOrderResponse": None,
    }
    client = Client(reply({"code": -2022, "msg": "Order cancel-replace failed.", "data": data}, 400))
    client.adapter.cancel_replace(new_order(), "old", NOW)
    (line,) = lines(heard)
    assert (line["weight"], line["code"], line["outcome"]) == ("1", "-2022", "ok")


WEIGHTS = {
    "ping": 1, "server_time": 1, "sync_clock": 1, "ticker_price": 4, "book_ticker": 4, "exchange_info": 20, "klines": 2,
    "depth": 5, "account_info": 20, "api_restrictions": 1, "commission": 20, "test_order": 1,
    "test_order_commission": 20, "place_order": 0, "cancel_replace": 0, "get_order_status": 4, "get_open_orders": 6,
    "cancel_order": 0, "cancel_open_orders": 0, "my_trades": 5, "dust_offer": 1, "convert_dust": 10, "dust_history": 1,
}  # fmt: skip


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_every_method_is_logged_with_its_documented_weight(method: Method, heard: pytest.LogCaptureFixture) -> None:
    venue = Venue.MAINNET if method.is_mainnet_only else Venue.TESTNET
    method.call(Client(reply(method.body), venue=venue).adapter, NOW)
    (line,) = lines(heard)
    assert f"{line['method']} {line['route']}" == method.route
    assert int(line["weight"]) == WEIGHTS[method.name]


@pytest.mark.parametrize(
    ("path", "parameters", "weight"),
    [
        ("/api/v3/openOrders", {}, 80),
        ("/api/v3/ticker/price", {"symbol": "BTCUSDT"}, 2),
        ("/api/v3/myTrades", {"symbol": "BTCUSDT"}, 20),
        ("/api/v3/depth", {}, 5),
        ("/api/v3/depth", {"limit": "100"}, 5),
        ("/api/v3/depth", {"limit": "101"}, 25),
        ("/api/v3/depth", {"limit": "1000"}, 50),
        ("/api/v3/depth", {"limit": "5000"}, 250),
    ],
)
def test_the_weight_depends_on_what_is_asked_for(path: str, parameters: dict[str, str], weight: int) -> None:
    assert weights.listed_weight("GET", path, parameters) == weight
    assert weights.charged_weight("GET", path, parameters, succeeded=True) == weight


def test_a_route_without_a_weight_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        weights.listed_weight("GET", "/api/v3/nothing", {})


def test_an_address_with_a_password_in_it_is_logged_without(heard: pytest.LogCaptureFixture) -> None:
    client = Client(reply({}), base_url="https://somebody:planted@exchange.test")
    client.script.replies = [reply({})]
    BY_NAME["ping"].call(client.adapter, NOW)
    (line,) = lines(heard)
    assert line["host"] == "exchange.test"
    assert "planted" not in heard.text


def test_the_headers_of_an_answer_tell_what_is_used_up() -> None:
    headers: dict[str, Any] = {
        "X-MBX-USED-WEIGHT": "9",
        "x-mbx-used-weight-1m": "26",
        "X-MBX-ORDER-COUNT-10S": "1",
        "X-MBX-ORDER-COUNT-1D": "17",
        "X-MBX-USED-WEIGHT-1H": "nonsense",
        "Content-Type": "application/json",
    }
    client = Client(reply(ORDER, headers=headers))
    assert client.adapter.used_limits == {}
    client.adapter.place_order(new_order(), NOW)
    assert client.adapter.used_limits == {"REQUEST_WEIGHT 1M": 26, "ORDERS 10S": 1, "ORDERS 1D": 17}
