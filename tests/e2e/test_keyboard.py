"""Everything that can be operated is reached with the tab key, in the order of the page, with a ring around it."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.browsing import Look
from tests.e2e.test_every_page import violations
from tests.e2e.walking import Shown, walking
from tests.every_page import PAGES

pytestmark = pytest.mark.e2e
PREPARE = (Path(__file__).parent / "keyboard.js").read_text()


def walked(page: Page) -> dict[str, list[str]]:
    """What the tab key missed, what it reached without a ring, and what only a mouse can do."""
    for _stop in range(page.evaluate(PREPARE) + 2):
        page.keyboard.press("Tab")
    found: dict[str, list[str]] = page.evaluate("keyboardResult()")
    return found


@pytest.mark.parametrize("look", [Look("desktop", "en")], ids=str)
def test_the_tab_key_reaches_everything(browser: Browser, shown: Shown, look: Look, subtests: pytest.Subtests) -> None:
    with walking(browser, shown, look) as walk:
        for entry in PAGES:
            with subtests.test(entry.name):
                page, _problems = walk.visit(entry)
                assert walked(page) == {"missed": [], "ringless": [], "mouseOnly": [], "outOfOrder": []}


def test_the_first_tab_skips_to_the_content(browser: Browser, shown: Shown) -> None:
    with walking(browser, shown, Look()) as walk:
        page, _problems = walk.visit(next(entry for entry in PAGES if entry.name == "orders"))
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize("language", ["en", "ru"])
def test_on_a_phone_the_rest_of_the_navigation_opens_by_key_and_closes_by_escape(
    browser: Browser, shown: Shown, language: str
) -> None:
    with walking(browser, shown, Look("phone", language)) as walk:
        page, problems = walk.visit(next(entry for entry in PAGES if entry.name == "tokens"))
        menu = page.locator(".site-nav details")
        entries = menu.get_by_role("link")
        assert entries.count() == 0
        menu.locator("summary").focus()
        page.keyboard.press("Enter")
        assert entries.count() == 4
        assert violations(page) == []
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('.site-nav details ul') !== null")
        page.keyboard.press("Escape")
        assert entries.count() == 0
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
        menu.locator("summary").click()
        page.get_by_role("heading", level=1).click()
        assert entries.count() == 0
        assert problems == []
