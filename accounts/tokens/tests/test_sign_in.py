"""API tokens, from the exchange for a password to their end."""

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIRequestFactory
from rest_framework.throttling import ScopedRateThrottle

from accounts import services as accounts
from accounts.models import User
from accounts.tests.conftest import PASSWORD
from accounts.tokens import selectors, services
from accounts.tokens.authentication import TokenAuthentication
from accounts.tokens.models import ApiToken
from botbalance.lib.errors import Conflict, NotFound

pytestmark = [pytest.mark.django_db, pytest.mark.urls("accounts.tests.urls")]

TOKEN = "/api/auth/token"
ME = "/api/auth/me"
LOGOUT = "/api/auth/logout"


def ask(client: Client, email: str, password: str) -> object:
    return client.post(TOKEN, {"email": email, "password": password}, content_type="application/json")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Token {token}"}


def test_a_password_buys_a_token_that_says_who_one_is(client: Client, alice: User) -> None:
    answer = ask(client, "ALICE@example.org", PASSWORD)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    assert set(body) == {"token", "expiry"}
    assert body["expiry"].endswith("Z")
    me = client.get(ME, headers=bearer(body["token"]))
    assert me.json() == {"id": alice.pk, "email": "alice@example.org", "role": "user", "suspended": False}


def test_a_suspended_user_is_told_by_me(client: Client, alice: User) -> None:
    token = services.issue_token(accounts.suspend(alice))
    assert client.get(ME, headers=bearer(token)).json()["suspended"] is True
    accounts.resume(alice)
    assert client.get(ME, headers=bearer(token)).json()["suspended"] is False


def test_wrong_credentials_have_one_answer(client: Client, alice: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    answers = [
        ask(client, alice.email, "wrong-password"),
        ask(client, "charlie@example.org", PASSWORD),
        ask(client, bob.email, PASSWORD),
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert len({answer.content for answer in answers}) == 1
    error = answers[0].json()["error"]
    assert error == {
        "code": "invalid_credentials",
        "message": "The e-mail address or the password is wrong.",
        "fields": {},
    }


def test_missing_credentials_are_named(client: Client) -> None:
    answer = client.post(TOKEN, {}, content_type="application/json")
    assert answer.status_code == 400
    assert set(answer.json()["error"]["fields"]) == {"email", "password"}


def test_the_api_and_the_page_count_failures_together(client: Client, alice: User, settings: Settings) -> None:
    del settings.ACCOUNT_RATE_LIMITS
    for _attempt in range(5):
        client.post("/auth/sign-in/", {"login": alice.email, "password": "wrong"})
    answer = ask(client, alice.email, PASSWORD)
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "throttled"


@pytest.mark.parametrize("path", [TOKEN, "/api/auth/register"])
def test_a_flood_is_throttled(client: Client, path: str) -> None:
    with patch.object(ScopedRateThrottle, "THROTTLE_RATES", {"auth": "1/min"}):
        client.post(path, {}, content_type="application/json")
        answer = client.post(path, {}, content_type="application/json")
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "throttled"
    assert int(answer["Retry-After"]) > 0


def test_logout_revokes_the_presented_token_only(client: Client, alice: User) -> None:
    first, second = services.issue_token(alice), services.issue_token(alice)
    assert client.post(LOGOUT, headers=bearer(first)).status_code == 204
    assert client.get(ME, headers=bearer(first)).status_code == 401
    assert client.get(ME, headers=bearer(second)).status_code == 200


def test_logout_needs_a_token(as_alice: Client) -> None:
    assert as_alice.post(LOGOUT).status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Token",
        "Token ",
        "Token nonsense",
        "Token two words",
        "Token " + "0" * 64,
        "Token " + "z" * 64,
        "Token " + "9" * 5000,
        "Bearer something",
        "Basic YWxpY2U6YWxpY2U=",
    ],
)
def test_garbage_is_a_401_in_our_shape(client: Client, alice: User, header: str) -> None:
    answer = client.get(ME, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Token"
    assert set(answer.json()) == {"error"}
    assert set(answer.json()["error"]) == {"code", "message", "fields"}


def test_bytes_that_are_no_text_are_a_wrong_token(alice: User) -> None:
    services.issue_token(alice)
    request = APIRequestFactory().get(ME, headers={"Authorization": "Token \xff\xfe"})
    with pytest.raises(AuthenticationFailed):
        TokenAuthentication().authenticate(request)


def test_an_expired_token_is_dead(client: Client, alice: User) -> None:
    token = services.issue_token(alice)
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert not selectors.live_tokens(alice).exists()
    assert client.get(ME, headers=bearer(token)).status_code == 401


def test_a_token_of_an_inactive_user_is_dead(client: Client, alice: User) -> None:
    token = services.issue_token(alice)
    User.objects.update(is_active=False)
    assert client.get(ME, headers=bearer(token)).status_code == 401


def test_all_can_be_revoked_at_once_and_nobody_elses(client: Client, alice: User, bob: User) -> None:
    tokens = [services.issue_token(alice), services.issue_token(alice)]
    bobs = services.issue_token(bob)
    assert services.revoke_tokens(alice) == 2
    assert {client.get(ME, headers=bearer(token)).status_code for token in tokens} == {401}
    assert client.get(ME, headers=bearer(bobs)).status_code == 200


def test_nobody_revokes_anothers_token(alice: User, bob: User) -> None:
    row, _plain_text = services.create_token(alice)
    with pytest.raises(NotFound):
        services.revoke_token(bob, row.key)
    assert ApiToken.objects.count() == 1


def test_tokens_cannot_pile_up_without_end(client: Client, alice: User) -> None:
    with patch.object(services, "MAX_LIVE_TOKENS", 2):
        services.issue_token(alice)
        ApiToken.objects.update(expires_at=timezone.now() - timedelta(days=1))
        services.issue_token(alice)
        services.issue_token(alice)
        with pytest.raises(Conflict):
            services.issue_token(alice)
        assert ask(client, alice.email, PASSWORD).json()["error"]["code"] == "too_many_tokens"


def test_the_plain_text_is_stored_nowhere(alice: User) -> None:
    token = services.issue_token(alice)
    row = ApiToken.objects.get()
    assert token not in (row.digest, row.key)


def test_the_openapi_document_knows_these_routes(client: Client) -> None:
    document = client.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).content.decode()
    for name in ("auth_register", "auth_token", "auth_logout", "auth_me"):
        assert name in document
