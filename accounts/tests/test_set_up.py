"""The first visitor of a server without users makes its superadmin; nobody else ever does."""

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from django.db import connection, connections
from django.test import Client
from django.test.client import MULTIPART_CONTENT
from pytest_django import Settings

from accounts import first_visit, services
from accounts.models import Role, SetUp, User
from accounts.tests.conftest import PASSWORD
from botbalance.lib.errors import AppError, Conflict

pytestmark = [pytest.mark.django_db, pytest.mark.urls("accounts.tests.urls")]

SET_UP = "/auth/set-up/"
FORM = {"email": "Alice@Example.org", "password1": PASSWORD}
ELSEWHERE = {"REMOTE_ADDR": "203.0.113.7"}
HERE = {"SERVER_NAME": "127.0.0.1"}


@pytest.mark.parametrize("page", ["/auth/sign-in/", "/auth/sign-up/"])
def test_the_first_visitor_is_led_to_it(client: Client, page: str) -> None:
    assert client.get(page, **HERE)["Location"] == SET_UP
    assert "Create the superadmin" in client.get(SET_UP, **HERE).content.decode()


def test_the_first_visitor_becomes_superadmin_and_is_signed_in(client: Client) -> None:
    answer = client.post(SET_UP, FORM, **HERE)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    alice = User.objects.get()
    assert (alice.email, alice.role, alice.check_password(PASSWORD)) == ("alice@example.org", Role.SUPERADMIN, True)
    assert client.session["_auth_user_id"] == str(alice.pk)
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"email": "nonsense"}, "Enter a valid email address."),
        ({"password1": "12345"}, "too short"),
        ({"password1": ""}, "required"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(client: Client, change: dict[str, str], text: str) -> None:
    answer = client.post(SET_UP, {**FORM, **change}, **HERE)
    assert answer.status_code == 400
    assert text in answer.content.decode()
    assert not User.objects.exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_comes_second(client: Client, alice: User, method: str) -> None:
    answer = getattr(client, method)(SET_UP, {**FORM, "email": "bob@example.org"}, **HERE)
    assert (answer.status_code, answer["Location"]) == (302, "/auth/sign-in/")
    assert list(User.objects.all()) == [alice]


@pytest.mark.parametrize("how", [services.register, services.ensure_superadmin, services.set_up])
def test_it_stays_closed_when_the_users_are_gone(client: Client, how: Callable[[str, str], object]) -> None:
    how("alice@example.org", PASSWORD)
    User.objects.all().delete()
    assert client.get(SET_UP, **HERE)["Location"] == "/auth/sign-in/"
    with pytest.raises(Conflict):
        services.set_up("bob@example.org", PASSWORD)
    assert not User.objects.exists()


@pytest.mark.parametrize("address", ["/auth/sign-up/", "/api/auth/register"])
def test_a_stranger_who_registers_first_takes_the_place_of_nobody(client: Client, address: str) -> None:
    body = {"email": "stranger@example.org", "password1": PASSWORD, "password": PASSWORD}
    answer = client.post(address, body, content_type="application/json" if "api" in address else MULTIPART_CONTENT)
    if "api" in address:
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_set_up")
    else:
        assert answer["Location"] == SET_UP
    assert not User.objects.exists()
    client.post(SET_UP, FORM, **HERE)
    assert User.objects.get().is_superadmin


# --- who is not at the machine ----------------------------------------------------------------------------


def test_from_elsewhere_it_asks_for_the_code(client: Client) -> None:
    page = client.get(SET_UP, **ELSEWHERE).content.decode()
    assert 'name="code"' in page
    assert first_visit.code() not in page
    for code in ("", "AAAAA-AAAAA-AAAAA-AAAAA"):
        answer = client.post(SET_UP, {**FORM, "code": code}, **ELSEWHERE)
        assert answer.status_code == 400
        assert answer.context["form"].errors["code"]
    assert not User.objects.exists()
    assert client.post(SET_UP, {**FORM, "code": f" {first_visit.code().lower()} "}, **ELSEWHERE).status_code == 302
    assert User.objects.get().is_superadmin


@pytest.mark.parametrize(
    "where",
    [
        ELSEWHERE,
        {**HERE, "HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {**HERE, "HTTP_FORWARDED": "for=127.0.0.1"},
        {**HERE, "REMOTE_ADDR": ""},
        {"SERVER_NAME": "rebound.example.net"},
    ],
    ids=["another machine", "proxy", "forwarded", "socket", "a name of somebody else's"],
)
def test_who_only_seems_to_be_here_needs_it_too(client: Client, where: dict[str, str], settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert client.post(SET_UP, FORM, **where).status_code == 400
    assert not User.objects.exists()


def test_behind_a_proxy_nobody_is_here(client: Client, settings: Settings) -> None:
    settings.BEHIND_PROXY = True
    assert client.post(SET_UP, FORM, **HERE).status_code == 400


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "[::1]"])
def test_the_machines_own_names_are_known(client: Client, settings: Settings, host: str) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert 'name="code"' not in client.get(SET_UP, HTTP_HOST=host).content.decode()


def test_another_secret_is_another_code(settings: Settings) -> None:
    before = first_visit.code()
    assert first_visit.code() == before
    settings.SECRET_KEY = "another-" * 8
    assert first_visit.code() != before
    assert not first_visit.is_code(before)


# --- two at once -------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_two_first_visitors_one_gets_it() -> None:
    start, made, refused = Barrier(2), [], []

    def visit(email: str) -> None:
        try:
            start.wait()
            made.append(services.set_up(email, PASSWORD))
        except AppError as error:
            refused.append(error)
        finally:
            connections.close_all()

    threads = [Thread(target=visit, args=[email]) for email in ("alice@example.org", "bob@example.org")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(refused)) == (1, 1)
    assert (User.objects.count(), SetUp.objects.count()) == (1, 1)


def test_who_looked_before_the_other_was_done_is_refused_by_the_database() -> None:
    """As when both saw an unused server: the row they fight over is the other's."""
    SetUp.objects.create(pk=SetUp.ONLY)
    assert connection.in_atomic_block
    with pytest.raises(Conflict):
        services.set_up("bob@example.org", PASSWORD)
    assert not User.objects.exists()
