"""Users and superadmins, and what the admin lets them do to each other."""

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts import selectors, services
from accounts.models import Role, User
from accounts.tests.conftest import PASSWORD
from accounts.tokens.services import issue_token
from botbalance.lib.errors import Conflict, NotFound

pytestmark = [pytest.mark.django_db, pytest.mark.urls("accounts.tests.urls")]

USERS = "/admin/accounts/user/"


def flags(user: User) -> tuple[str, bool, bool, bool]:
    user.refresh_from_db()
    return user.role, user.is_superuser, user.is_staff, user.is_superadmin


def test_the_role_decides_djangos_flags(alice: User, charlie: User) -> None:
    assert flags(alice) == ("user", False, False, False)
    assert flags(charlie) == ("superadmin", True, True, True)
    services.set_role(alice, Role.SUPERADMIN)
    assert flags(alice) == ("superadmin", True, True, True)
    services.set_role(alice, Role.USER)
    assert flags(alice) == ("user", False, False, False)


def test_the_database_refuses_a_superuser_who_is_no_superadmin(alice: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=alice.pk).update(is_superuser=True)


def test_a_user_needs_an_address() -> None:
    with pytest.raises(ValueError, match="e-mail"):
        User.objects.create_user("")


def test_there_is_always_a_superadmin(charlie: User) -> None:
    with pytest.raises(Conflict):
        services.set_role(charlie, Role.USER)
    assert flags(charlie)[0] == "superadmin"


def test_ensure_superadmin_creates_once_and_keeps_the_password(db: None) -> None:
    charlie, created = services.ensure_superadmin("charlie@example.org", PASSWORD)
    again, created_again = services.ensure_superadmin("CHARLIE@example.org", "quite-another-1")
    assert (created, created_again) == (True, False)
    assert charlie == again
    assert again.check_password(PASSWORD)


def test_ensure_superadmin_promotes_an_existing_user(alice: User) -> None:
    user, created = services.ensure_superadmin("alice@example.org", "quite-another-1")
    assert not created
    assert flags(user) == ("superadmin", True, True, True)


def test_suspending_twice_keeps_the_first_moment(alice: User) -> None:
    since = services.suspend(alice).suspended_at
    assert services.suspend(alice).suspended_at == since
    assert alice.is_suspended
    services.resume(alice)
    alice.refresh_from_db()
    assert not alice.is_suspended


def test_users_are_found_by_address_in_any_case(alice: User) -> None:
    assert selectors.user_by_email(" Alice@Example.ORG ") == alice
    assert User.objects.get_by_natural_key("ALICE@example.org") == alice
    with pytest.raises(NotFound):
        selectors.user_by_email("bob@example.org")


@pytest.mark.usefixtures("alice")
def test_the_admin_sends_a_stranger_to_the_sign_in_page(client: Client) -> None:
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/auth/sign-in/?next=")
    assert client.get("/admin/login/")["Location"].startswith("/auth/sign-in/")


def test_the_admin_is_closed_to_users(as_alice: Client) -> None:
    answer = as_alice.get("/admin/", follow=True)
    assert answer.status_code == 403
    assert "Not allowed" in answer.content.decode()


def test_the_admin_lists_and_finds_users(as_charlie: Client, alice: User, bob: User) -> None:
    services.suspend(bob)
    page = as_charlie.get(USERS, {"q": "alice"}).content.decode()
    assert "alice@example.org" in page
    assert "bob@example.org" not in page
    page = as_charlie.get(USERS, {"suspended": "yes"}).content.decode()
    assert "bob@example.org" in page
    assert "alice@example.org" not in page
    assert "alice@example.org" in as_charlie.get(USERS, {"suspended": "no"}).content.decode()


def test_the_admin_shows_no_password(as_charlie: Client, alice: User) -> None:
    page = as_charlie.get(f"{USERS}{alice.pk}/change/").content.decode()
    assert "alice@example.org" in page
    assert alice.password not in page
    assert "md5" not in page.lower()


def test_the_admin_suspends_and_resumes(as_charlie: Client, alice: User) -> None:
    form = {"action": "suspend", "_selected_action": [alice.pk]}
    assert "1 user is suspended." in as_charlie.post(USERS, form, follow=True).content.decode()
    alice.refresh_from_db()
    assert alice.is_suspended
    as_charlie.post(USERS, {**form, "action": "resume"})
    alice.refresh_from_db()
    assert not alice.is_suspended


def test_the_admin_creates_a_superadmin(as_charlie: Client) -> None:
    form = {
        "email": "Alice@example.org",
        "role": "superadmin",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    answer = as_charlie.post(f"{USERS}add/", form)
    assert answer.status_code == 302, answer.context["errors"]
    assert flags(User.objects.get(email="alice@example.org")) == ("superadmin", True, True, True)


def test_the_admin_refuses_a_taken_address(as_charlie: Client, alice: User) -> None:
    form = {"email": "ALICE@example.org", "role": "user", "usable_password": "true"}
    answer = as_charlie.post(f"{USERS}add/", {**form, "password1": PASSWORD, "password2": PASSWORD})
    assert answer.status_code == 200
    assert "already" in answer.content.decode()


@pytest.mark.parametrize("form", [{"role": "user", "is_active": "on"}, {"role": "superadmin"}])
def test_the_admin_keeps_the_last_superadmin(as_charlie: Client, charlie: User, form: dict[str, str]) -> None:
    answer = as_charlie.post(f"{USERS}{charlie.pk}/change/", form)
    assert answer.status_code == 200
    assert "This is the last superadmin" in answer.content.decode()
    charlie.refresh_from_db()
    assert charlie.is_superadmin
    assert charlie.is_active


def test_the_admin_changes_a_role(as_charlie: Client, alice: User) -> None:
    as_charlie.post(f"{USERS}{alice.pk}/change/", {"role": "superadmin", "is_active": "on"})
    assert flags(alice) == ("superadmin", True, True, True)


def test_a_password_set_in_the_admin_revokes_the_tokens(as_charlie: Client, alice: User) -> None:
    issue_token(alice)
    form = {"usable_password": "true", "password1": "another-battery-7", "password2": "another-battery-7"}
    as_charlie.post(reverse("admin:auth_user_password_change", args=[alice.pk]), form)
    alice.refresh_from_db()
    assert alice.check_password("another-battery-7")
    assert not alice.api_tokens.exists()


def test_the_admin_deletes_nobody(as_charlie: Client, alice: User) -> None:
    assert as_charlie.post(f"{USERS}{alice.pk}/delete/", {"post": "yes"}).status_code == 403


def test_tokens_and_loose_addresses_are_not_in_the_admin(as_charlie: Client) -> None:
    assert as_charlie.get("/admin/tokens/apitoken/").status_code == 404
    assert as_charlie.get("/admin/account/emailaddress/").status_code == 404
