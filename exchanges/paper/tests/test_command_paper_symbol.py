"""manage.py paper_symbol: an operator's hand on a symbol, for every process at once."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from exchanges.paper.models import SymbolControl
from exchanges.paper.tests.support import DATABASES, Client, client_with, refused

pytestmark = pytest.mark.django_db(databases=DATABASES)


@pytest.fixture
def client() -> Client:
    return client_with(USDT="10000")


def output(*options: str) -> str:
    out = io.StringIO()
    call_command("paper_symbol", "BTCUSDT", *options, stdout=out)
    return out.getvalue()


def entry(client: Client) -> dict[str, Any]:
    (found,) = client.public("/api/v3/exchangeInfo", symbol="BTCUSDT").json()["symbols"]
    return found


def test_a_symbol_is_halted_held_at_a_price_and_given_back(client: Client) -> None:
    assert output("--status", "HALT", "--price", "50000").startswith(
        "BTCUSDT is HALT, last price 50000, held at 50000\n"
    )
    assert entry(client)["status"] == "HALT"
    assert client.order("BUY", "0.001", "40000").status_code == 400
    # What is not named stays as it was.
    assert output("--status", "TRADING").startswith("BTCUSDT is TRADING, last price 50000, held at 50000\n")
    assert client.order("BUY", "0.001", "40000").status_code == 200
    assert "held at" not in output("--price", "market")
    output("--status", "DELISTED")
    assert refused(client.public("/api/v3/ticker/price", symbol="BTCUSDT"))[:2] == (400, -1121)
    assert output("--reset").startswith("BTCUSDT is TRADING")
    assert client.public("/api/v3/ticker/price", symbol="BTCUSDT").status_code == 200


def test_filters_are_changed_shown_and_obeyed(client: Client) -> None:
    shown = output("--filter", "LOT_SIZE.stepSize=0.01", "--filter", "NOTIONAL.applyMaxToMarket=true")
    assert "  LOT_SIZE: minQty 0.00001000, maxQty 9000.00000000, stepSize 0.01000000  (changed)" in shown
    output("--filter", "LOT_SIZE.minQty=0.01", "--filter", "MAX_NUM_ORDERS.maxNumOrders=1")
    rows = {row["filterType"]: row for row in entry(client)["filters"]}
    assert (rows["LOT_SIZE"]["minQty"], rows["LOT_SIZE"]["stepSize"]) == ("0.01000000", "0.01000000")
    assert (rows["NOTIONAL"]["applyMaxToMarket"], rows["MAX_NUM_ORDERS"]["maxNumOrders"]) == (True, 1)
    assert refused(client.order("BUY", "0.001", "50000")) == (400, -1013, "Filter failure: LOT_SIZE")
    assert client.order("BUY", "0.01", "50000").status_code == 200
    assert refused(client.order("BUY", "0.01", "50000"))[2] == "Filter failure: MAX_NUM_ORDERS"
    assert "(changed)" not in output("--reset")
    assert client.order("BUY", "0.001", "50000").status_code == 200


def test_a_filter_that_no_symbol_has_may_be_added_whole(client: Client) -> None:
    output("--filter", "MIN_NOTIONAL.minNotional=100")
    added = {"filterType": "MIN_NOTIONAL", "minNotional": "100.00000000", "applyToMarket": True, "avgPriceMins": 5}
    assert added in entry(client)["filters"]
    assert refused(client.order("BUY", "0.001", "50000")) == (400, -1013, "Filter failure: MIN_NOTIONAL")
    output("--status", "TRADING")  # which leaves it as it is
    assert added in entry(client)["filters"]


def test_the_whole_exchange_has_filters_of_its_own(client: Client) -> None:
    out = io.StringIO()
    call_command("paper_symbol", "*", "--filter", "EXCHANGE_MAX_NUM_ORDERS.maxNumOrders=1", stdout=out)
    assert out.getvalue() == "The whole exchange\n  EXCHANGE_MAX_NUM_ORDERS: maxNumOrders 1\n"
    row = {"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 1}
    assert client.public("/api/v3/exchangeInfo", symbol="BTCUSDT").json()["exchangeFilters"] == [row]
    assert client.order("BUY", "0.001", "50000").status_code == 200
    assert refused(client.order("BUY", "0.01", "2000", "ETHUSDT"))[2] == "Filter failure: EXCHANGE_MAX_NUM_ORDERS"
    call_command("paper_symbol", "*", "--reset", stdout=out)
    assert client.public("/api/v3/exchangeInfo", symbol="BTCUSDT").json()["exchangeFilters"] == []
    with pytest.raises(CommandError, match=r"^The whole exchange has filters only\."):
        call_command("paper_symbol", "*", "--status", "HALT")


def test_showing_changes_nothing() -> None:
    assert output("--show").startswith("BTCUSDT is TRADING, last price ")
    assert not SymbolControl.objects.exists()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([], "Say what to change, or --show."),
        (["--status", "ASLEEP"], "ASLEEP is no status. One of TRADING, END_OF_DAY, HALT,"),
        (["--price", "high"], "--price is a number or market, not 'high'."),
        (["--price", "-1"], "The price must be from 0 to 1000000."),
        (["--filter", "LOT_SIZE"], "--filter is like LOT_SIZE.stepSize=0.001, not 'LOT_SIZE'."),
        (["--filter", "LOT.stepSize=1"], "There is no filter LOT; there are PRICE_FILTER, LOT_SIZE,"),
        (["--filter", "LOT_SIZE.step=1"], "LOT_SIZE has no step; it has minQty, maxQty, stepSize."),
        (["--filter", "LOT_SIZE.stepSize=1e-3"], "LOT_SIZE.stepSize cannot be '1e-3'; it is '0.00001000' of itself."),
        (["--filter", "MAX_NUM_ORDERS.maxNumOrders=-1"], "MAX_NUM_ORDERS.maxNumOrders cannot be '-1'; it is 200"),
        (["--filter", "NOTIONAL.avgPriceMins=1"], "NOTIONAL.avgPriceMins is 5 here and cannot be changed."),
        (["--filter", "NOTIONAL.applyMinToMarket=1"], "NOTIONAL.applyMinToMarket cannot be '1'; it is True"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(options: list[str], text: str) -> None:
    with pytest.raises(CommandError) as refusal:
        output(*options)
    assert str(refusal.value).startswith(text)
    assert not SymbolControl.objects.exists()


def test_an_unknown_symbol_is_refused() -> None:
    with pytest.raises(CommandError, match=r"^NOPE does not trade here\.$"):
        call_command("paper_symbol", "NOPE", "--status", "HALT")
