"""python-binance, unchanged but for its address, does its jobs against the paper exchange over HTTP."""

import asyncio
import warnings
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from botbalance.lib.clock import now_ms
from exchanges.paper import services
from exchanges.paper.tests.serving import Server
from exchanges.paper.tests.support import DATABASES

with warnings.catch_warnings():
    # Its streams, which are not used here, import names that websockets has deprecated.
    warnings.filterwarnings("ignore", r"websockets\.", DeprecationWarning)
    from binance.client import Client
    from binance.exceptions import BinanceAPIException

pytestmark = pytest.mark.django_db(transaction=True, databases=DATABASES)
D = Decimal
INSUFFICIENT = "Account has insufficient balance for requested action."


def connected(server: Server, api_key: str = "", api_secret: str = "", **options: Any) -> Client:
    client = Client(api_key, api_secret, ping=False, **options)
    client.API_URL = f"{server.url}/api"
    client.session.trust_env = False
    return client


def closed(client: Client) -> None:
    """The library leaves the event loop that it makes for its streams to whoever made the client."""
    client.close_connection()
    client.loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    keys = services.open_account("python-binance", {"USDT": D(10_000), "ETH": D(2)})
    client = connected(server, keys.api_key, keys.api_secret)
    yield client
    assert services.audit_account(keys.api_key) == []
    closed(client)


def test_it_reads_the_market(client: Client) -> None:
    client.ping()
    assert abs(client.get_server_time()["serverTime"] - now_ms()) < 60_000
    info = client.get_exchange_info()
    assert {"BTCUSDT", "ETHUSDT"} <= {row["symbol"] for row in info["symbols"]}
    assert client.get_symbol_info("BTCUSDT")["baseAsset"] == "BTC"
    assert {row["symbol"] for row in client.get_all_tickers()} == {row["symbol"] for row in info["symbols"]}
    book = client.get_orderbook_ticker(symbol="BTCUSDT")
    assert D(book["bidPrice"]) < D(book["askPrice"])
    assert len(client.get_orderbook_tickers()) == len(info["symbols"])
    depth = client.get_order_book(symbol="BTCUSDT", limit=5)
    assert (len(depth["bids"]), len(depth["asks"])) == (5, 5)
    assert D(client.get_avg_price(symbol="BTCUSDT")["price"]) > 0
    assert D(client.get_ticker(symbol="BTCUSDT")["lastPrice"]) > 0
    assert len(client.get_ticker()) == len(info["symbols"])


def test_it_reads_candles_and_trades(client: Client) -> None:
    klines = client.get_klines(symbol="BTCUSDT", interval=Client.KLINE_INTERVAL_1MINUTE, limit=10)
    assert [row[0] for row in klines] == sorted(row[0] for row in klines)
    assert (len(klines), len(klines[0])) == (10, 12)
    start = klines[0][0]
    history = client.get_historical_klines("BTCUSDT", Client.KLINE_INTERVAL_1MINUTE, start, start + 5 * 60_000)
    assert [row[0] for row in history][:5] == [row[0] for row in klines][:5]
    assert len(client.get_recent_trades(symbol="BTCUSDT", limit=5)) == 5
    assert len(client.get_aggregate_trades(symbol="BTCUSDT", limit=5)) == 5


def test_it_places_follows_and_cancels_a_limit_order(client: Client) -> None:
    placed = client.order_limit_buy(symbol="BTCUSDT", quantity="0.001", price="50000", newClientOrderId="mine")
    assert (placed["status"], placed["clientOrderId"], placed["fills"]) == ("NEW", "mine", [])
    assert client.get_order(symbol="BTCUSDT", origClientOrderId="mine")["orderId"] == placed["orderId"]
    assert [order["clientOrderId"] for order in client.get_open_orders()] == ["mine"]
    assert client.get_asset_balance(asset="USDT")["locked"] == "50.00000000"
    cancelled = client.cancel_order(symbol="BTCUSDT", orderId=placed["orderId"])
    assert (cancelled["status"], cancelled["origClientOrderId"]) == ("CANCELED", "mine")
    assert client.get_open_orders(symbol="BTCUSDT") == []
    assert [order["status"] for order in client.get_all_orders(symbol="BTCUSDT")] == ["CANCELED"]


def test_it_trades_at_the_market_and_sees_its_trades(client: Client) -> None:
    bought = client.order_market_buy(symbol="BTCUSDT", quoteOrderQty="1000")
    sold = client.order_market_sell(symbol="ETHUSDT", quantity="0.5")
    assert (bought["status"], sold["status"]) == ("FILLED", "FILLED")
    (account,) = [row for row in client.get_account()["balances"] if row["asset"] == "BTC"]
    received = sum(D(fill["qty"]) - D(fill["commission"]) for fill in bought["fills"])
    assert D(account["free"]) == received
    trades = client.get_my_trades(symbol="BTCUSDT")
    assert sum(D(trade["quoteQty"]) for trade in trades) == D(bought["cummulativeQuoteQty"])


def test_it_tries_replaces_and_cancels_all_orders(client: Client) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
    assert client.create_test_order(**order, price="50000") == {}
    placed = client.create_order(**order, price="50000")
    replaced = client.cancel_replace_order(
        **order, price="51000", cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=placed["orderId"]
    )
    assert (replaced["cancelResult"], replaced["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    client.create_order(**order, price="52000")
    assert len(client.cancel_all_open_orders(symbol="BTCUSDT")) == 2


def test_what_is_refused_is_its_exception_with_the_exchanges_code(client: Client) -> None:
    for act, code, message in (
        (lambda: client.get_symbol_ticker(symbol="NOPE"), -1121, "Invalid symbol."),
        (lambda: client.order_limit_buy(symbol="BTCUSDT", quantity="9", price="50000"), -2010, INSUFFICIENT),
        (
            lambda: client.order_limit_buy(symbol="BTCUSDT", quantity="0.001", price="0.001"),
            -1013,
            "Filter failure: PRICE_FILTER",
        ),
        (lambda: client.get_order(symbol="BTCUSDT", orderId=77), -2013, "Order does not exist."),
        (lambda: client.cancel_order(symbol="BTCUSDT", orderId=77), -2011, "Unknown order sent."),
    ):
        with pytest.raises(BinanceAPIException) as refusal:
            act()
        assert (refusal.value.status_code, refusal.value.code, refusal.value.message) == (400, code, message)


def test_it_signs_with_an_ed25519_key_and_reads_microseconds(server: Server, tmp_path: Path) -> None:
    private = Ed25519PrivateKey.generate()
    public_pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    keys = services.open_account("asymmetric", {"USDT": D(10_000)}, public_key=public_pem)
    client = connected(server, keys.api_key, private_key=pem, time_unit="MICROSECOND")
    placed = client.order_limit_buy(symbol="BTCUSDT", quantity="0.001", price="50000")
    assert placed["transactTime"] > 10**15
    assert client.cancel_order(symbol="BTCUSDT", orderId=placed["orderId"])["status"] == "CANCELED"
    closed(client)
