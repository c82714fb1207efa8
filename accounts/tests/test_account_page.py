"""The Account page: who one is, the language, where the tokens are."""

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse

from accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("accounts.tests.urls")]

ACTIONS = ["accounts:language"]


@pytest.fixture
def page(as_alice: Client) -> str:
    return as_alice.get(reverse("accounts:settings")).content.decode()


def test_it_shows_who_one_is(page: str) -> None:
    assert "alice@example.org" in page
    assert reverse("account_change_password") in page
    assert reverse("accounts:tokens") in page


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
