"""The first visitor of a server that nobody has used makes the superadmin's account; the second one finds it made."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsing import Words, button
from tests.e2e.conftest import PASSWORD
from tests.e2e.test_every_page import violations
from tests.e2e.walking import unreadable
from tests.server import Server, install, running

pytestmark = pytest.mark.e2e


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("unused")
    install(folder, seeded=False)
    with running(folder) as server:
        yield server


def test_the_first_visitor_becomes_superadmin(page: Page, words: Words) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name=words("Set up this server"))).to_be_visible()
    assert violations(page) == []
    assert unreadable(page) == []
    page.get_by_label(words("E-mail"), exact=True).fill("me@example.org")
    page.get_by_label(words("Password"), exact=True).fill(PASSWORD)
    button(page.locator("main"), words("Create the superadmin")).click()

    expect(page.get_by_text(words("This server is yours: you are its superadmin."))).to_be_visible()
    page.goto("/admin/")
    expect(page.get_by_text("me@example.org").first).to_be_visible()

    page.context.clear_cookies()
    page.goto("/auth/set-up/")
    expect(button(page.locator("main"), words("Sign in"))).to_be_visible()
