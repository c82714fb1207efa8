"""A token is made on the page, may do what was chosen for it, and is revoked."""

from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.e2e.browsing import Words, button, link, navigate
from tests.e2e.conftest import Person
from tests.server import Server

pytestmark = pytest.mark.e2e


def status_of(server: Server, token: str, method: str = "GET", path: str = "/api/auth/me") -> int:
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Token {token}"
        return session.request(method, server.url + path, timeout=30).status_code


def test_a_token_is_made_and_revoked(
    page: Page, words: Words, person: Person, server: Server, sign_in: Callable[[Person], None]
) -> None:
    sign_in(person)
    navigate(page, words, words("Account", context="user"))
    link(page.locator("main"), words("API tokens")).click()
    page.get_by_label(words("Name"), exact=True).fill("My program")
    page.get_by_label(words("It expires")).select_option("7")
    button(page, words("Create a token")).click()
    token = page.get_by_role("textbox", name=words("New token"), exact=True).input_value()
    assert status_of(server, token) == 200
    assert status_of(server, token, "POST", "/api/me/accounts/") == 403  # it may only read, unless that is chosen

    row = page.get_by_role("row").filter(has_text="My program")
    row.get_by_text(f"{words('Revoke')}…").click()
    button(row, words("Revoke this token")).click()
    expect(page.get_by_role("row").filter(has_text="My program")).to_have_count(0)
    assert status_of(server, token) == 401
