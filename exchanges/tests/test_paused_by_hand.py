"""An account that whoever runs the server has paused stays paused: nothing its owner or the exchange says lifts it."""

from collections.abc import Callable, Iterator

import pytest
import responses
from django.test import Client
from pytest_django import Settings
from requests import PreparedRequest
from rest_framework.test import APIClient

from accounts.models import Notice, User
from botbalance.lib.clock import now_ms
from exchanges import services
from exchanges.models import ExchangeAccount
from exchanges.tests.support import API_KEY, API_SECRET, DATABASES

pytestmark = pytest.mark.django_db(databases=DATABASES)

HOST = "https://testnet.binance.vision/api/v3/"
WHY = "Looked into by support."


def pause(account: ExchangeAccount) -> None:
    ExchangeAccount.objects.filter(pk=account.pk).update(status="paused", status_reason=WHY)


def kept(account: ExchangeAccount) -> tuple[str, str]:
    account.refresh_from_db()
    return account.status, account.status_reason


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice)


@pytest.fixture
def testnet(settings: Settings) -> Iterator[responses.RequestsMock]:
    settings.EXCHANGE_ENV = "testnet"
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(f"{HOST}time", json={"serverTime": now_ms()})
        yield mock


def test_the_page_says_who_has_paused_it_and_why(
    account: ExchangeAccount, alice: User, client_for: Callable[[User], Client]
) -> None:
    pause(account)
    answer = client_for(alice).post(f"/exchange-accounts/{account.pk}/check/", follow=True)
    text = answer.content.decode()
    assert "whoever runs this server has paused it" in text
    assert WHY in text
    assert "works: the exchange answered" not in text
    assert kept(account) == ("paused", WHY)


def test_the_api_shows_it_paused(account: ExchangeAccount, alice: User, api_for: Callable[[User], APIClient]) -> None:
    pause(account)
    shown = api_for(alice).post(f"/api/me/accounts/{account.pk}/check").json()
    assert (shown["status"], shown["status_reason"]) == ("paused", WHY)
    assert kept(account) == ("paused", WHY)


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, '{"canTrade": true, "balances": []}'), (401, '{"code": -2015, "msg": "Invalid API-key."}'), (502, "")],
    ids=["works", "refused", "down"],
)
def test_a_pause_that_comes_while_the_exchange_is_asked_stands(
    status: int, body: str, alice: User, testnet: responses.RequestsMock
) -> None:
    account = ExchangeAccount.objects.create(
        user=alice, label="Mine", venue="binance", api_key=API_KEY, api_secret=API_SECRET, status="ok"
    )

    def answer(_request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        pause(account)
        return status, {}, body

    testnet.add_callback(responses.GET, f"{HOST}account", answer)
    assert services.check_account(account).status == "paused"
    assert kept(account) == ("paused", WHY)


def test_a_refusal_that_comes_while_the_exchange_is_asked_stands(alice: User, testnet: responses.RequestsMock) -> None:
    account = ExchangeAccount.objects.create(
        user=alice, label="Mine", venue="binance", api_key=API_KEY, api_secret=API_SECRET, status="ok"
    )

    def answer(_request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        services.mark_refused(ExchangeAccount.objects.get(pk=account.pk), "Invalid API-key.")
        return 200, {}, '{"canTrade": true, "balances": []}'

    testnet.add_callback(responses.GET, f"{HOST}account", answer)
    services.check_account(account)
    assert kept(account) == ("refused", "Invalid API-key.")


def test_a_refused_key_does_not_lift_it_and_tells_nobody(
    account: ExchangeAccount, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    pause(account)
    services.mark_refused(account, "Invalid API-key.")
    assert kept(account) == ("paused", WHY)
    assert not Notice.objects.filter(user=alice).exists()
    assert f"account {account.pk} refused by the exchange (it stays paused)" in caplog.text
