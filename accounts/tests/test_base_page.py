"""What every page has in common: navigation, the venue, the alarm, and nothing the browser's policy would block."""

import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.template.loader import get_template, render_to_string
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from botbalance.lib import system_settings
from botbalance.lib.errors import Conflict
from botbalance.lib.models import SystemSettings

pytestmark = [pytest.mark.django_db, pytest.mark.urls("accounts.tests.urls")]

TEMPLATES = django_settings.BASE_DIR / "templates"
PAGES = ["account_login", "account_signup", "account_reset_password", "account_reset_password_done", "account_inactive"]


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("name", PAGES)
def test_the_pages_of_strangers_answer(client: Client, name: str) -> None:
    answer = client.get(reverse(name))
    assert answer.status_code == 200
    page = answer.content.decode()
    assert len(re.findall("<h1", page)) == 1
    assert "<title>" in page


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(("venue", "badge"), [("mock", "PAPER"), ("testnet", "TESTNET"), ("mainnet", "LIVE")])
def test_the_header_names_the_venue(client: Client, settings: Settings, venue: str, badge: str) -> None:
    settings.EXCHANGE_ENV = venue
    page = client.get(reverse("account_login")).content.decode()
    assert re.search(rf'<span class="venue {badge.lower()}" title="[^"]+">{badge}</span>', page)


def test_every_page_says_that_trading_is_off(as_alice: Client) -> None:
    address = reverse("accounts:settings")
    assert "Trading is switched off" not in as_alice.get(address).content.decode()
    SystemSettings.objects.create(trading_enabled=False)
    system_settings.forget()
    assert "Trading is switched off" in as_alice.get(address).content.decode()
    system_settings.forget()


def test_the_admin_link_is_for_superadmins(client: Client, alice: User, charlie: User) -> None:
    for user, shown in ((alice, False), (charlie, True)):
        client.force_login(user)
        assert ('href="/admin/"' in client.get("/").content.decode()) is shown


def test_the_present_page_is_marked(as_alice: Client) -> None:
    page = as_alice.get(reverse("accounts:settings")).content.decode()
    # Twice: a narrow screen has it behind "More", and says there that one is in it.
    assert set(re.findall(r'<a href="([^"]+)" aria-current="page">', page)) == {reverse("accounts:settings")}
    assert '<summary class="is-here">More</summary>' in page


@pytest.mark.usefixtures("in_use")
def test_every_field_has_a_label_and_points_at_its_error(client: Client) -> None:
    page = client.post(reverse("account_signup"), {"email": "alice", "password1": ""}).content.decode()
    for field in ("id_email", "id_password1"):
        assert f'<label for="{field}">' in page
        assert f'id="{field}_error"' in page
    assert 'aria-describedby="id_password1_helptext id_password1_error"' in page


def test_the_language_switch_works_for_strangers(client: Client) -> None:
    answer = client.post(reverse("set_language"), {"language": "ru", "next": "/auth/sign-in/"}, follow=True)
    assert '<html lang="ru">' in answer.content.decode()


def test_our_errors_have_a_page(client: Client) -> None:
    error = Conflict("The plan has moved.", fields={"plan_digest": ["Preview again."]})
    page = render_to_string("error.html", {"error": error, "status": 409})
    for text in ("Error 409", "The plan has moved.", "plan_digest", "Preview again."):
        assert text in page


@pytest.mark.parametrize("name", ["400.html", "500.html"])
def test_the_last_resort_pages_need_no_context(name: str) -> None:
    page = get_template(name).render()
    assert "botbalance.css" in page
    assert "<h1>" in page


def test_an_unknown_address_has_a_page(client: Client) -> None:
    answer = client.get("/nowhere/")
    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.content.decode()


# A report is a file of its own, for a disk: it brings its style along.
PAGES = [path for path in sorted(TEMPLATES.rglob("*.html")) if "backtest_report" not in path.parts]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_templates_keep_to_the_content_security_policy(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle=", text), "style attributes are blocked: use a class of botbalance.css"
    assert not re.search(r"\son[a-z]+=", text), "inline handlers are blocked: use botbalance.js or htmx"
    assert not re.search(r"<style\b|<script(?![^>]*\bsrc=)", text), "inline styles and scripts are blocked"
    assert not re.search(r'(src|href)="(https?:)?//', text), "nothing is loaded from elsewhere"


def test_the_style_sheet_stays_small() -> None:
    assert (django_settings.BASE_DIR / "static" / "botbalance.css").stat().st_size < 40_000
