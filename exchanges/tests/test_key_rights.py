"""On mainnet a key is asked for its rights: one that can withdraw is refused, one that works anywhere is warned of."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import responses
from django.test import Client as Browser

from accounts.models import User
from botbalance.lib.clock import now_ms
from botbalance.lib.errors import Invalid
from exchanges import services
from exchanges.errors import NotAvailable
from exchanges.models import ExchangeAccount
from exchanges.tests.methods import RIGHTS
from exchanges.tests.support import ACCOUNT, DATABASES

pytestmark = pytest.mark.django_db(databases=DATABASES)

KEY, SECRET = "K" * 60 + "tail", "S" * 64
MAINNET = "https://api.binance.com"
RESTRICTIONS = f"{MAINNET}/sapi/v1/account/apiRestrictions"


@pytest.fixture
def mainnet(settings: Any) -> Iterator[responses.RequestsMock]:
    """A server on mainnet, and a network on which its clock and account answer."""
    settings.EXCHANGE_ENV = "mainnet"
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(f"{MAINNET}/api/v3/time", json={"serverTime": now_ms()})
        mock.get(f"{MAINNET}/api/v3/account", json=ACCOUNT)
        yield mock


def connect(user: User) -> ExchangeAccount:
    return services.connect_account(user, label="Mine", venue="binance", api_key=KEY, api_secret=SECRET)


def test_a_key_that_can_only_trade_from_here_is_connected(alice: User, mainnet: responses.RequestsMock) -> None:
    mainnet.get(RESTRICTIONS, json=RIGHTS)
    account = connect(alice)
    assert (account.status, account.status_reason) == ("ok", "")
    asked = [call.request.url.partition("?")[0] for call in mainnet.calls]
    assert asked == [f"{MAINNET}/api/v3/time", f"{MAINNET}/api/v3/account", RESTRICTIONS]
    assert "signature=" in mainnet.calls[2].request.url


@pytest.mark.parametrize(
    ("change", "text"),
    [({"enableWithdrawals": True}, "may withdraw"), ({"enableSpotAndMarginTrading": False}, "may not trade")],
)
def test_a_key_with_a_right_too_many_or_too_few_is_not_stored(
    change: dict[str, bool], text: str, alice: User, mainnet: responses.RequestsMock
) -> None:
    mainnet.get(RESTRICTIONS, json={**RIGHTS, **change})
    with pytest.raises(Invalid) as caught:
        connect(alice)
    (message,) = caught.value.fields["api_key"]
    assert text in message
    assert not ExchangeAccount.objects.exists()


def test_a_key_that_works_from_anywhere_is_connected_with_a_warning(
    alice: User, mainnet: responses.RequestsMock, client_for: Callable[[User], Browser]
) -> None:
    mainnet.get(RESTRICTIONS, json={**RIGHTS, "ipRestrict": False})
    account = connect(alice)
    assert account.status == "ok"
    assert "any address" in account.status_reason
    page = client_for(alice).get("/exchange-accounts/").content.decode()
    assert "Restrict it to this server" in page


def test_the_page_says_the_warning_when_the_account_is_connected(
    alice: User, mainnet: responses.RequestsMock, client_for: Callable[[User], Browser]
) -> None:
    mainnet.get(RESTRICTIONS, json={**RIGHTS, "ipRestrict": False})
    mainnet.get(f"{MAINNET}/api/v3/ticker/bookTicker", json=[])
    mainnet.get(f"{MAINNET}/api/v3/exchangeInfo", json={"symbols": []})
    form = {"venue": "binance", "label": "Main", "quote": "USDT", "api_key": KEY, "api_secret": SECRET}
    page = client_for(alice).post("/exchange-accounts/connect/", form, follow=True).content.decode()
    assert "Main is connected." in page
    assert "This key works from any address." in page


def test_a_check_finds_a_right_that_was_given_later(alice: User, mainnet: responses.RequestsMock) -> None:
    mainnet.get(RESTRICTIONS, json=RIGHTS)
    account = connect(alice)
    mainnet.replace(responses.GET, RESTRICTIONS, json={**RIGHTS, "enableWithdrawals": True})
    services.check_account(account)
    account.refresh_from_db()
    assert account.status == "refused"
    assert "may withdraw" in account.status_reason
    mainnet.replace(responses.GET, RESTRICTIONS, json=RIGHTS)
    assert services.check_account(account).status == "ok"


@pytest.mark.parametrize(
    "answer",
    [
        {"json": {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}, "status": 401},
        {"json": {**RIGHTS, "enableWithdrawals": "no"}},
        {"json": {name: value for name, value in RIGHTS.items() if name != "enableWithdrawals"}},
        {"body": "<html>", "status": 403},
    ],
    ids=["refused", "not a flag", "not said", "firewall"],
)
def test_a_key_whose_rights_cannot_be_known_is_not_stored(
    answer: dict[str, Any], alice: User, mainnet: responses.RequestsMock
) -> None:
    mainnet.get(RESTRICTIONS, **answer)
    with pytest.raises(Invalid) as caught:
        connect(alice)
    assert caught.value.fields["api_key"]
    assert not ExchangeAccount.objects.exists()


@pytest.mark.parametrize("environment", ["mock", "testnet"])
def test_elsewhere_it_cannot_be_asked_and_nothing_is_sent(
    environment: str, alice: User, settings: Any, paper_account: Callable[..., ExchangeAccount]
) -> None:
    settings.EXCHANGE_ENV = environment
    with responses.RequestsMock() as network:
        with pytest.raises(NotAvailable) as caught:
            services.adapter_for(paper_account(alice)).api_restrictions()
        assert len(network.calls) == 0
    assert (caught.value.status, caught.value.code) == (501, "not_available")
