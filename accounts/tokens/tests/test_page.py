"""The page of API tokens: made with a name, a scope and an end, shown once, revoked one by one or all."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.tokens import services
from accounts.tokens.models import ApiToken

pytestmark = [pytest.mark.django_db, pytest.mark.urls("accounts.tests.urls")]

HERE = "/auth/account/tokens/"
FORM = {"name": "My script", "scope": "read", "expires": "30"}
ACTIONS = ["accounts:create_token", "accounts:revoke_all_tokens"]


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
    assert "You have no tokens." in as_alice.get(HERE).content.decode()
    answer = as_alice.post(reverse("accounts:create_token"), FORM)
    shown = answer.content.decode()
    (token,) = re.findall(r'id="new-token" value="(\w+)"', shown)
    assert "no-store" in answer["Cache-Control"]
    assert Client().get("/api/auth/me", headers={"Authorization": f"Token {token}"}).json()["id"] == alice.pk
    later = as_alice.get(HERE).content.decode()
    assert token not in later
    row = ApiToken.objects.get()
    assert row.key in later
    assert "My script" in later
    assert (row.name, row.scope) == ("My script", "read")
    assert row.expires_at is not None
    assert abs(row.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=5)


def test_it_may_be_made_to_last_until_it_is_revoked(as_alice: Client) -> None:
    as_alice.post(reverse("accounts:create_token"), {**FORM, "expires": "never"})
    assert ApiToken.objects.get().expires_at is None


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "x" * 61}, {"scope": "all"}, {"scope": ""}, {"expires": "1"}, {"expires": "x"}]
)
def test_what_is_wrong_in_the_form_is_marked_and_nothing_is_made(as_alice: Client, wrong: dict[str, str]) -> None:
    answer = as_alice.post(reverse("accounts:create_token"), {**FORM, **wrong})
    assert answer.status_code == 400
    assert "errorlist" in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_the_list_says_what_has_expired_and_what_was_never_used(as_alice: Client, alice: User) -> None:
    services.create_token(alice, name="Old one")
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(days=1))
    page = as_alice.get(HERE).content.decode()
    assert "expired" in page
    assert "never" in page


def test_one_token_is_revoked(as_alice: Client, alice: User) -> None:
    first, _text = services.create_token(alice)
    second, _text = services.create_token(alice)
    answer = as_alice.post(reverse("accounts:revoke_token", args=[first.key]), follow=True)
    assert "The token is revoked." in answer.content.decode()
    assert list(alice.api_tokens.all()) == [second]


def test_all_tokens_are_revoked(as_alice: Client, alice: User, bob: User) -> None:
    for user in (alice, alice, bob):
        services.issue_token(user)
    as_alice.post(reverse("accounts:revoke_all_tokens"))
    assert alice.api_tokens.count() == 0
    assert bob.api_tokens.count() == 1


def test_anothers_token_is_not_found(as_alice: Client, bob: User) -> None:
    row, _text = services.create_token(bob)
    answer = as_alice.post(reverse("accounts:revoke_token", args=[row.key]))
    assert answer.status_code == 404
    assert "There is no such token" in answer.content.decode()
    assert bob.api_tokens.count() == 1


def test_too_many_tokens_is_said_on_the_page(as_alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MAX_LIVE_TOKENS", 0)
    answer = as_alice.post(reverse("accounts:create_token"), FORM)
    assert answer.status_code == 409
    assert "revoke those you no longer need" in answer.content.decode()
