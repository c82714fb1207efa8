"""The pages of exchange accounts: the list, connecting, renaming, checking."""

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from exchanges.models import ExchangeAccount
from exchanges.selectors import accounts_of

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

KEY, SECRET = "K" * 60 + "wxyz", "S" * 60 + "5678"
PAPER = {"venue": "paper", "label": "Paper", "quote": "USDT"}
BINANCE = {"venue": "binance", "label": "Main", "quote": "USDC", "api_key": KEY, "api_secret": SECRET}

ClientFor = Callable[[User], Client]
PaperAccount = Callable[..., ExchangeAccount]


@pytest.fixture
def browser(alice: User, client_for: ClientFor) -> Client:
    return client_for(alice)


def test_a_paper_account_takes_one_click(browser: Client, alice: User) -> None:
    answer = browser.post("/exchange-accounts/connect/", PAPER)
    account = accounts_of(alice).get()
    assert (answer.status_code, answer.url) == (302, f"/?account={account.pk}")
    assert "Paper is connected." in browser.get(answer.url).content.decode()


def test_a_key_is_stored_and_shown_back_as_four_characters(browser: Client, alice: User) -> None:
    assert browser.post("/exchange-accounts/connect/", BINANCE).status_code == 302
    account = accounts_of(alice).get()
    assert (account.api_key, account.api_secret, account.quote) == (KEY, SECRET, "USDC")
    page = browser.get("/exchange-accounts/").content.decode()
    assert "…wxyz" in page
    assert KEY not in page
    assert SECRET not in page


def test_a_refused_form_keeps_what_was_typed_but_no_secret(browser: Client, alice: User) -> None:
    answer = browser.post("/exchange-accounts/connect/", {**BINANCE, "label": "", "api_secret": "with space " + SECRET})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert 'value="binance"' in page
    assert KEY not in page
    assert SECRET not in page
    assert not accounts_of(alice).exists()


@pytest.mark.parametrize(
    ("change", "field", "text"),
    [
        ({"label": ""}, "label", "required"),
        ({"label": "x" * 41}, "label", "at most 40"),
        ({"label": "nul\x00"}, "label", "Null characters"),
        ({"venue": "okx"}, "venue", "not one of the available"),
        ({"quote": "EUR"}, "quote", "not one of the available"),
        ({"api_secret": ""}, "api_secret", "belong together"),
        ({"api_key": ""}, "api_key", "belong together"),
        ({"venue": "paper"}, "api_key", "needs no key"),
        ({"api_key": "ключ" * 10}, "api_key", "does not look like"),
        ({"api_key": "k" * 201}, "api_key", "at most 200"),
    ],
)
def test_what_is_wrong_stands_at_its_field(
    change: dict[str, str], field: str, text: str, browser: Client, alice: User
) -> None:
    answer = browser.post("/exchange-accounts/connect/", {**BINANCE, **change})
    assert answer.status_code == 400
    assert text in " ".join(answer.context["form"].errors[field])
    assert not accounts_of(alice).exists()


def test_a_label_is_used_once(browser: Client, alice: User, paper_account: PaperAccount) -> None:
    paper_account(alice, label="Paper")
    answer = browser.post("/exchange-accounts/connect/", PAPER)
    assert answer.status_code == 400
    assert answer.context["form"].errors["label"] == ["You have an account with this label."]


def test_the_form_says_which_rights_a_key_needs_and_what_mock_means(browser: Client) -> None:
    page = browser.get("/exchange-accounts/connect/").content.decode()
    for text in ("Enable Reading", "Enable Withdrawals", "trusted IPs", "Binance is never contacted"):
        assert text in page


def test_a_live_server_says_that_the_money_is_real(browser: Client, settings: Settings) -> None:
    settings.EXCHANGE_ENV = "mainnet"
    page = browser.get("/exchange-accounts/connect/").content.decode()
    assert "real money" in page
    assert "never contacted" not in page


def test_an_account_is_renamed(browser: Client, alice: User, paper_account: PaperAccount) -> None:
    account, other = paper_account(alice), paper_account(alice, label="Other")
    path = f"/exchange-accounts/{account.pk}/rename/"
    assert 'value="Paper"' in browser.get(path).content.decode()
    assert browser.post(path, {"label": "Savings"}).status_code == 302
    account.refresh_from_db()
    assert account.label == "Savings"
    for label in ("", "x" * 41, other.label):
        assert browser.post(path, {"label": label}).context["form"].errors["label"]
    account.refresh_from_db()
    assert account.label == "Savings"


def test_a_check_tells_what_the_exchange_said(browser: Client, alice: User, paper_account: PaperAccount) -> None:
    account = paper_account(alice)
    answer = browser.post(f"/exchange-accounts/{account.pk}/check/", follow=True)
    assert "Paper works: the exchange answered." in answer.content.decode()
    browser.post("/exchange-accounts/connect/", BINANCE)
    stored = accounts_of(alice).get(label="Main")
    answer = browser.post(f"/exchange-accounts/{stored.pk}/check/", follow=True)
    assert "EXCHANGE_ENV=mock" in answer.content.decode()


def test_another_users_account_does_not_exist(
    alice: User, charlie: User, client_for: ClientFor, paper_account: PaperAccount
) -> None:
    account = paper_account(alice, label="Alices strongbox")
    browser = client_for(charlie)
    assert "Alices strongbox" not in browser.get("/exchange-accounts/").content.decode()
    assert browser.get(f"/exchange-accounts/{account.pk}/rename/").status_code == 404
    assert browser.post(f"/exchange-accounts/{account.pk}/rename/", {"label": "Mine"}).status_code == 404
    assert browser.post(f"/exchange-accounts/{account.pk}/check/").status_code == 404


def test_methods_and_signing_in_are_enforced(
    browser: Client, alice: User, client: Client, paper_account: PaperAccount
) -> None:
    account = paper_account(alice)
    assert browser.get(f"/exchange-accounts/{account.pk}/check/").status_code == 405
    assert browser.post("/exchange-accounts/").status_code == 405
    assert browser.put("/exchange-accounts/connect/").status_code == 405
    for path in ("/exchange-accounts/", "/exchange-accounts/connect/", f"/exchange-accounts/{account.pk}/rename/"):
        assert client.get(path).url.startswith("/auth/sign-in/")


def test_a_form_without_its_token_is_refused(alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    assert browser.post("/exchange-accounts/connect/", PAPER).status_code == 403
    assert not accounts_of(alice).exists()
