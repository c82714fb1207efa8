"""Changing a password, and getting back in without one."""

import re
from smtplib import SMTPException
from unittest.mock import patch

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.conftest import PASSWORD
from accounts.tokens.services import issue_token

pytestmark = [pytest.mark.django_db, pytest.mark.urls("accounts.tests.urls")]

NEW = "another-battery-7"
RESET = "/auth/password/reset/"


def reset_link(client: Client, email: str) -> str:
    client.post(RESET, {"email": email})
    (message,) = mail.outbox
    assert message.to == [email]
    (path,) = re.findall(r"http://testserver(/auth/password/reset/key/\S+)", message.body)
    return path


def test_changing_it_keeps_this_browser_and_ends_the_others(as_alice: Client, alice: User) -> None:
    other = Client()
    other.force_login(alice)
    token = issue_token(alice)
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    answer = as_alice.post(reverse("account_change_password"), form, follow=True)
    assert answer.redirect_chain == [(reverse("accounts:settings"), 302)]
    assert "Your password is changed." in answer.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert other.get(reverse("accounts:settings")).status_code == 302
    assert as_alice.get("/api/auth/me", headers={"Authorization": f"Token {token}"}).status_code == 401


@pytest.mark.parametrize(
    ("old", "new", "again", "text"),
    [
        ("wrong", NEW, NEW, "Please type your current password."),
        (PASSWORD, "12345", "12345", "This password is too short."),
        (PASSWORD, NEW, "something-else-3", "You must type the same password each time."),
        (PASSWORD, "alice@example.org", "alice@example.org", "too similar"),
    ],
)
def test_changing_it_says_what_is_wrong(
    as_alice: Client, alice: User, old: str, new: str, again: str, text: str
) -> None:
    form = {"oldpassword": old, "password1": new, "password2": again}
    answer = as_alice.post(reverse("account_change_password"), form)
    assert answer.status_code == 200
    assert text in answer.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_a_refused_change_revokes_nothing(as_alice: Client, alice: User) -> None:
    issue_token(alice)
    as_alice.post(reverse("account_change_password"), {"oldpassword": "wrong", "password1": NEW, "password2": NEW})
    assert alice.api_tokens.count() == 1


def test_a_user_without_a_password_sets_one(client: Client) -> None:
    alice = User.objects.create_user("alice@example.org")
    client.force_login(alice)
    page = client.get(reverse("account_change_password"), follow=True)
    assert page.redirect_chain[-1][0] == reverse("account_set_password")
    client.post(reverse("account_set_password"), {"password1": NEW, "password2": NEW})
    alice.refresh_from_db()
    assert alice.check_password(NEW)


def test_a_mailed_link_resets_it_once(client: Client, alice: User) -> None:
    issue_token(alice)
    link = reset_link(client, alice.email)
    form_page = client.get(link)
    assert "set-password" in form_page["Location"]  # the secret does not stay in the address bar
    answer = client.post(form_page["Location"], {"password1": NEW, "password2": NEW}, follow=True)
    assert "Your new password is set" in answer.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert not alice.api_tokens.exists()
    assert "This link no longer works" in client.get(link).content.decode()


def test_the_mail_speaks_in_our_words(client: Client, alice: User) -> None:
    reset_link(client, alice.email)
    (message,) = mail.outbox
    assert message.subject == "BotBalance: choose a new password"
    assert "it works once" in message.body
    assert "example.com" not in message.body


@pytest.mark.parametrize("link", ["1-abc-0123456789abcdef", "zzzzzzzzzzzzzz-1", "0-set-password", "1-%00"])
def test_a_made_up_link_is_refused(client: Client, alice: User, link: str) -> None:
    answer = client.get(f"{RESET}key/{link}/")
    assert answer.status_code == 200
    assert "This link no longer works" in answer.content.decode()


def test_a_reset_checks_the_new_password(client: Client, alice: User) -> None:
    form_page = client.get(reset_link(client, alice.email))["Location"]
    answer = client.post(form_page, {"password1": "123", "password2": "123"})
    assert "This password is too short." in answer.content.decode()


def test_nobody_learns_from_a_reset_who_has_an_account(client: Client, alice: User) -> None:
    known = client.post(RESET, {"email": alice.email})
    unknown = client.post(RESET, {"email": "bob@example.org"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert "there is no account" in mail.outbox[1].subject
    assert "/auth/sign-up/" in mail.outbox[1].body


@pytest.mark.parametrize("failure", [ConnectionRefusedError("no server"), TimeoutError(), SMTPException("refused")])
def test_a_mail_server_that_is_down_is_said_on_the_page(client: Client, alice: User, failure: Exception) -> None:
    with patch("django.core.mail.EmailMessage.send", side_effect=failure):
        answer = client.post(RESET, {"email": alice.email})
    assert answer.status_code == 503
    assert "The mail could not be sent." in answer.content.decode()


def test_a_wrong_address_is_said_on_the_page(client: Client) -> None:
    answer = client.post(RESET, {"email": "alice"})
    assert "Enter a valid email address." in answer.content.decode()
    assert not mail.outbox
