"""`manage.py exchange_check`: how an account and its exchange are doing, in plain words or as JSON."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
import responses
from django.core.management import CommandError, call_command

from accounts.models import User
from botbalance.lib.clock import now_ms
from exchanges import services
from exchanges.domain import Venue
from exchanges.ledger.domain import Ask
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from exchanges.tests.ledgers import shared_store
from exchanges.tests.methods import RIGHTS
from exchanges.tests.support import ACCOUNT, DATABASES

pytestmark = pytest.mark.django_db(databases=DATABASES)

KEY, SECRET = "PLANTEDKEYplantedkeyPLANTEDKEYtail", "PLANTEDSECRETplantedsecretPLANTEDSECRET"
MAINNET = "https://api.binance.com"


def check(account: int, *options: str) -> tuple[str, bool]:
    """What it says, and whether it ends well."""
    out = io.StringIO()
    try:
        call_command("exchange_check", "--account", str(account), *options, stdout=out)
    except CommandError:
        return out.getvalue(), False
    return out.getvalue(), True


def test_it_says_how_things_are(alice: User, paper_account: Callable[..., ExchangeAccount]) -> None:
    account = paper_account(alice)
    said, ended_well = check(account.pk)
    assert ended_well
    for text in (
        f"Account {account.pk} (Paper) trades at paper (paper.botbalance.invalid).",
        "Clock: the exchange is ",
        "Answer time: ",
        "Key: it may trade; what else it may do cannot be asked here.",
        "Commission: maker 0.001, taker 0.001.",
        "Limit REQUEST_WEIGHT 1M: ",
        " of 6000 used.",
        "Limit ORDERS 10S: 100; what is used is not told yet.",
        "Symbol rules: ",
        "read 0 s ago.",
        "No problems.",
    ):
        assert text in said
    assert account.paper_key not in said
    assert account.paper_secret not in said


def test_it_says_how_many_orders_the_ledger_has_counted(
    alice: User, paper_account: Callable[..., ExchangeAccount]
) -> None:
    account = paper_account(alice)
    ask = Ask(now_ms(), 1, is_read=False, owner=alice.pk, account=account.pk, orders=1)
    shared_store().reserve(services.base_url_of(Venue.PAPER), ask)
    said, _ended_well = check(account.pk)
    assert "Limit ORDERS 1D: 1 of 200000 used." in said


def test_programs_get_the_same_as_json(alice: User, paper_account: Callable[..., ExchangeAccount]) -> None:
    account = paper_account(alice)
    said, ended_well = check(account.pk, "--json")
    body = json.loads(said.splitlines()[-1])
    assert ended_well
    assert (body["account"], body["venue"], body["problems"]) == (account.pk, "paper", [])
    assert body["can_trade"] is True
    assert body["can_withdraw"] is None
    assert body["symbols"] >= body["symbols_trading"] > 0
    weight = next(limit for limit in body["limits"] if limit["name"] == "REQUEST_WEIGHT 1M")
    assert 0 < weight["used"] < weight["limit"]
    assert abs(body["clock_offset_ms"]) < 1000
    assert body["latency_ms"] >= 0


def test_an_exchange_that_is_down_is_one_problem_and_not_many(
    alice: User, paper_account: Callable[..., ExchangeAccount], settings: Any
) -> None:
    settings.EXCHANGE_BREAKER_FAILURES = 1
    account = paper_account(alice)
    with faults.plan([{"kind": "refuse", "times": 1000}]):
        said, ended_well = check(account.pk)
    assert not ended_well
    assert said.count("Problem: ") <= 2
    assert "nothing is sent to it until" in said


def test_a_refused_key_is_told_and_the_rest_all_the_same(
    alice: User, paper_account: Callable[..., ExchangeAccount]
) -> None:
    account = paper_account(alice)
    ExchangeAccount.objects.filter(pk=account.pk).update(paper_secret="w" * 64)
    said, ended_well = check(account.pk, "--json")
    body = json.loads(said.splitlines()[-1])
    assert not ended_well
    assert len(body["problems"]) == 1
    assert "refused the API key" in body["problems"][0]
    assert body["can_trade"] is None
    assert body["symbols"] > 0


def test_on_mainnet_the_rights_of_the_key_are_told_and_judged(alice: User, settings: Any) -> None:
    account = services.connect_account(alice, label="Main", venue="binance", api_key=KEY, api_secret=SECRET)
    settings.EXCHANGE_ENV = "mainnet"
    with responses.RequestsMock(assert_all_requests_are_fired=False) as network:
        network.get(f"{MAINNET}/api/v3/time", json={"serverTime": now_ms() + 5000})
        network.get(f"{MAINNET}/api/v3/ping", json={})
        network.get(f"{MAINNET}/api/v3/account", json=ACCOUNT)
        network.get(f"{MAINNET}/api/v3/exchangeInfo", json={"symbols": []})
        network.get(
            f"{MAINNET}/sapi/v1/account/apiRestrictions",
            json={**RIGHTS, "enableWithdrawals": True, "enableSpotAndMarginTrading": False, "ipRestrict": False},
        )
        said, ended_well = check(account.pk)
    assert not ended_well
    for text in (
        "it may withdraw; it works from any address",
        "Problem: This key may withdraw",
        "Problem: This key may not trade",
        "Problem: This key works from any address",
        "Problem: This server's clock is wrong",
    ):
        assert text in said
    assert KEY not in said
    assert SECRET not in said


def test_an_account_that_cannot_trade_here_says_why(alice: User) -> None:
    account = services.connect_account(alice, label="Main", venue="binance", api_key=KEY, api_secret=SECRET)
    said, ended_well = check(account.pk)
    assert not ended_well
    assert "cannot trade" in said
    assert "EXCHANGE_ENV=mock" in said


def test_an_account_that_is_not_there_is_said(alice: User, paper_account: Callable[..., ExchangeAccount]) -> None:
    account = paper_account(alice)
    services.archive_account(account)
    for number in (account.pk, 10**9):
        with pytest.raises(CommandError, match=f"There is no exchange account {number}"):
            call_command("exchange_check", "--account", str(number))
