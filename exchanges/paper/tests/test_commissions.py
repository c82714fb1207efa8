"""What trading costs: on what is received, or in BNB at a discount."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine

from exchanges.paper import services
from exchanges.paper.tests.scenes import account, book, market, place, request
from exchanges.paper.tests.support import DATABASES, Client

pytestmark = pytest.mark.django_db(databases=DATABASES)
D = Decimal
BOOK = book(asks=[("50000", "5")], bids=[("49990", "5")])


def worth(asset: str, time_ms: int) -> Decimal:
    return {"USDT": D("0.00125"), "BTC": D("62.5"), "BNB": D(1)}[asset]


def burning() -> Client:
    return Client(services.open_account("burner", {"USDT": D(10_000), "BNB": D("0.5")}, burns_bnb=True))


def test_a_buyer_pays_bnb_and_receives_the_whole_quantity() -> None:
    outcome = place(account(USDT="10000", BNB="1", burns_bnb=True), market("BUY", "0.1"), BOOK, bnb_value=worth)
    (trade,) = outcome.trades
    assert (trade.commission_asset, trade.commission) == ("BNB", D("0.1") * D("0.001") * D("0.75") * D("62.5"))
    assert outcome.account.balance("BTC").free == D("0.1")
    assert outcome.account.balance("BNB").free == 1 - trade.commission


def test_too_little_bnb_pays_nothing_and_the_full_commission_is_taken_from_what_is_received() -> None:
    outcome = place(account(USDT="10000", BNB="0.004", burns_bnb=True), market("BUY", "0.1"), BOOK, bnb_value=worth)
    (trade,) = outcome.trades
    assert (trade.commission_asset, trade.commission) == ("BTC", D("0.0001"))
    assert outcome.account.balance("BNB").free == D("0.004")


def test_where_bnb_has_no_price_commission_is_taken_from_what_is_received() -> None:
    outcome = place(account(USDT="10000", BNB="1", burns_bnb=True), market("BUY", "0.1"), BOOK)
    assert outcome.trades[0].commission_asset == "BTC"


def test_who_does_not_burn_bnb_keeps_it() -> None:
    outcome = place(account(BTC="1", BNB="1"), market("SELL", "0.1"), BOOK, bnb_value=worth)
    (trade,) = outcome.trades
    assert (trade.commission_asset, trade.commission) == ("USDT", D("4.999"))


def test_bnb_that_the_order_itself_will_spend_pays_no_commission() -> None:
    """All BNB buys SOL over several levels: what the later levels cost is not taken as the fee of the first."""
    asks = [("0.15", "2"), ("0.151", "2"), ("0.152", "20")]
    spent = D("0.15") * 2 + D("0.151") * 2 + D("0.152") * 3
    wanted = request("BUY", "0", "0", "SOLBNB", type="MARKET", quote_order_quantity=spent)
    outcome = place(account(BNB=str(spent), burns_bnb=True), wanted, book(asks=asks), bnb_value=lambda *_: D("0.15"))
    assert outcome.orders[0].status == "FILLED"
    assert outcome.account.balance("BNB").free == 0
    assert {trade.commission_asset for trade in outcome.trades} == {"SOL"}


def test_bnb_that_is_locked_pays_no_commission() -> None:
    waiting = request("SELL", "1", "2000", "BNBUSDT", client_id="waiting")
    state = place(account(USDT="10000", BNB="1", burns_bnb=True), waiting).account
    (trade,) = place(state, market("BUY", "0.1"), BOOK, bnb_value=worth).trades
    assert trade.commission_asset == "BTC"


def test_the_wire_tells_the_rates_and_the_discount() -> None:
    body = burning().send("GET", "/api/v3/account/commission", symbol="BTCUSDT").json()
    assert body["standardCommission"] == {
        "maker": "0.00100000", "taker": "0.00100000", "buyer": "0.00000000", "seller": "0.00000000",
    }  # fmt: skip
    assert body["discount"] == {
        "enabledForAccount": True, "enabledForSymbol": True, "discountAsset": "BNB", "discount": "0.75000000",
    }  # fmt: skip


def test_a_fill_over_the_wire_is_paid_in_bnb_at_the_markets_price() -> None:
    with time_machine.travel("2026-03-02T12:00:00Z", tick=False):
        burner = burning()
        btc = D(burner.public("/api/v3/ticker/price", symbol="BTCUSDT").json()["price"])
        bnb = D(burner.public("/api/v3/ticker/price", symbol="BNBUSDT").json()["price"])
        body = burner.send("POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01").json()
        balances = burner.balances()
    (fill,) = body["fills"]
    expected = D("0.01") * D("0.001") * D("0.75") * btc / bnb
    assert fill["commissionAsset"] == "BNB"
    assert abs(D(fill["commission"]) - expected) < D("0.00000002")
    assert balances["BTC"] == ("0.01000000", "0.00000000")
    assert burner.audit() == []


def test_looking_often_or_once_pays_the_same_bnb() -> None:
    """What a waiting order costs is fixed by the moment of its fill, not by the moment somebody looks."""
    seen = []
    for looks in (1, 12):
        with time_machine.travel("2026-03-02T12:00:00Z", tick=False) as clock:
            keys = services.open_account("patient", {"USDT": D(10_000), "BNB": D("0.01")}, burns_bnb=True)
            client = Client(keys)
            for symbol, quantity in (("BTCUSDT", "0.02"), ("ETHUSDT", "0.5")):
                best = client.book(symbol)["bidPrice"]
                assert client.order("BUY", quantity, f"{best * D('0.9995'):.2f}", symbol).status_code == 200
            for _ in range(looks):
                clock.shift(timedelta(hours=12) / looks)
                balances = client.balances()
            seen.append((balances, client.audit()))
    assert seen[0] == seen[1]
    assert seen[0][1] == []
