"""Signing up, on the page and through the API."""

from unittest.mock import patch

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts import services
from accounts.models import User
from accounts.tests.conftest import PASSWORD
from botbalance.lib.errors import Invalid

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("accounts.tests.urls"),
    pytest.mark.usefixtures("in_use"),
]

SIGN_UP = "/auth/sign-up/"
REGISTER = "/api/auth/register"


def test_the_page_creates_a_user_and_signs_them_in(client: Client) -> None:
    answer = client.post(SIGN_UP, {"email": "Alice@Example.org", "password1": PASSWORD})
    assert answer.status_code == 302
    assert answer["Location"] == reverse("dashboard")
    alice = User.objects.get()
    assert (alice.email, alice.role, alice.is_staff, alice.is_superuser) == ("alice@example.org", "user", False, False)
    assert client.session["_auth_user_id"] == str(alice.pk)


@pytest.mark.parametrize(
    ("email", "password", "text"),
    [
        ("not-an-address", PASSWORD, "Enter a valid email address."),
        ("", PASSWORD, "This field is required."),
        ("alice@example.org", "", "This field is required."),
        ("alice@example.org", "12345", "This password is too short."),
        ("alice@example.org", "alice@example", "too similar to the e-mail address"),
        ("alice@example.org\x00", PASSWORD, "Null characters are not allowed."),
        ("a" * 300 + "@example.org", PASSWORD, "at most 254 characters"),
    ],
)
def test_the_page_says_what_is_wrong(client: Client, email: str, password: str, text: str) -> None:
    answer = client.post(SIGN_UP, {"email": email, "password1": password})
    assert answer.status_code == 200
    assert text in answer.content.decode()
    assert not User.objects.exists()


def test_the_page_refuses_an_address_that_is_taken_in_any_case(client: Client, alice: User) -> None:
    answer = client.post(SIGN_UP, {"email": "ALICE@example.org", "password1": PASSWORD})
    assert "already registered" in answer.content.decode()
    assert User.objects.count() == 1


def test_the_page_survives_losing_the_race_for_an_address(client: Client, alice: User) -> None:
    with patch("allauth.account.internal.flows.manage_email.assess_unique_email", return_value=True):
        answer = client.post(SIGN_UP, {"email": "alice@example.org", "password1": PASSWORD})
    assert answer.status_code == 200
    assert "There is already an account with this e-mail address." in answer.content.decode()


def test_the_service_survives_losing_the_race_for_an_address(alice: User) -> None:
    with patch("django.db.models.query.QuerySet.exists", return_value=False), pytest.raises(Invalid) as refused:
        services.register("alice@example.org", PASSWORD)
    assert set(refused.value.fields) == {"email"}


def test_the_database_itself_refuses_a_second_spelling(alice: User) -> None:
    bob = User.objects.create_user("bob@example.org")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=bob.pk).update(email="Alice@example.org")


def test_the_api_registers(client: Client) -> None:
    body = {"email": "Alice@example.org", "password": PASSWORD}
    answer = client.post(REGISTER, body, content_type="application/json")
    assert answer.status_code == 201
    assert answer.json() == {"id": User.objects.get().pk, "email": "alice@example.org"}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"email", "password"}),
        ({"email": "alice", "password": PASSWORD}, {"email"}),
        ({"email": "alice@example.org", "password": "short"}, {"password"}),
        ({"email": "alice@example.org", "password": "x" * 2000}, {"password"}),
        ({"email": "alice@example.org", "password": "\ud800long-enough-9"}, {"password"}),
        ({"email": ["alice@example.org"], "password": {}}, {"email", "password"}),
        ([], {"non_field_errors"}),
    ],
)
def test_the_api_names_every_wrong_field(client: Client, body: object, fields: set[str]) -> None:
    answer = client.post(REGISTER, body, content_type="application/json")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "invalid"
    assert set(error["fields"]) == fields
    assert not User.objects.exists()


def test_the_api_refuses_a_taken_address(client: Client, alice: User) -> None:
    body = {"email": "ALICE@example.org", "password": PASSWORD}
    answer = client.post(REGISTER, body, content_type="application/json")
    assert answer.status_code == 400
    assert set(answer.json()["error"]["fields"]) == {"email"}


def test_the_api_refuses_what_is_not_json(client: Client) -> None:
    answer = client.post(REGISTER, "{", content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "parse_error"
