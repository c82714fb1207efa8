"""Small balances are converted to BNB: for their worth less two percent, all or nothing, to the last digit."""

from decimal import Decimal

import pytest

from exchanges.paper.models import PaperLedger
from exchanges.paper.tests.cases.dust import CONVERT, HISTORY, LIST
from exchanges.paper.tests.support import DATABASES, client_with

pytestmark = pytest.mark.django_db(databases=DATABASES)
D = Decimal


def test_the_list_says_what_would_come_of_it_and_changes_nothing() -> None:
    client = client_with(USDT="10000", ADA="1.5", BNB="0.5", BTC="1", DOGE="0.00000001")
    body = client.send("POST", LIST).json()
    (row,) = body["details"]
    assert (row["asset"], row["amountFree"]) == ("ADA", "1.50000000")
    assert D(row["toBNB"]) - D(row["exchange"]) == D(row["toBNBOffExchange"])
    assert body["dribbletPercentage"] == "0.02"
    assert client.balances()["ADA"][0] == "1.50000000"


def test_what_is_converted_is_gone_and_its_worth_has_come() -> None:
    client = client_with(USDT="10000", ADA="1.5", XRP="0.9")
    offered = {row["asset"]: row for row in client.send("POST", LIST).json()["details"]}
    body = client.send("POST", CONVERT, asset="ADA,XRP").json()
    assert {row["fromAsset"]: row["amount"] for row in body["transferResult"]} == {
        "ADA": "1.50000000",
        "XRP": "0.90000000",
    }
    balances = client.balances()
    assert {"ADA", "XRP"} & {asset for asset, (free, _locked) in balances.items() if D(free)} == set()
    assert balances["BNB"][0] == body["totalTransfered"]
    total = sum(D(offered[asset]["toBNB"]) for asset in ("ADA", "XRP"))
    assert abs(D(body["totalTransfered"]) + D(body["totalServiceCharge"]) - total) < total / 100
    assert client.audit() == []
    assert set(PaperLedger.objects.using("paper").filter(kind__startswith="dust").values_list("kind", flat=True)) == {
        "dust",
        "dust_charge",
    }
    (told,) = client.send("GET", HISTORY).json()["userAssetDribblets"]
    assert told["transId"] == body["transferResult"][0]["tranId"]
    assert told["totalTransferedAmount"] == body["totalTransfered"]


def test_one_that_cannot_be_converted_keeps_the_others_from_it() -> None:
    client = client_with(USDT="10000", ADA="1.5")
    assert client.send("POST", CONVERT, asset="ADA,XRP").json()["code"] == -5003
    assert client.balances()["ADA"][0] == "1.50000000"


def test_the_history_is_of_the_time_that_is_asked_for() -> None:
    client = client_with(ADA="1.5")
    client.send("POST", CONVERT, asset="ADA")
    moment = client.send("GET", HISTORY).json()["userAssetDribblets"][0]["operateTime"]
    assert client.send("GET", HISTORY, startTime=moment + 1).json()["total"] == 0
    assert client.send("GET", HISTORY, startTime=moment, endTime=moment).json()["total"] == 1
