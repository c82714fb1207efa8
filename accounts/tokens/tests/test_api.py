"""/api/me/tokens: what a token may make, and how tokens end."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tokens import services
from accounts.tokens.models import ApiToken
from accounts.tokens.tasks import forget_expired
from tests.refusals import refusal

pytestmark = pytest.mark.django_db

TOKENS = "/api/v1/me/tokens"
ME = "/api/v1/auth/me"


@pytest.fixture
def with_token() -> Callable[..., APIClient]:
    """with_token(user, scope="read"): a program that sends a new token of theirs."""

    def make(user: User, **values: Any) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Token {services.create_token(user, **values)[1]}")
        return client

    return make


def test_a_token_is_made_and_shown_once(alice: User, with_token: Callable[..., APIClient]) -> None:
    api = with_token(alice)
    answer = api.post(TOKENS, {"name": "Backup", "scope": "read", "expires_in_days": 7}, format="json")
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    made = answer.json()
    assert (made["name"], made["scope"], made["is_expired"], made["is_current"]) == ("Backup", "read", False, False)
    assert made["token"].startswith(made["key"] + "_")
    listed = api.get(TOKENS).json()["results"]
    assert [row["is_current"] for row in listed] == [False, True]
    assert all("token" not in row and "digest" not in row for row in listed)
    assert APIClient(HTTP_AUTHORIZATION=f"Token {made['token']}").get(ME).json()["id"] == alice.pk


def test_without_a_word_it_may_trade_for_ninety_days(alice: User, with_token: Callable[..., APIClient]) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        made = with_token(alice, days=None).post(TOKENS, {"name": "One"}, format="json").json()
        row = ApiToken.objects.get(key=made["key"])
        assert row.scope == "trade"
        assert row.expires_at == timezone.now() + timedelta(days=90)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scope": "admin"}, "scope"),
        ({"scope": None}, "scope"),
        ({"expires_in_days": 0}, "expires_in_days"),
        ({"expires_in_days": 3651}, "expires_in_days"),
        ({"expires_in_days": 10**400}, "expires_in_days"),
        ({"expires_in_days": "soon"}, "expires_in_days"),
        ({"name": "x" * 61}, "name"),
        ({"name": "\x00"}, "name"),
        ({"name": " "}, "name"),
        ({"name": None}, "name"),
    ],
)
def test_what_is_wrong_is_named(
    body: dict[str, Any], field: str, alice: User, with_token: Callable[..., APIClient]
) -> None:
    assert set(refusal(with_token(alice).post(TOKENS, {"name": "One", **body}, format="json"), 400, "invalid")) == {
        field
    }
    assert ApiToken.objects.count() == 1


def test_a_token_makes_none_that_works_longer(alice: User, with_token: Callable[..., APIClient]) -> None:
    api = with_token(alice, days=10)
    for days in (11, None):
        refusal(api.post(TOKENS, {"name": "One", "expires_in_days": days}, format="json"), 403, "token_lifetime")
    assert api.post(TOKENS, {"name": "One", "expires_in_days": 9}, format="json").status_code == 201


def test_without_a_word_it_works_no_longer_than_the_one_that_asks(
    alice: User, with_token: Callable[..., APIClient]
) -> None:
    api = with_token(alice, days=10)
    assert api.post(TOKENS, {"name": "One"}, format="json").status_code == 201
    made, asking = ApiToken.objects.all()
    assert made.expires_at == asking.expires_at


def test_a_session_makes_any(alice: User, client_for: Callable[[User], Client]) -> None:
    body = {"name": "One", "scope": "trade", "expires_in_days": None}
    answer = client_for(alice).post(TOKENS, body, content_type="application/json")
    assert answer.status_code == 201
    assert answer.json()["expires_at"] is None


def test_a_token_that_may_read_makes_and_revokes_none(alice: User, with_token: Callable[..., APIClient]) -> None:
    api = with_token(alice, scope="read")
    key = api.get(TOKENS).json()["results"][0]["key"]
    refusal(api.post(TOKENS, {"name": "One", "scope": "read"}, format="json"), 403, "token_scope")
    refusal(api.delete(TOKENS), 403, "token_scope")
    refusal(api.delete(f"{TOKENS}/{key}"), 403, "token_scope")
    assert ApiToken.objects.count() == 1


def test_a_token_that_may_read_gives_itself_up(alice: User, with_token: Callable[..., APIClient]) -> None:
    api = with_token(alice, scope="read")
    assert api.post("/api/v1/auth/logout").status_code == 204
    refusal(api.get(ME), 401)


def test_one_is_revoked_at_once(alice: User, with_token: Callable[..., APIClient]) -> None:
    api, other = with_token(alice), with_token(alice)
    key = next(row["key"] for row in api.get(TOKENS).json()["results"] if not row["is_current"])
    assert api.delete(f"{TOKENS}/{key}").status_code == 204
    refusal(other.get(ME), 401)
    refusal(api.delete(f"{TOKENS}/{key}"), 404, "not_found")


def test_all_are_revoked_and_nobody_elses(alice: User, bob: User, with_token: Callable[..., APIClient]) -> None:
    first, second, bobs = with_token(alice), with_token(alice), with_token(bob)
    assert first.delete(TOKENS).json() == {"revoked": 2}
    assert [api.get(ME).status_code for api in (first, second, bobs)] == [401, 401, 200]


def test_bob_finds_and_revokes_none_of_alices(alice: User, bob: User, with_token: Callable[..., APIClient]) -> None:
    api = with_token(bob)
    row, _text = services.create_token(alice, name="Alices")
    assert "Alices" not in api.get(TOKENS).content.decode()
    refusal(api.delete(f"{TOKENS}/{row.key}"), 404, "not_found")
    assert alice.api_tokens.count() == 1


def test_an_expired_token_is_told_so(alice: User, with_token: Callable[..., APIClient]) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        api = with_token(alice, days=1)
        clock.shift(timedelta(days=1, seconds=-1))
        assert api.get(ME).status_code == 200
        clock.shift(1)
        refusal(api.get(ME), 401, "token_expired")
        assert with_token(alice).get(TOKENS).json()["results"][1]["is_expired"] is True


def test_an_expired_token_is_forgotten_a_month_later(alice: User, with_token: Callable[..., APIClient]) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        with_token(alice, days=1)
        with_token(alice, days=None)
        clock.shift(timedelta(days=31, seconds=-1))
        assert forget_expired() == 0
        clock.shift(1)
        assert forget_expired() == 1
        assert ApiToken.objects.get().expires_at is None


def test_its_last_use_is_known_to_the_minute(
    alice: User, with_token: Callable[..., APIClient], django_assert_num_queries: Callable[..., Any]
) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        api = with_token(alice)
        assert ApiToken.objects.get().last_used_at is None
        first = timezone.now()
        api.get(ME)
        clock.shift(59)
        with django_assert_num_queries(1):  # the token with its user, and nothing is written
            api.get(ME)
        assert ApiToken.objects.get().last_used_at == first
        clock.shift(1)
        api.get(ME)
        assert ApiToken.objects.get().last_used_at == timezone.now()


def test_a_scope_can_be_chosen_where_one_signs_in(alice: User) -> None:
    who = {"email": alice.email, "password": "correct-horse-9", "scope": "read", "name": "Screen"}
    token = APIClient().post("/api/v1/auth/token", who, format="json").json()["token"]
    api = APIClient(HTTP_AUTHORIZATION=f"Token {token}")
    assert [(row["name"], row["scope"]) for row in api.get(TOKENS).json()["results"]] == [("Screen", "read")]
