"""/api/me/accounts/: connecting, renaming, checking, resetting and disconnecting accounts."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from exchanges.paper.models import PaperAccount
from exchanges.services import MAX_ACCOUNTS_PER_USER
from tests.refusals import refusal

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
URL = "/api/me/accounts/"
KEY, SECRET = "k" * 60 + "TAIL", "planted-secret-" + "s" * 49


@pytest.fixture
def api(alice: User, api_for: Callable[[User], APIClient]) -> APIClient:
    return api_for(alice)


def test_a_paper_account_is_connected_in_one_request(api: APIClient) -> None:
    answer = api.post(URL, {"label": "  Paper ", "venue": "paper"}, format="json")
    assert answer.status_code == 201
    made = answer.json()
    assert (made["label"], made["venue"], made["quote"], made["status"], made["key_tail"]) == (
        "Paper",
        "paper",
        "USDT",
        "ok",
        "",
    )
    assert api.get(URL).json()["results"] == [made]
    assert api.get(f"{URL}{made['id']}/").json() == made


def test_paper_is_what_one_gets_without_asking(api: APIClient) -> None:
    assert api.post(URL, {"label": "Plain"}, format="json").json()["venue"] == "paper"


@pytest.mark.parametrize("quote", ["USDT", "USDC", "FDUSD"])
def test_a_paper_account_starts_in_its_quote(quote: str, api: APIClient) -> None:
    made = api.post(URL, {"label": "Paper", "quote": quote}, format="json").json()
    balances = api.get(f"/api/me/balances?account={made['id']}").json()["balances"]
    assert balances == [{"asset": quote, "free": "10000", "locked": "0"}]


def test_keys_are_stored_and_only_their_tail_is_shown(api: APIClient) -> None:
    given = {"label": "Main", "venue": "binance", "api_key": KEY, "api_secret": SECRET}
    answer = api.post(URL, given, format="json")
    assert answer.status_code == 201
    made = answer.json()
    assert (made["key_tail"], made["status"]) == ("TAIL", "unchecked")
    assert "never contacted" in made["status_reason"]
    for shown in (answer, api.get(URL), api.get(f"{URL}{made['id']}/"), api.post(f"{URL}{made['id']}/check")):
        assert KEY not in shown.content.decode()
        assert SECRET not in shown.content.decode()
    account = ExchangeAccount.objects.get()
    assert (account.api_key, account.api_secret) == (KEY, SECRET)


def test_an_account_whose_venue_is_never_contacted_says_so_everywhere(api: APIClient) -> None:
    made = api.post(
        URL, {"label": "Main", "venue": "binance", "api_key": KEY, "api_secret": SECRET}, format="json"
    ).json()
    for path in ("/api/me/balances", "/api/me/portfolio/summary"):
        refusal(api.get(f"{path}?account={made['id']}"), 409, "venue_not_contacted")
    strategy = {"name": "Mine", "account": made["id"], "allocations": [{"asset": "BTC", "weight_pct": "10"}]}
    refusal(api.post("/api/me/strategies/", strategy, format="json"), 409, "venue_not_contacted")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no label": ({"label": ""}, "label"),
    "a label of spaces": ({"label": "   "}, "label"),
    "a missing label": ({}, "label"),
    "a null label": ({"label": None}, "label"),
    "a list as label": ({"label": ["Paper"]}, "label"),
    "a long label": ({"label": "x" * 41}, "label"),
    "a huge label": ({"label": "x" * 1_000_000}, "label"),
    "a null byte": ({"label": "Pa\x00per"}, "label"),
    "a taken label": ({"label": "Taken"}, "label"),
    "an unknown venue": ({"label": "New", "venue": "kraken"}, "venue"),
    "a venue that is a list": ({"label": "New", "venue": ["paper"]}, "venue"),
    "an unknown quote": ({"label": "New", "quote": "EUR"}, "quote"),
    "a quote that is a number": ({"label": "New", "quote": 10**400}, "quote"),
    "keys for paper": ({"label": "New", "venue": "paper", "api_key": KEY, "api_secret": SECRET}, "api_key"),
    "a key without its secret": ({"label": "New", "venue": "binance", "api_key": KEY}, "api_secret"),
    "a secret without its key": ({"label": "New", "venue": "binance", "api_secret": SECRET}, "api_key"),
    "a key with a space": ({"label": "New", "venue": "binance", "api_key": "a b", "api_secret": SECRET}, "api_key"),
    "a key that is no ASCII": ({"label": "New", "venue": "binance", "api_key": "kéy", "api_secret": SECRET}, "api_key"),
    "a key with a line break": (
        {"label": "New", "venue": "binance", "api_key": "a\r\nX-Evil: 1", "api_secret": SECRET},
        "api_key",
    ),
    "a long key": ({"label": "New", "venue": "binance", "api_key": "k" * 201, "api_secret": SECRET}, "api_key"),
    "a secret with a null byte": (
        {"label": "New", "venue": "binance", "api_key": KEY, "api_secret": "a\x00b"},
        "api_secret",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_account_is_refused_by_its_field(case: str, api: APIClient) -> None:
    given, field = REFUSED[case]
    api.post(URL, {"label": "Taken"}, format="json")
    assert set(refusal(api.post(URL, given, format="json"), 400, "invalid")) == {field}
    assert ExchangeAccount.objects.count() == 1
    assert PaperAccount.objects.count() == 1


def test_there_is_a_most_of_accounts(api: APIClient) -> None:
    for number in range(MAX_ACCOUNTS_PER_USER):
        assert api.post(URL, {"label": f"Paper {number}"}, format="json").status_code == 201
    assert set(refusal(api.post(URL, {"label": "One more"}, format="json"), 400)) == {"label"}


def test_an_account_is_renamed(api: APIClient) -> None:
    first = api.post(URL, {"label": "First"}, format="json").json()
    api.post(URL, {"label": "Second"}, format="json")
    path = f"{URL}{first['id']}/"
    assert api.patch(path, {"label": " Renamed "}, format="json").json()["label"] == "Renamed"
    for wrong in ("Second", "", " ", "x" * 41, "a\x00b", None, ["a"]):
        assert set(refusal(api.patch(path, {"label": wrong}, format="json"), 400)) == {"label"}
    assert api.get(path).json()["label"] == "Renamed"


def test_two_users_may_use_one_label(api: APIClient, bob: User, api_for: Callable[[User], APIClient]) -> None:
    assert api.post(URL, {"label": "Paper"}, format="json").status_code == 201
    assert api_for(bob).post(URL, {"label": "Paper"}, format="json").status_code == 201


def test_a_paper_account_is_started_afresh(api: APIClient, paper_account: Callable[..., Any], alice: User) -> None:
    account = paper_account(alice, {"BTC": "0.5"})
    assert api.post(f"{URL}{account.pk}/reset").status_code == 204
    balances = api.post("/api/me/orders/refresh").status_code, api.get("/api/me/balances").json()["balances"]
    assert balances == (200, [{"asset": "USDT", "free": "10000", "locked": "0"}])


def test_only_paper_can_be_started_afresh(api: APIClient) -> None:
    given = {"label": "Main", "venue": "binance", "api_key": KEY, "api_secret": SECRET}
    made = api.post(URL, given, format="json").json()
    refusal(api.post(f"{URL}{made['id']}/reset"), 409)


def test_a_disconnected_account_is_gone_and_its_keys_with_it(api: APIClient) -> None:
    made = api.post(URL, {"label": "Paper"}, format="json").json()
    path = f"{URL}{made['id']}/"
    assert api.delete(path).status_code == 204
    refusal(api.get(path), 404, "not_found")
    refusal(api.delete(path), 404, "not_found")
    refusal(api.get("/api/me/balances"), 404, "no_account")
    assert api.get(URL).json()["results"] == []
    row = ExchangeAccount.objects.get()
    assert (row.paper_key, row.paper_secret, row.api_key, row.api_secret) == ("", "", "", "")
    assert api.post(URL, {"label": "Paper"}, format="json").status_code == 201, "its label is free again"


def test_a_key_that_stops_working_is_shown_and_can_be_checked_again(
    api: APIClient, paper_account: Callable[..., ExchangeAccount], alice: User
) -> None:
    account = paper_account(alice)
    wrong = ExchangeAccount.objects.get(pk=account.pk)
    wrong.paper_secret = "x" * 64
    wrong.save()
    refusal(api.get("/api/me/balances"), 409, "credentials_refused")
    shown = api.get(f"{URL}{account.pk}/").json()
    assert (shown["status"], bool(shown["status_reason"])) == ("refused", True)
    assert api.post(f"{URL}{account.pk}/check").json()["status"] == "refused"
    wrong.paper_secret = account.paper_secret
    wrong.save(update_fields=["paper_secret"])
    again = api.post(f"{URL}{account.pk}/check").json()
    assert (again["status"], again["status_reason"]) == ("ok", "")


def test_an_exchange_that_is_down_is_no_wrong_key(
    api: APIClient, paper_account: Callable[..., ExchangeAccount], alice: User
) -> None:
    account = paper_account(alice)
    with faults.plan([{"kind": "refuse", "times": 99}]):
        answer = api.post(f"{URL}{account.pk}/check")
    assert answer.status_code == 200
    assert (answer.json()["status"], bool(answer.json()["status_reason"])) == ("ok", True)
