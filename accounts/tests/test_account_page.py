"""The Account page: who one is, the language, API tokens."""

import re

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse

from accounts import services
from accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("accounts.tests.urls")]

ACTIONS = ["accounts:language", "accounts:create_token", "accounts:revoke_all_tokens"]


@pytest.fixture
def page(as_alice: Client) -> str:
    return as_alice.get(reverse("accounts:settings")).content.decode()


def test_it_shows_who_one_is(page: str) -> None:
    assert "alice@example.org" in page
    assert reverse("account_change_password") in page
    assert "You have no tokens." in page


@pytest.mark.parametrize("name", ACTIONS)
def test_nothing_happens_without_signing_in_or_by_a_link(client: Client, alice: User, name: str) -> None:
    assert client.post(reverse(name))["Location"].startswith("/auth/sign-in/")
    client.force_login(alice)
    assert client.get(reverse(name)).status_code == 405


@pytest.mark.parametrize("name", ACTIONS)
def test_nothing_happens_without_the_form_token(alice: User, name: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(reverse(name)).status_code == 403


def test_a_new_token_is_shown_once_and_works(as_alice: Client, alice: User) -> None:
    answer = as_alice.post(reverse("accounts:create_token"))
    shown = answer.content.decode()
    (token,) = re.findall(r'id="new-token" value="(\w+)"', shown)
    assert f"curl -H &quot;Authorization: Token {token}&quot;" in shown or f'Token {token}"' in shown
    assert "no-store" in answer["Cache-Control"]
    assert Client().get("/api/auth/me", headers={"Authorization": f"Token {token}"}).json()["id"] == alice.pk
    later = as_alice.get(reverse("accounts:settings")).content.decode()
    assert token not in later
    assert token[:8] in later


def test_one_token_is_revoked(as_alice: Client, alice: User) -> None:
    first, _text = services.create_token(alice)
    second, _text = services.create_token(alice)
    answer = as_alice.post(reverse("accounts:revoke_token", args=[first.token_key]), follow=True)
    assert "The token is revoked." in answer.content.decode()
    assert list(alice.auth_token_set.all()) == [second]


def test_all_tokens_are_revoked(as_alice: Client, alice: User, bob: User) -> None:
    for user in (alice, alice, bob):
        services.issue_token(user)
    as_alice.post(reverse("accounts:revoke_all_tokens"))
    assert alice.auth_token_set.count() == 0
    assert bob.auth_token_set.count() == 1


def test_anothers_token_is_not_found(as_alice: Client, bob: User) -> None:
    row, _text = services.create_token(bob)
    answer = as_alice.post(reverse("accounts:revoke_token", args=[row.token_key]))
    assert answer.status_code == 404
    assert "There is no such token" in answer.content.decode()
    assert bob.auth_token_set.count() == 1


def test_too_many_tokens_is_said_on_the_page(as_alice: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MAX_LIVE_TOKENS", 0)
    answer = as_alice.post(reverse("accounts:create_token"), follow=True)
    assert "revoke those you no longer need" in answer.content.decode()


def test_the_language_is_kept_and_spoken_at_once(as_alice: Client, alice: User) -> None:
    as_alice.post(reverse("accounts:language"), {"language": "ru"})
    alice.refresh_from_db()
    assert alice.language == "ru"
    assert '<html lang="ru">' in as_alice.get(reverse("accounts:settings")).content.decode()
    as_alice.post(reverse("accounts:language"), {"language": ""})
    assert not as_alice.cookies[django_settings.LANGUAGE_COOKIE_NAME].value
    assert '<html lang="en">' in as_alice.get(reverse("accounts:settings")).content.decode()


def test_an_unknown_language_is_refused(as_alice: Client, alice: User) -> None:
    answer = as_alice.post(reverse("accounts:language"), {"language": "xx"})
    assert answer.status_code == 400
    assert "Select a valid choice." in answer.content.decode()
    alice.refresh_from_db()
    assert alice.language == ""
