"""Every fault meets every method of the adapter: which error, how many requests, and no secret in the log.

The faults of the paper exchange happen where a network would fail, under the unchanged client; what the paper exchange
does not do is answered by a script.
"""

import functools
import logging
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests

from botbalance.lib.clock import now_ms
from exchanges.adapters.base import ExchangeAdapter
from exchanges.adapters.binance import BinanceAdapter
from exchanges.adapters.session import new_session
from exchanges.domain import Venue
from exchanges.errors import (
    ClockSkew,
    ExchangeError,
    OutcomeUnknown,
    Rejected,
    Throttled,
    Unavailable,
)
from exchanges.paper import faults
from exchanges.paper import services as paper
from exchanges.paper.transport import PaperTransport
from exchanges.tests.ledgers import Naps, meter
from exchanges.tests.methods import METHODS, WRITES, Kind, Method
from exchanges.tests.support import DATABASES, NOW, Client, new_order, refusal, reply, sent_text

ALWAYS = 1000
EVERY_METHOD = pytest.mark.parametrize("method", METHODS, ids=str)
AT_PAPER = [method for method in METHODS if not method.is_mainnet_only]

# What happens -> (error of a read, error of a write); a read is tried three times where it may help.
NEVER_SENT = (Unavailable, Unavailable)
OPEN = (Unavailable, OutcomeUnknown)
FAULTS: dict[str, tuple[dict[str, Any], tuple[type[ExchangeError], type[ExchangeError]], int]] = {
    "refused connection": ({"kind": "refuse"}, NEVER_SENT, 3),
    "lost before": ({"kind": "lost_before"}, OPEN, 3),
    "lost after": ({"kind": "lost_after"}, OPEN, 3),
    "reset before": ({"kind": "reset_before"}, OPEN, 3),
    "reset after": ({"kind": "reset_after"}, OPEN, 3),
    "-1000": ({"kind": "error_before", "code": -1000, "status": 500}, OPEN, 3),
    "-1001": ({"kind": "error_before", "code": -1001, "status": 500}, OPEN, 3),
    "-1006": ({"kind": "error_before", "code": -1006, "status": 502}, OPEN, 3),
    "-1007": ({"kind": "error_before", "code": -1007, "status": 504}, OPEN, 3),
    "-1007 though done": ({"kind": "error_after", "code": -1007, "status": 504}, OPEN, 3),
    "-1006 as a 400": ({"kind": "error_after", "code": -1006, "status": 400}, OPEN, 3),
    "-1008": ({"kind": "error_before", "code": -1008, "status": 503}, NEVER_SENT, 3),
    "throttled for long": ({"kind": "throttled", "seconds": 60}, (Throttled, Throttled), 1),
    "throttled for a second": ({"kind": "throttled", "seconds": 1}, (Throttled, Throttled), 3),
    "banned": ({"kind": "banned"}, (Throttled, Throttled), 1),
    "cut short": ({"kind": "cut_short"}, OPEN, 3),
    "truncated": ({"kind": "truncated"}, OPEN, 3),
    "a web page": ({"kind": "html"}, OPEN, 3),
    "a firewall's page": ({"kind": "firewall"}, (Throttled, Throttled), 1),
    "a restricted location": ({"kind": "geo_block"}, (Rejected, Rejected), 1),
    "a redirect": ({"kind": "redirect"}, OPEN, 3),
    "not found": ({"kind": "not_found"}, (Rejected, Rejected), 1),
}


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


@pytest.fixture
def keys() -> paper.PaperKeys:
    return paper.open_account("faults", {"USDT": Decimal(10_000)})


@pytest.fixture
def adapter(keys: paper.PaperKeys) -> BinanceAdapter:
    """An adapter of the paper exchange that never sleeps, with one resting order."""
    made = adapter_with(keys, timeout_seconds=5)
    made.place_order(new_order(price=resting_price()), now_ms())
    return made


def adapter_with(keys: paper.PaperKeys, timeout_seconds: float) -> BinanceAdapter:
    session = new_session()
    session.mount(paper.BASE_URL, PaperTransport())
    naps = Naps()
    return BinanceAdapter(
        paper.BASE_URL,
        api_key=keys.api_key,
        api_secret=keys.api_secret,
        session=session,
        meter=meter(naps.now_ms),
        timeout=(timeout_seconds, timeout_seconds),
        sleep=naps.sleep,
    )


@functools.cache
def resting_price() -> Decimal:
    """A tenth below the market, which is far enough for as long as these tests take: asked for once."""
    adapter = adapter_with(paper.open_account("asks for a price", {}), timeout_seconds=5)
    rules = adapter.exchange_info().rules["BTCUSDT"]
    bid = next(book.bid for book in adapter.book_ticker() if book.symbol == "BTCUSDT")
    return rules.floor_price(bid * 9 / 10)


def test_every_method_of_the_protocol_is_among_them() -> None:
    named = {name for name in vars(ExchangeAdapter) if not name.startswith("_")}
    assert {method.name for method in METHODS} == named - {"recv_window_ms", "used_limits"}


@pytest.mark.django_db(databases=DATABASES)
@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("method", AT_PAPER, ids=str)
def test_a_fault_is_told_for_what_it_is(
    method: Method, name: str, adapter: BinanceAdapter, keys: paper.PaperKeys, heard: pytest.LogCaptureFixture
) -> None:
    fault, errors, tries = FAULTS[name]
    is_read = method.kind == Kind.READ
    heard.clear()
    with (
        faults.plan([{"match": method.route, "times": ALWAYS, **fault}]) as given,
        pytest.raises(ExchangeError) as caught,
    ):
        method.call(adapter, now_ms())
    assert type(caught.value) is errors[0 if is_read else 1]
    assert len(given.happened) == (tries if is_read else 1)
    assert len(calls_in(heard)) == len(given.happened)
    assert keys.api_key not in heard.text
    assert keys.api_secret not in heard.text
    assert "signature" not in heard.text


@pytest.mark.django_db(databases=DATABASES)
@pytest.mark.parametrize("method", AT_PAPER, ids=str)
def test_an_answer_that_does_not_come_in_time_is_given_up(
    method: Method, adapter: BinanceAdapter, keys: paper.PaperKeys
) -> None:
    is_read = method.kind == Kind.READ
    impatient = adapter_with(keys, timeout_seconds=0.01)
    late = [{"match": method.route, "kind": "slow", "seconds": 60, "times": ALWAYS}]
    with faults.plan(late) as given, pytest.raises(Unavailable if is_read else OutcomeUnknown):
        method.call(impatient, now_ms())
    assert len(given.happened) == (3 if is_read else 1)


@pytest.mark.django_db(databases=DATABASES)
@pytest.mark.parametrize("method", [method for method in AT_PAPER if method.name != "sync_clock"], ids=str)
def test_a_skewed_clock_is_measured_and_a_cancel_alone_sent_once_more(method: Method, adapter: BinanceAdapter) -> None:
    match = {"match": method.route, "kind": "clock_skew"}
    with faults.plan([{**match, "times": ALWAYS}]) as given, pytest.raises(ClockSkew):
        method.call(adapter, now_ms())
    assert len(given.happened) == {Kind.READ: 3, Kind.CANCEL: 2, Kind.WRITE: 1}[method.kind]
    if method.kind == Kind.WRITE:
        return
    with faults.plan([match]) as given:
        method.call(adapter, now_ms())
    assert len(given.happened) == 1


@pytest.mark.django_db(databases=DATABASES)
@pytest.mark.parametrize("method", AT_PAPER, ids=str)
def test_an_answer_that_is_slow_but_in_time_is_taken(method: Method, adapter: BinanceAdapter) -> None:
    with faults.plan([{"match": method.route, "kind": "slow", "seconds": 0.001}]) as given:
        method.call(adapter, now_ms())
    assert len(given.happened) == 1


@pytest.mark.django_db(databases=DATABASES)
def test_an_order_that_the_network_delivers_twice_is_placed_once(adapter: BinanceAdapter) -> None:
    order = new_order(price=resting_price(), client_order_id="new")
    with faults.plan([{"match": "POST /api/v3/order", "kind": "duplicate"}]) as given:
        assert adapter.place_order(order, now_ms()).status == "NEW"
    assert len(given.happened) == 1
    assert sorted(row.client_order_id for row in adapter.get_open_orders("BTCUSDT")) == ["abc", "new"]


def calls_in(heard: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in heard.records if record.getMessage().startswith("exchange_call ")]


# --- what only a script says -----------------------------------------------------------------------------

RESTRICTED = refusal(451, 0, "Service unavailable from a restricted location according to 'b. Eligibility'.")
SCRIPTED: dict[str, tuple[requests.Response, tuple[type[ExchangeError], type[ExchangeError]], int]] = {
    "a restricted location": (RESTRICTED, (Rejected, Rejected), 1),
    "a firewall's page": (reply("<html><h1>403 Forbidden</h1></html>", 403), (Throttled, Throttled), 1),
    "a redirect": (reply("", 302, {"Location": "https://elsewhere.test/"}), OPEN, 3),
    "a permanent redirect": (reply("", 308, {"Location": "https://elsewhere.test/"}), OPEN, 3),
    "no JSON": (reply("OK"), OPEN, 3),
    "nothing": (reply(""), OPEN, 3),
    "half an answer": (reply('{"symbol": "BTCUSDT", "orde'), OPEN, 3),
    "an overloaded exchange": (refusal(503, -1008), NEVER_SENT, 3),
    "-1006": (refusal(500, -1006), OPEN, 3),
    "-1007": (refusal(504, -1007), OPEN, 3),
    "a gateway": (reply("<html>Bad gateway</html>", 502), OPEN, 3),
}
KEY, SECRET = "PLANTEDKEYplantedkeyPLANTEDKEYtail", "PLANTEDSECRETplantedsecretPLANTEDSECRET"


def client_for(method: Method, *replies: Any) -> Client:
    venue = Venue.MAINNET if method.is_mainnet_only else Venue.TESTNET
    return Client(*replies, venue=venue, api_key=KEY, api_secret=SECRET)


@EVERY_METHOD
@pytest.mark.parametrize("name", SCRIPTED)
def test_an_answer_that_is_none_is_told_for_what_it_is(
    method: Method, name: str, heard: pytest.LogCaptureFixture
) -> None:
    given, errors, tries = SCRIPTED[name]
    client = client_for(method, given)
    with pytest.raises(ExchangeError) as caught:
        method.call(client.adapter, NOW)
    is_read = method.kind == Kind.READ
    assert type(caught.value) is errors[0 if is_read else 1]
    assert client.sent == [method.route] * (tries if is_read else 1)
    assert all((request.url or "").startswith("https://exchange.test/") for request in client.script.requests)
    assert len(calls_in(heard)) == len(client.sent)
    signatures = [sent_text(request).rpartition("signature=")[2] for request in client.script.requests]
    for secret in (KEY, SECRET, *filter(None, signatures)):
        assert secret not in heard.text


@EVERY_METHOD
def test_every_method_asks_one_route_and_understands_its_answer(method: Method) -> None:
    client = client_for(method, reply(method.body))
    method.call(client.adapter, NOW)
    assert client.sent == [method.route]
    (request,) = client.script.requests
    assert ("X-MBX-APIKEY" in request.headers) is method.is_signed
    assert ("signature=" in sent_text(request)) is method.is_signed


@pytest.mark.parametrize("method", WRITES, ids=str)
def test_what_writes_is_never_repeated_by_the_http_library(method: Method) -> None:
    client = client_for(method, requests.ConnectionError("reset"))
    with pytest.raises(OutcomeUnknown):
        method.call(client.adapter, NOW)
    assert client.sent == [method.route]
