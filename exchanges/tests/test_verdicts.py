"""Connecting a key answers with a verdict, check by check, and never without an end."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import responses
from django.test import Client

from accounts.models import User
from botbalance.lib.clock import now_ms
from exchanges import verdicts
from exchanges.models import ExchangeAccount
from exchanges.tests.methods import RIGHTS
from exchanges.tests.support import ACCOUNT, DATABASES
from exchanges.verdicts import Verdict

pytestmark = pytest.mark.django_db(databases=DATABASES)

KEY, SECRET = "K" * 60 + "tail", "S" * 64
MAINNET = "https://api.binance.com"
TIME, INFO = f"{MAINNET}/api/v3/time", f"{MAINNET}/api/v3/account"
RESTRICTIONS = f"{MAINNET}/sapi/v1/account/apiRestrictions"
FORM = {"venue": "binance", "label": "Main", "quote": "USDC", "api_key": KEY, "api_secret": SECRET}


@pytest.fixture
def mainnet(settings: Any) -> Iterator[responses.RequestsMock]:
    settings.EXCHANGE_ENV = "mainnet"
    settings.EXCHANGE_BACKOFF_SECONDS = 0
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(TIME, json={"serverTime": now_ms()})
        mock.get(INFO, json=ACCOUNT)
        mock.get(RESTRICTIONS, json=RIGHTS)
        yield mock


@pytest.fixture
def browser(alice: User, client_for: Callable[[User], Client]) -> Client:
    return client_for(alice)


def states(answer: Any) -> dict[str, str]:
    """The verdict that a page shows."""
    shown = answer.context.get("verdict") or answer.context["rows"][0]["verdict"]
    return {check.name: check.state for check in shown.checks}


def test_a_good_key_is_told_to_be_good_in_every_point(browser: Client, mainnet: responses.RequestsMock) -> None:
    answer = browser.post("/exchange-accounts/connect/", FORM, follow=True)
    assert answer.redirect_chain == [("/exchange-accounts/", 302)]
    assert set(states(answer).values()) == {"ok"}
    page = answer.content.decode()
    assert "<strong>Withdrawals off</strong>" in page
    assert "1 asset is held" in page
    assert "What was checked" not in browser.get("/exchange-accounts/").content.decode()


def test_a_key_that_works_from_anywhere_is_a_warning(browser: Client, mainnet: responses.RequestsMock) -> None:
    mainnet.replace(responses.GET, RESTRICTIONS, json={**RIGHTS, "ipRestrict": False})
    assert states(browser.post("/exchange-accounts/connect/", FORM, follow=True))["addresses"] == "warning"


@pytest.mark.parametrize(
    ("url", "answer", "wrong", "right"),
    [
        (INFO, {"status": 401, "json": {"code": -2015, "msg": "Invalid API-key"}}, "signature", ["format", "clock"]),
        (INFO, {"status": 400, "json": {"code": -1022, "msg": "Signature"}}, "signature", ["format", "clock"]),
        (INFO, {"json": {**ACCOUNT, "canTrade": False}}, "trading", ["signature", "balances"]),
        (RESTRICTIONS, {"json": {**RIGHTS, "enableWithdrawals": True}}, "withdrawals", ["signature", "trading"]),
        (RESTRICTIONS, {"json": {**RIGHTS, "enableSpotAndMarginTrading": False}}, "trading", ["withdrawals"]),
        (TIME, {"status": 503, "body": "busy"}, "clock", ["format"]),
        (TIME, {"body": requests.ConnectionError("no route")}, "clock", ["format"]),
        (TIME, {"body": requests.ReadTimeout("hangs")}, "clock", ["format"]),
    ],
    ids=["key", "signature", "account", "withdrawals", "spot", "down", "unreachable", "hanging"],
)
def test_a_bad_key_is_told_where_it_is_bad_and_is_not_stored(
    url: str, answer: dict[str, Any], wrong: str, right: list[str], browser: Client, mainnet: responses.RequestsMock
) -> None:
    mainnet.replace(responses.GET, url, **answer)
    page = browser.post("/exchange-accounts/connect/", FORM)
    assert page.status_code == 400
    found = states(page)
    assert [name for name, state in found.items() if state == "bad"] == [wrong]
    assert [found[name] for name in right] == ["ok"] * len(right)
    assert not ExchangeAccount.objects.exists()


def test_what_was_typed_stays_but_for_the_key(browser: Client, mainnet: responses.RequestsMock) -> None:
    mainnet.replace(responses.GET, INFO, status=401, json={"code": -2015, "msg": "Invalid API-key"})
    page = browser.post("/exchange-accounts/connect/", FORM).content.decode()
    assert 'value="Main"' in page
    assert '<option value="USDC" selected>' in page
    assert "have to be typed again" in page
    assert KEY not in page
    assert SECRET not in page


def test_a_check_of_an_account_shows_the_same(browser: Client, alice: User, mainnet: responses.RequestsMock) -> None:
    browser.post("/exchange-accounts/connect/", FORM)
    mainnet.replace(responses.GET, RESTRICTIONS, json={**RIGHTS, "enableWithdrawals": True})
    account = ExchangeAccount.objects.get()
    answer = browser.post(f"/exchange-accounts/{account.pk}/check/", follow=True)
    assert states(answer)["withdrawals"] == "bad"
    account.refresh_from_db()
    assert account.status == "refused"


def test_where_no_real_money_is_traded_rights_are_not_asked_for(browser: Client, settings: Any) -> None:
    settings.EXCHANGE_ENV = "testnet"
    testnet = settings.BINANCE_TESTNET_URL
    with responses.RequestsMock() as mock:
        mock.get(f"{testnet}/api/v3/time", json={"serverTime": now_ms()})
        mock.get(f"{testnet}/api/v3/account", json=ACCOUNT)
        found = states(browser.post("/exchange-accounts/connect/", FORM, follow=True))
    assert (found["withdrawals"], found["addresses"], found["signature"]) == ("unknown", "unknown", "ok")


# --- an end ------------------------------------------------------------------------------------------------


def test_after_its_time_nothing_more_is_asked(
    browser: Client, mainnet: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdicts, "BEGIN_SECONDS", -1)
    page = browser.post("/exchange-accounts/connect/", FORM)
    assert states(page)["clock"] == "bad"
    assert "answers too slowly" in page.content.decode()
    assert len(mainnet.calls) == 0


def test_a_hanging_exchange_is_given_up_after_one_short_try(
    browser: Client, settings: Any, mainnet: responses.RequestsMock
) -> None:
    """What is configured for background work is far too long for somebody who looks at a page."""
    settings.EXCHANGE_CONNECT_TIMEOUT_SECONDS, settings.EXCHANGE_READ_TIMEOUT_SECONDS = 30.0, 60.0
    browser.post("/exchange-accounts/connect/", FORM)
    timeouts = {call.request.req_kwargs["timeout"] for call in mainnet.calls}
    assert timeouts == {(verdicts.CONNECT_SECONDS, verdicts.READ_SECONDS)}


def test_a_verdict_survives_the_way_to_the_next_page() -> None:
    verdict = Verdict()
    verdict.say("format")
    verdict.say("clock", verdicts.BAD, "No answer.")
    again = Verdict.from_json(verdict.as_json())
    assert again.as_json() == verdict.as_json()
    assert not again.is_good


# --- the server's address ------------------------------------------------------------------------------------


def test_the_page_names_the_servers_address_where_its_operator_has(browser: Client, settings: Any) -> None:
    settings.SERVER_PUBLIC_IP = ["203.0.113.7", "2001:db8::7"]
    page = browser.get("/exchange-accounts/connect/").content.decode()
    assert "<code>203.0.113.7</code>" in page
    assert "<code>2001:db8::7</code>" in page


def test_without_it_the_page_says_how_to_find_it_and_asks_nobody(browser: Client) -> None:
    with responses.RequestsMock():
        assert "SERVER_PUBLIC_IP" in browser.get("/exchange-accounts/connect/").content.decode()
