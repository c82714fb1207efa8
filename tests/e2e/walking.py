"""Through every page of the scene in a browser: opened as whom it is for, and looked at."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.e2e.browsing import Look, Watch, opened
from tests.every_page import NOBODY, Entry
from tests.server import environment, install, showing
from tests.support import ROOT

LAYOUT = (Path(__file__).parent / "layout.js").read_text()


@dataclass(frozen=True)
class Shown:
    """A server that shows the scene, and who and what is in it."""

    url: str
    sessions: dict[str, str]
    ids: dict[str, Any]


@contextmanager
def shown_in(folder: Path) -> Iterator[Shown]:
    """Install into this folder, write the scene, and serve it until the block ends."""
    install(folder)
    command = [sys.executable, "-m", "tests.scene"]
    done = subprocess.run(command, cwd=ROOT, env=environment(folder), check=True, stdout=subprocess.PIPE, timeout=180)
    scene = json.loads(done.stdout)
    with showing(folder) as url:
        yield Shown(url, scene["sessions"], scene["ids"])


class Walk:
    """Windows of one look, one a reader, kept open from page to page."""

    def __init__(self, browser: Browser, shown: Shown, look: Look, **options: Any) -> None:
        self.shown, self.look = shown, look
        self._browser, self._options, self._stack = browser, options, ExitStack()
        self._windows: dict[str, tuple[Page, Watch]] = {}

    def close(self) -> None:
        self._stack.close()

    def _window(self, who: str) -> tuple[Page, Watch]:
        if who not in self._windows:
            window = self._stack.enter_context(opened(self._browser, self.shown.url, self.look, **self._options))
            if who != NOBODY:
                sign_in(window[0].context, self.shown, who)
            self._windows[who] = window
        return self._windows[who]

    def visit(self, entry: Entry) -> tuple[Page, list[str]]:
        """The page, at rest, and what went wrong on it so far."""
        page, watch = self._window(entry.who)
        watch.problems.clear()
        watch.refusals = {entry.status}
        answer = page.goto(entry.path(self.shown.ids))
        if entry.press:
            with page.expect_navigation() as navigation:
                page.locator(entry.press).first.click()
            answer = navigation.value
        if answer is None or answer.status != entry.status:
            watch.problems.append(f"{entry.status} was meant, {answer and answer.status} came")
        return page, watch.problems


def sign_in(context: BrowserContext, shown: Shown, who: str) -> None:
    context.add_cookies([{"name": "sessionid", "value": shown.sessions[who], "url": shown.url}])


@contextmanager
def walking(browser: Browser, shown: Shown, look: Look, **options: Any) -> Iterator[Walk]:
    walk = Walk(browser, shown, look, **options)
    try:
        yield walk
    finally:
        walk.close()


def unreadable(page: Page) -> list[str]:
    """What of the page's text is cut, overlapped, wider than its box or beyond the window."""
    found: list[str] = page.evaluate(LAYOUT)
    return found
