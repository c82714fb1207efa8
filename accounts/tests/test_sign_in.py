"""Signing in and out with a browser."""

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts import services
from accounts.models import User
from accounts.tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.urls("accounts.tests.urls")]

SIGN_IN = "/auth/sign-in/"


def test_it_signs_in_with_the_address_in_any_case(client: Client, alice: User) -> None:
    answer = client.post(SIGN_IN, {"login": "ALICE@example.org", "password": PASSWORD})
    assert answer.status_code == 302
    assert client.session["_auth_user_id"] == str(alice.pk)


def test_it_returns_to_the_page_that_asked(client: Client, alice: User) -> None:
    asked = client.get(reverse("accounts:settings"))
    assert asked["Location"] == "/auth/sign-in/?next=/auth/account/"
    page = client.get(asked["Location"]).content.decode()
    assert '<input type="hidden" name="next" value="/auth/account/">' in page
    answer = client.post(SIGN_IN, {"login": alice.email, "password": PASSWORD, "next": "/auth/account/"})
    assert answer["Location"] == "/auth/account/"


def test_it_never_sends_the_browser_to_another_site(client: Client, alice: User) -> None:
    answer = client.post(SIGN_IN, {"login": alice.email, "password": PASSWORD, "next": "https://example.net/"})
    assert answer["Location"] == reverse("dashboard")


def test_it_says_the_same_for_a_wrong_password_and_an_unknown_address(client: Client, alice: User) -> None:
    wrong = client.post(SIGN_IN, {"login": alice.email, "password": "wrong"})
    unknown = client.post(SIGN_IN, {"login": "bob@example.org", "password": "wrong"})
    for answer in (wrong, unknown):
        assert answer.status_code == 200
        assert "The email address and/or password you specified are not correct." in answer.content.decode()
    assert "_auth_user_id" not in client.session


def test_it_tells_an_inactive_user_so(client: Client, alice: User) -> None:
    User.objects.update(is_active=False)
    answer = client.post(SIGN_IN, {"login": alice.email, "password": PASSWORD}, follow=True)
    assert "This account is inactive" in answer.content.decode()
    assert "_auth_user_id" not in client.session


def test_a_suspended_user_may_look_and_is_told(client: Client, alice: User) -> None:
    services.suspend(alice)
    answer = client.post(SIGN_IN, {"login": alice.email, "password": PASSWORD}, follow=True)
    assert "Your account is suspended" in answer.content.decode()


def test_it_locks_an_address_after_five_wrong_passwords(client: Client, alice: User, settings: Settings) -> None:
    del settings.ACCOUNT_RATE_LIMITS
    for _attempt in range(5):
        client.post(SIGN_IN, {"login": alice.email, "password": "wrong"})
    answer = client.post(SIGN_IN, {"login": alice.email, "password": PASSWORD})
    assert "Too many failed login attempts." in answer.content.decode()
    assert "_auth_user_id" not in client.session


@pytest.mark.usefixtures("in_use")
def test_it_answers_a_flood_with_a_page(client: Client, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
    client.post(SIGN_IN, {"login": "alice@example.org", "password": "wrong"})
    answer = client.post(SIGN_IN, {"login": "alice@example.org", "password": "wrong"})
    assert answer.status_code == 429
    assert "Too many attempts" in answer.content.decode()


def test_without_the_form_token_it_explains(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(SIGN_IN, {"login": alice.email, "password": PASSWORD})
    assert answer.status_code == 403
    assert "The form was too old" in answer.content.decode()


def test_signing_in_brings_the_users_language(client: Client, alice: User) -> None:
    services.set_language(alice, "ru")
    answer = client.post(SIGN_IN, {"login": alice.email, "password": PASSWORD})
    assert answer.cookies[django_settings.LANGUAGE_COOKIE_NAME].value == "ru"


def test_a_link_cannot_sign_anybody_out(as_alice: Client, alice: User) -> None:
    page = as_alice.get(reverse("account_logout"))
    assert alice.email in page.content.decode()
    assert "_auth_user_id" in as_alice.session


def test_it_signs_out(as_alice: Client) -> None:
    answer = as_alice.post(reverse("account_logout"), follow=True)
    assert answer.redirect_chain[-1][0] == SIGN_IN
    assert "You are signed out." in answer.content.decode()
    assert "_auth_user_id" not in as_alice.session
