"""Who has forgotten the password gets a link by mail, chooses another one, and signs in with it."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsing import Words, button
from tests.e2e.conftest import Person
from tests.server import Server

pytestmark = pytest.mark.e2e
NEW_PASSWORD = "a quiet afternoon by the lake"


def test_a_forgotten_password_is_replaced(page: Page, words: Words, person: Person, server: Server) -> None:
    page.goto("/")
    page.get_by_role("link", name=words("Forgot your password?")).click()
    page.get_by_label(words("E-mail"), exact=True).fill(person.email)
    button(page.locator("main"), words("Send the link")).click()
    expect(page.get_by_role("heading", name=words("Look into your mail"))).to_be_visible()

    page.goto(link_in(mail_to(person.email, server.folder / "mails")))
    page.get_by_label(words("New password"), exact=True).fill(NEW_PASSWORD)
    page.get_by_label(words("New password, again"), exact=True).fill(NEW_PASSWORD)
    button(page.locator("main"), words("Save the new password")).click()
    expect(page.get_by_role("heading", name=words("Your new password is set"))).to_be_visible()

    page.locator("main").get_by_role("link", name=words("Sign in")).click()
    page.get_by_label(words("E-mail"), exact=True).fill(person.email)
    page.get_by_label(words("Password"), exact=True).fill(NEW_PASSWORD)
    button(page.locator("main"), words("Sign in")).click()
    expect(page.get_by_role("button", name=words("Sign out"))).to_be_visible()


def mail_to(address: str, folder: Path) -> str:
    found = [text for path in folder.iterdir() if f"To: {address}" in (text := path.read_text())]
    assert len(found) == 1
    return found[0]


def link_in(mail: str) -> str:
    """Its path: where SITE_URL is not set, a mail names no host."""
    found = re.search(r"\S*/auth/password/reset/key/\S+", mail)
    assert found is not None, mail
    return urlsplit(found[0]).path
