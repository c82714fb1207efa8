"""No page keeps anybody out (axe), hides or crowds its text, or goes wrong, with whatever is on it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.e2e.browsing import THEMES, Look
from tests.e2e.walking import Shown, Walk, unreadable, walking
from tests.every_page import PAGES

pytestmark = pytest.mark.e2e
AXE = Axe()
# Colours on their way from one theme to the other are nobody's.
AT_REST = "Promise.all(document.getAnimations().map((one) => one.finished))"
# Both widths and both languages, though not every pair: axe sees the same in the others, and the longer language
# is the one that needs the room of a phone. Every pair has its pictures (`make screenshots`).
WALKED = (Look("desktop", "en"), Look("phone", "ru"))
# Themes differ in their colours only, so the second one is asked about those.
RULES: dict[str, dict[str, Any]] = {
    "light": {"resultTypes": ["violations"]},
    "dark": {"resultTypes": ["violations"], "runOnly": ["color-contrast"]},
}


def violations(page: Page) -> list[str]:
    """What axe finds, of any severity, in light and in dark."""
    found = []
    page.evaluate(AXE.axe_script)
    for theme in reversed(THEMES):
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
        asked = f"{AT_REST}.then(() => axe.run({json.dumps(RULES[theme])})).then((found) => found.violations)"
        for one in page.evaluate(asked):
            nodes = one["nodes"]
            where = "; ".join(f"{' '.join(map(str, node['target']))}: {node['failureSummary']}" for node in nodes[:3])
            found.append(f"{theme}: {one['id']} ({one['impact']}, {len(nodes)} times): {where}")
    return found


@pytest.fixture(params=WALKED, ids=str)
def walk(browser: Browser, shown: Shown, request: pytest.FixtureRequest) -> Iterator[Walk]:
    with walking(browser, shown, request.param) as walk:
        yield walk


def test_no_page_keeps_anybody_out_hides_its_text_or_goes_wrong(walk: Walk, subtests: pytest.Subtests) -> None:
    for entry in PAGES:
        with subtests.test(entry.name):
            page, problems = walk.visit(entry)
            assert unreadable(page) == []
            assert problems == []
            assert violations(page) == []
