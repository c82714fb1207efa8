"""No page keeps anybody out (axe), hides or crowds its text, or goes wrong, with whatever is on it."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.e2e.browsing import THEMES, Look
from tests.e2e.walking import Shown, Walk, unreadable, walking
from tests.every_page import PAGES

pytestmark = pytest.mark.e2e
AXE = Axe()
# Themes differ in their colours only, so the second one is asked about those.
RULES = {
    "light": {"resultTypes": ["violations"]},
    "dark": {"resultTypes": ["violations"], "runOnly": ["color-contrast"]},
}


def violations(page: Page) -> list[str]:
    """What axe finds, of any severity, in light and in dark."""
    found = []
    for theme in THEMES:
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
        for one in AXE.run(page, options=RULES[theme]).response["violations"]:
            nodes = one["nodes"]
            where = "; ".join(f"{' '.join(map(str, node['target']))}: {node['failureSummary']}" for node in nodes[:3])
            found.append(f"{theme}: {one['id']} ({one['impact']}, {len(nodes)} times): {where}")
    return found


@pytest.fixture
def walk(browser: Browser, shown: Shown, look: Look) -> Iterator[Walk]:
    with walking(browser, shown, look) as walk:
        yield walk


@pytest.mark.parametrize("look", [Look("desktop", "en"), Look("phone", "ru")], ids=str)
def test_axe_finds_nothing(walk: Walk, subtests: pytest.Subtests) -> None:
    for entry in PAGES:
        with subtests.test(entry.name):
            page, _problems = walk.visit(entry)
            assert violations(page) == []


def test_all_text_can_be_read_and_nothing_goes_wrong(walk: Walk, subtests: pytest.Subtests) -> None:
    for entry in PAGES:
        with subtests.test(entry.name):
            page, problems = walk.visit(entry)
            assert unreadable(page) == []
            assert problems == []
