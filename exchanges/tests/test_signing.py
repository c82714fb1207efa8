"""The signature is over the percent-encoded bytes that go on the wire, and those bytes are what is sent."""

from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from exchanges import signing
from exchanges.paper import services as paper
from exchanges.paper.services import PaperKeys
from exchanges.paper.transport import PaperTransport
from exchanges.signing import HmacKey
from exchanges.tests.support import ACCOUNT, API_KEY, API_SECRET, DATABASES, ORDER, Client, new_order, reply, sent_text

ORDER_PARAMETERS = [
    ("symbol", "LTCBTC"),
    ("side", "BUY"),
    ("type", "LIMIT"),
    ("timeInForce", "GTC"),
    ("quantity", "1"),
    ("price", "0.1"),
    ("recvWindow", "5000"),
    ("timestamp", "1499827319559"),
]
UNICODE_SYMBOL = "１２３４５６"
UNICODE_PARAMETERS = [("symbol", UNICODE_SYMBOL), *ORDER_PARAMETERS[1:]]
ENCODED_SIGNATURE = "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"
UNENCODED_SIGNATURE = "ca2cdfbf21d2e2958de492c7f2dd1f059dd2ed4d4459d26a5ec7928db50c8d4f"


def test_the_documented_order_gets_the_documented_signature() -> None:
    payload = signing.encode(ORDER_PARAMETERS)
    assert payload == (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    )
    signature = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    assert signing.hmac_sha256(API_SECRET, payload) == signature
    assert signing.signed(ORDER_PARAMETERS, HmacKey(API_SECRET)) == f"{payload}&signature={signature}"


def test_a_unicode_symbol_is_encoded_before_it_is_signed() -> None:
    payload = signing.encode(UNICODE_PARAMETERS)
    assert payload.startswith("symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=BUY")
    assert signing.signed(UNICODE_PARAMETERS, HmacKey(API_SECRET)).endswith(f"&signature={ENCODED_SIGNATURE}")


def test_signing_the_unencoded_text_gives_the_signature_that_must_be_refused() -> None:
    unencoded = "&".join(f"{name}={value}" for name, value in UNICODE_PARAMETERS)
    assert signing.hmac_sha256(API_SECRET, unencoded) == UNENCODED_SIGNATURE


def test_a_query_and_a_body_are_signed_without_anything_between_them() -> None:
    query, body = signing.encode(ORDER_PARAMETERS[:4]), signing.encode(ORDER_PARAMETERS[4:])
    assert query.endswith("GTC")
    assert body.startswith("quantity=1")
    expected = "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"
    assert signing.hmac_sha256(API_SECRET, query + body) == expected


@pytest.mark.django_db(databases=DATABASES)
@pytest.mark.parametrize(
    ("signature", "code"),
    # The second is refused too, but only for its time: the signature is checked first.
    [(UNENCODED_SIGNATURE, -1022), (ENCODED_SIGNATURE, -1021), (ENCODED_SIGNATURE.upper(), -1021)],
)
def test_the_paper_exchange_takes_the_encoded_signature_and_refuses_the_unencoded_one(
    signature: str, code: int
) -> None:
    paper.open_account("signing", {}, keys=PaperKeys(API_KEY, API_SECRET))
    session = requests.Session()
    session.mount(paper.BASE_URL, PaperTransport())
    body = f"{signing.encode(UNICODE_PARAMETERS)}&signature={signature}"
    answer = session.post(f"{paper.BASE_URL}/api/v3/order", data=body, headers={"X-MBX-APIKEY": API_KEY}, timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def order_named(symbol: str, client_order_id: str) -> dict[str, Any]:
    return {**ORDER, "symbol": symbol, "clientOrderId": client_order_id}


def test_an_order_goes_out_as_the_bytes_that_were_signed() -> None:
    client = Client(reply({**ORDER, "symbol": "这是测试币456"}))
    client.adapter.place_order(new_order(symbol="这是测试币456"), 1_499_827_319_559)
    (request,) = client.script.requests
    payload, _, signature = sent_text(request).rpartition("&signature=")
    assert payload == (
        "symbol=%E8%BF%99%E6%98%AF%E6%B5%8B%E8%AF%95%E5%B8%81456&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001"
        "&price=50000&newClientOrderId=abc&newOrderRespType=RESULT&recvWindow=5000&timestamp=1499827319559"
    )
    assert signature == signing.hmac_sha256(API_SECRET, payload)
    assert request.headers["X-MBX-APIKEY"] == API_KEY
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert urlsplit(request.url).query == ""


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (lambda adapter: adapter.account_info(), ACCOUNT),
        (lambda adapter: adapter.get_order_status("BTC USDT&x=1", "a+b/c"), order_named("BTC USDT&x=1", "a+b/c")),
        (lambda adapter: adapter.get_open_orders(), []),
        (lambda adapter: adapter.get_open_orders("BTCUSDT"), []),
        (lambda adapter: adapter.cancel_order("BTCUSDT", "ü~"), order_named("BTCUSDT", "ü~")),
        (lambda adapter: adapter.cancel_open_orders("BTCUSDT"), []),
        (lambda adapter: adapter.my_trades("BTCUSDT", 28), []),
    ],
)
def test_every_signed_call_ends_with_the_signature_of_what_precedes_it(call, body) -> None:
    client = Client(reply(body))
    call(client.adapter)
    (request,) = client.script.requests
    payload, _, signature = sent_text(request).rpartition("&signature=")
    assert signature == signing.hmac_sha256(API_SECRET, payload)
    assert "recvWindow=5000&timestamp=1700000000000" in payload
    assert request.headers["X-MBX-APIKEY"] == API_KEY
    assert request.body is None


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_whatever_a_parameter_holds_the_http_library_leaves_its_encoding_alone(text: str) -> None:
    client = Client(reply(order_named(text, text)))
    client.adapter.get_order_status(text, text)
    (request,) = client.script.requests
    payload, _, signature = sent_text(request).rpartition("&signature=")
    assert payload.startswith(signing.encode([("symbol", text), ("origClientOrderId", text)]))
    assert signature == signing.hmac_sha256(API_SECRET, payload)


@pytest.mark.parametrize(
    ("call", "body", "query"),
    [
        (lambda adapter: adapter.ping(), {}, ""),
        (lambda adapter: adapter.server_time(), {"serverTime": 1}, ""),
        (lambda adapter: adapter.ticker_price(), [], ""),
        (lambda adapter: adapter.book_ticker(), [], ""),
        (lambda adapter: adapter.exchange_info(), {"symbols": []}, "showPermissionSets=false"),
    ],
)
def test_public_data_is_asked_for_without_key_and_signature(call, body, query: str) -> None:
    client = Client(reply(body))
    call(client.adapter)
    (request,) = client.script.requests
    assert sent_text(request) == query
    assert "X-MBX-APIKEY" not in request.headers
