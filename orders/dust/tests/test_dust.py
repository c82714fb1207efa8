"""Small balances: what they are and why, what converting them would give, and the conversion, sent once."""

import json
from collections.abc import Callable
from decimal import Decimal

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from requests import Session
from rest_framework.test import APIClient

from accounts.models import User
from botbalance.lib.errors import Conflict, Forbidden
from exchanges.adapters.binance import BinanceAdapter
from exchanges.domain import Venue
from exchanges.errors import NotAvailable
from exchanges.ledger import services as ledger
from exchanges.ledger.services import Meter
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from exchanges.paper import services as paper
from exchanges.paper.models import PaperDust
from orders import services as orders
from orders.dust import services
from orders.dust.models import DustSweep
from orders.services.flows import note_flows
from orders.services.state import read_state
from orders.tests.scenes import trader
from portfolio.models import CashFlow

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal
HELD = {"USDT": 1_000, "BTC": "0.02", "ADA": "1.5", "XRP": "0.9", "DOGE": "0.5", "BNB": "0.0005"}
Accounts = Callable[..., ExchangeAccount]


@pytest.fixture
def account(alice: User, paper_account: Accounts) -> ExchangeAccount:
    return paper_account(alice, HELD)


def held(account: ExchangeAccount, asset: str) -> Decimal:
    return sum((row.total for row in read_state(account).balances.balances if row.asset == asset), D(0))


# --- what is too small -------------------------------------------------------------------------------------


def test_what_is_too_small_is_told_with_its_worth_and_why(account: ExchangeAccount) -> None:
    rows = {row.asset: row for row in services.report(account).rows}
    assert {asset: row.code for asset, row in rows.items()} == {
        "ADA": "below_min_notional",
        "XRP": "below_min_notional",
        "DOGE": "below_lot",
        "BNB": "below_lot",
    }
    assert rows["ADA"].total == D("1.5")
    assert services.report(account).worth > 0


def test_what_has_no_pair_with_the_quote_is_told(alice: User, paper_account: Accounts) -> None:
    rows = services.report(paper_account(alice, {"USDC": 50}, quote="FDUSD")).rows
    assert [(row.asset, row.code) for row in rows] == [("USDC", "no_pair")] or rows == ()


def test_bnb_that_is_kept_for_fees_is_not_called_too_small() -> None:
    alice = trader("alice@example.com", HELD, {"BTC": 50}, bnb_for_fees=D(20))
    assert "BNB" not in {row.asset for row in services.report(alice.account).rows}


# --- converting --------------------------------------------------------------------------------------------


def test_what_was_offered_is_converted_once_however_often_it_is_asked_for(account: ExchangeAccount) -> None:
    offer = services.offer(account)
    assert {line.asset for line in offer.lines} == {"ADA", "XRP", "DOGE"}
    assert offer.left_out == (("BNB", "bnb"),)
    assets = [line.asset for line in offer.lines]
    first = services.sweep(account.user, account, assets, idempotency_key="k")
    again = services.sweep(account.user, account, assets, idempotency_key="k")
    assert first.pk == again.pk
    assert first.state == DustSweep.State.DONE
    assert held(account, "ADA") == 0
    assert held(account, "BNB") == D("0.0005") + first.received
    assert PaperDust.objects.using("paper").values("transaction_id").distinct().count() == 1


def test_targets_of_the_active_strategy_stay_unless_they_are_asked_for() -> None:
    alice = trader("alice@example.com", HELD, {"BTC": 50, "ADA": 10})
    offer = services.offer(alice.account)
    assert ("ADA", "wanted") in offer.left_out
    with pytest.raises(Conflict, match="ADA"):
        services.sweep(alice.user, alice.account, ["ADA"])
    assert services.sweep(alice.user, alice.account, ["ADA"], with_targets=True).state == DustSweep.State.DONE


def test_what_could_be_traded_is_never_converted(account: ExchangeAccount) -> None:
    """To the exchange 0.0005 BTC are a small balance; here they are worth an order."""
    paper.withdraw(account.paper_key, "BTC", D("0.0195"))
    assert "BTC" not in {line.asset for line in services.offer(account).lines}
    with pytest.raises(Conflict, match="BTC"):
        services.sweep(account.user, account, ["BTC"])


def test_it_is_refused_as_orders_are(account: ExchangeAccount) -> None:
    orders.switch_off(cancel=False)
    with pytest.raises(Conflict) as refused:
        services.sweep(account.user, account, ["ADA"])
    assert refused.value.code == "trading_off"
    orders.switch_on()
    User.objects.filter(pk=account.user_id).update(suspended_at="2026-01-01T00:00Z")
    with pytest.raises(Forbidden):
        services.sweep(account.user, account, ["ADA"])
    User.objects.update(suspended_at=None)
    ExchangeAccount.objects.filter(pk=account.pk).update(status="refused")
    with pytest.raises(Conflict) as refused:
        services.sweep(account.user, account, ["ADA"])
    assert refused.value.code == "account_not_ready"
    assert not DustSweep.objects.exists()


def test_an_answer_that_was_lost_is_looked_up_and_nothing_is_sent_again(
    clock: time_machine.Traveller, account: ExchangeAccount
) -> None:
    with faults.plan([{"match": "POST /sapi/v1/asset/dust", "nth": 2, "kind": "reset_after"}]):
        sweep = services.sweep(account.user, account, ["ADA"])
    assert sweep.state == DustSweep.State.DONE  # by the exchange's own record
    assert held(account, "ADA") == 0
    assert PaperDust.objects.using("paper").count() == 1


def test_one_that_never_arrived_is_given_up_when_the_record_must_be_whole(
    clock: time_machine.Traveller, account: ExchangeAccount
) -> None:
    with faults.plan([{"match": "POST /sapi/v1/asset/dust", "nth": 2, "kind": "reset_before"}]):
        sweep = services.sweep(account.user, account, ["ADA"])
    assert sweep.state == DustSweep.State.UNKNOWN
    with pytest.raises(Conflict) as refused:
        services.sweep(account.user, account, ["ADA"])
    assert refused.value.code == "orders_unresolved"
    clock.shift(180)
    assert orders.track_account(account) == []
    sweep.refresh_from_db()
    assert sweep.state == DustSweep.State.FAILED
    assert held(account, "ADA") == D("1.5")
    assert not PaperDust.objects.using("paper").exists()


def test_it_is_neither_a_deposit_nor_a_withdrawal_and_its_charge_is_a_cost(
    clock: time_machine.Traveller, account: ExchangeAccount
) -> None:
    def look() -> None:
        clock.shift(10)
        note_flows(account, read_state(account).balances)

    look()
    sweep = services.sweep(account.user, account, ["ADA", "XRP"])
    look()
    paper.deposit(account.paper_key, "USDT", D(50))
    look()
    assert [(flow.kind, flow.asset, flow.amount) for flow in CashFlow.objects.all()] == [("deposit", "USDT", D(50))]
    assert sweep.charge > 0


# --- doors -------------------------------------------------------------------------------------------------


def test_the_page_shows_the_offer_before_the_deed(
    account: ExchangeAccount, client_for: Callable[[User], Client]
) -> None:
    browser = client_for(account.user)
    page = browser.get(reverse("dust:report", args=[account.pk])).content.decode()
    assert "the smallest ADAUSDT order is 5 USDT" in page
    offer = browser.get(reverse("dust:offer", args=[account.pk]))
    assert not DustSweep.objects.exists()
    data = {
        "assets": [line.asset for line in offer.context["offer"].lines],
        "idempotency_key": offer.context["idempotency_key"],
    }
    address = reverse("dust:convert", args=[account.pk])
    for _click in range(2):
        answer = browser.post(address, data, follow=True)
    assert "Conversions to BNB" in answer.content.decode()
    assert DustSweep.objects.get().state == DustSweep.State.DONE
    assert browser.post(address, {}).status_code == 302


def test_the_api_offers_converts_and_lists(account: ExchangeAccount, api_for: Callable[[User], APIClient]) -> None:
    api = api_for(account.user)
    assert {row["asset"] for row in api.get("/api/me/dust").json()["assets"]} == {"ADA", "XRP", "DOGE", "BNB"}
    offer = api.get("/api/me/dust/offer").json()
    body = {"account": account.pk, "assets": [row["asset"] for row in offer["assets"]]}
    done = api.post("/api/me/dust/conversions", body, format="json", headers={"Idempotency-Key": "a"})
    assert (done.status_code, done.json()["state"]) == (201, "done")
    assert api.get("/api/me/dust/conversions").json()["results"][0]["received"] == done.json()["received"]
    assert api.post("/api/me/dust/conversions", {"account": account.pk}, format="json").status_code == 400
    gone = api.post("/api/me/dust/conversions", body, format="json")
    assert (gone.status_code, gone.json()["error"]["code"]) == (409, "offer_changed")


def test_the_command_shows_offers_and_converts(account: ExchangeAccount, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("dust", "alice@example.org")
    assert "ADA 1.5, worth" in capsys.readouterr().out
    call_command("dust", "alice@example.org", "--offer")
    assert "Nothing was converted." in capsys.readouterr().out
    call_command("dust", "alice@example.org", "--convert", "--json")
    assert json.loads(capsys.readouterr().out)["state"] == "done"
    with pytest.raises(CommandError, match="nothing to convert"):
        call_command("dust", "alice@example.org", "--convert")


def test_the_testnet_is_not_asked() -> None:
    adapter = BinanceAdapter(
        "https://testnet.binance.vision", session=Session(), meter=Meter(ledger.current()), venue=Venue.TESTNET
    )
    with pytest.raises(NotAvailable, match="testnet cannot convert"):
        adapter.dust_offer()
