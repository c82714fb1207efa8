"""What anyone can ask: time, rules, prices. All views agree, because all come from one path."""

import csv
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.test import override_settings

from botbalance.lib.errors import Invalid
from exchanges.paper import services
from exchanges.paper.symbols import SYMBOLS
from exchanges.paper.tests.support import DATABASES, Client, client_with, refused

pytestmark = pytest.mark.django_db(databases=DATABASES)
D = Decimal
PROPERTIES = Path(settings.BASE_DIR).parent / "shared/binance/exchange_info/symbol_properties_2026-08.csv"
REAL_SYMBOL = (
    Path(settings.BASE_DIR).parent / "shared/binance/exchange_info/binance_com_exchangeInfo_TSLABUSDT_2026.json"
)


@pytest.fixture
def client() -> Client:
    return client_with(USDT="10000")


def test_ping_and_time(client: Client) -> None:
    assert client.public("/api/v3/ping").json() == {}
    with time_machine.travel(1_790_000_000, tick=False):
        assert client.public("/api/v3/time").json() == {"serverTime": 1_790_000_000_000}


def test_at_least_the_promised_symbols_trade() -> None:
    assert sum(spec.quote == "USDT" for spec in SYMBOLS.values()) >= 50
    assert {f"{base}{quote}" for base in ("BTC", "ETH", "BNB", "SOL") for quote in ("USDC", "FDUSD")} <= set(SYMBOLS)
    assert {"ETHBTC", "BNBBTC", "SOLBTC", "XRPBTC", "LTCBTC", "USDCUSDT", "FDUSDUSDT"} <= set(SYMBOLS)


@pytest.mark.needs_shared
@pytest.mark.skipif(not PROPERTIES.is_file(), reason="../shared/binance is not there")
def test_the_rules_are_those_of_the_real_symbols() -> None:
    with PROPERTIES.open() as lines:
        rows = {row["symbol"]: row for row in csv.DictReader(lines) if row["type"] == "crypto"}
    for symbol, spec in SYMBOLS.items():
        row = rows[symbol]
        assert spec.tick == D(row["minimum_price_variation"])
        assert spec.step == D(row["lot_size"])
        assert spec.min_notional == D(row["minimum_order_size"])


@pytest.mark.needs_shared
@pytest.mark.skipif(not REAL_SYMBOL.is_file(), reason="../shared/binance is not there")
def test_a_symbol_is_described_with_the_fields_of_a_real_one(client: Client) -> None:
    real = json.loads(REAL_SYMBOL.read_text())["symbols"][0]
    ours = client.public("/api/v3/exchangeInfo", symbol="BTCUSDT").json()["symbols"][0]
    assert set(real) == set(ours)
    assert {row["filterType"]: set(row) for row in real["filters"]} == {
        row["filterType"]: set(row) for row in ours["filters"]
    }
    assert all(type(real[name]) is type(ours[name]) for name in real)
    assert ours["permissions"] == []


def test_the_rules_of_one_of_some_and_of_all_symbols(client: Client) -> None:
    def names(**parameters: str) -> list[str]:
        rows = client.public("/api/v3/exchangeInfo", **parameters).json()["symbols"]
        return [row["symbol"] for row in rows]

    assert names(symbol="ETHBTC") == ["ETHBTC"]
    assert names(symbols='["ETHBTC","BTCUSDT"]') == ["ETHBTC", "BTCUSDT"]
    assert names() == list(SYMBOLS)
    assert names(symbolStatus="HALT") == []
    assert names(permissions="SPOT") == list(SYMBOLS)
    one = client.public("/api/v3/exchangeInfo", symbol="BTCUSDT", showPermissionSets="false").json()["symbols"][0]
    assert one["permissionSets"] == []


def test_every_view_tells_the_same_prices(client: Client) -> None:
    with time_machine.travel(1_790_000_000, tick=False):
        prices = {row["symbol"]: row["price"] for row in client.public("/api/v3/ticker/price").json()}
        books = {row["symbol"]: row for row in client.public("/api/v3/ticker/bookTicker").json()}
        assert set(prices) == set(books) == set(SYMBOLS)
        for symbol in ("BTCUSDT", "XRPBTC", "PEPEUSDT"):
            one = client.public("/api/v3/ticker/price", symbol=symbol).json()
            assert one == {"symbol": symbol, "price": prices[symbol]}
            assert client.public("/api/v3/ticker/bookTicker", symbol=symbol).json() == books[symbol]
            depth = client.public("/api/v3/depth", symbol=symbol, limit=5).json()
            assert depth["bids"][0] == [books[symbol]["bidPrice"], books[symbol]["bidQty"]]
            assert depth["asks"][0] == [books[symbol]["askPrice"], books[symbol]["askQty"]]
            assert len(depth["bids"]) <= 5
            average = client.public("/api/v3/avgPrice", symbol=symbol).json()
            assert (average["mins"], average["closeTime"]) == (5, 1_790_000_000_000)
            assert abs(D(average["price"]) / D(prices[symbol]) - 1) < D("0.02")


def test_a_halted_symbol_takes_no_orders_and_fills_none_until_it_trades_again() -> None:
    with time_machine.travel(1_790_000_000, tick=False) as traveller:
        client = client_with(USDT="10000")
        price = f"{client.book()['bidPrice'] * D('0.9999'):.2f}"
        services.symbol_control("BTCUSDT", status="HALT")
        assert refused(client.order("BUY", "0.01", price)) == (400, -2010, "Market is closed.")
        assert client.book() == {"bidPrice": 0, "bidQty": 0, "askPrice": 0, "askQty": 0}
        assert client.public("/api/v3/exchangeInfo", symbol="BTCUSDT").json()["symbols"][0]["status"] == "HALT"
        services.symbol_control("BTCUSDT")
        client.order("BUY", "0.01", price, newClientOrderId="w")
        services.symbol_control("BTCUSDT", status="BREAK")
        traveller.shift(timedelta(hours=12))
        asked = client.send("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="w").json()
        assert asked["executedQty"] == "0.00000000"
        services.symbol_control("BTCUSDT")
        traveller.shift(timedelta(days=3))
        asked = client.send("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="w").json()
        assert asked["status"] == "FILLED"
        assert asked["updateTime"] > 1_790_000_000_000 + 12 * 3_600_000


def test_a_price_that_is_held_is_everyones_price_and_fills_who_waits_for_it() -> None:
    with time_machine.travel(1_790_000_000, tick=False) as traveller:
        client = client_with(USDT="10000")
        client.order("BUY", "0.01", "60000", newClientOrderId="low")
        services.symbol_control("BTCUSDT", price=D("60000"))
        assert client.public("/api/v3/ticker/price", symbol="BTCUSDT").json()["price"] == "60000.00000000"
        traveller.shift(3)
        asked = client.send("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="low").json()
        assert (asked["status"], asked["cummulativeQuoteQty"]) == ("FILLED", "600.00000000")
        services.symbol_control("BTCUSDT", price=D(0))
        assert client.public("/api/v3/ticker/price", symbol="BTCUSDT").json()["price"] == "0.00000000"
        assert client.book()["askPrice"] == 0
        assert client.audit() == []


def test_a_delisted_symbol_is_gone_and_the_exchange_has_ended_its_orders(client: Client) -> None:
    client.order("BUY", "0.01", "50000", newClientOrderId="stuck")
    services.symbol_control("BTCUSDT", status="DELISTED")
    assert refused(client.public("/api/v3/ticker/price", symbol="BTCUSDT")) == (400, -1121, "Invalid symbol.")
    assert "BTCUSDT" not in {row["symbol"] for row in client.public("/api/v3/exchangeInfo").json()["symbols"]}
    assert refused(client.order("BUY", "0.01", "50000")) == (400, -1121, "Invalid symbol.")
    ended = client.send("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="stuck").json()
    assert (ended["status"], ended["expiryReason"]) == ("EXPIRED", "EXCHANGE_CANCELED")
    assert client.balances() == {"USDT": ("10000.00000000", "0.00000000")}
    assert client.audit() == []


@pytest.mark.parametrize(
    ("symbol", "more"),
    [("NOPE", {}), ("BTCUSDT", {"status": "OPEN"}), ("BTCUSDT", {"price": D(-1)}), ("BTCUSDT", {"price": D("NaN")})],
)
def test_a_control_that_makes_no_sense_is_refused(symbol: str, more: dict) -> None:
    with pytest.raises(Invalid):
        services.symbol_control(symbol, **more)


def test_the_market_is_the_one_of_the_settings(tmp_path: Path) -> None:
    assert services.market_description().startswith("walk seed ")
    with override_settings(PAPER_SEED=77, PAPER_SPEED=D("2.5")):
        assert services.market_description() == "walk seed 77 x2.5"
        assert services.default_market() is services.default_market()
    with override_settings(PAPER_MARKET=f"replay:{tmp_path}"), pytest.raises(ValueError, match="no candle file"):
        services.market_description()
