"""One browser and one server for all journeys; every journey has a person of its own, and a fresh browser."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.e2e.browsing import FLAGS, LANGUAGES, WIDTHS, Look, Watch, Words, button, opened
from tests.e2e.walking import Shown, shown_in
from tests.server import Server, install, rows, running
from tests.support import skip_or_fail

PASSWORD = "correct horse battery"
HURRY = {"PAPER_SEED": "7", "PAPER_SPEED": "20", "AUTOPILOT_PERIOD_SECONDS": "2", "AUTH_THROTTLE": "1000/min"}
LOOKS = [Look(width, language) for width in WIDTHS for language in LANGUAGES]


@pytest.fixture(scope="session")
def chromium() -> str:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        skip_or_fail("Chromium is not installed", "e2e")
    return path


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=20_000)
        yield playwright


@pytest.fixture(scope="session")
def browser(chromium: str, playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in a hurry: prices move, the autopilot looks every two seconds, mails are files."""
    folder = tmp_path_factory.mktemp("journeys")
    install(folder)
    # An order that the market leaves behind is priced anew after 10 s, not a minute.
    rows(folder, "UPDATE strategies_strategy SET order_lifetime_seconds = 10")
    with running(folder, **HURRY, EMAIL_URL=f"filemail:///{folder / 'mails'}") as server:
        yield server


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A server that shows the hardest portfolio there is (tests/scene.py), in which nothing changes by itself."""
    with shown_in(tmp_path_factory.mktemp("scene")) as shown:
        yield shown


@pytest.fixture(params=LOOKS, ids=str)
def look(request: pytest.FixtureRequest) -> Look:
    """Both widths in both languages."""
    given: Look = request.param
    return given


@pytest.fixture
def words(look: Look) -> Words:
    return Words(look.language)


@pytest.fixture
def window(browser: Browser, server: Server, look: Look) -> Iterator[tuple[Page, Watch]]:
    with opened(browser, server.url, look) as (page, watch):
        yield page, watch
    assert watch.problems == []


@pytest.fixture
def page(window: tuple[Page, Watch]) -> Page:
    """A window in which nothing may go wrong: see browsing.Watch."""
    return window[0]


@pytest.fixture
def watch(window: tuple[Page, Watch]) -> Watch:
    return window[1]


@dataclass
class Person:
    """Somebody who registered through the API, and what their programs may ask."""

    server: Server
    email: str
    password: str
    api: requests.Session

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.api.request(method, f"{self.server.url}/api{path}", json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def has_strategy(self, targets: dict[str, str], **limits: Any) -> int:
        """A paper account and a strategy it follows; the strategy's id."""
        account = self.ask("POST", "/me/accounts/", {"label": "Paper", "venue": "paper", "quote": "USDT"})
        rows = [{"asset": asset, "weight_pct": weight} for asset, weight in targets.items()]
        body = {"name": "Targets", "account": account["id"], "allocations": rows, **limits}
        return int(self.ask("POST", "/me/strategies/", body)["id"])


@pytest.fixture
def person(server: Server) -> Iterator[Person]:
    yield from registered(server)


def registered(server: Server) -> Iterator[Person]:
    email = f"{secrets.token_hex(6)}@example.org"
    with requests.Session() as api:
        api.trust_env = False
        person = Person(server, email, PASSWORD, api)
        sign_in = {"email": email, "password": PASSWORD}
        person.ask("POST", "/auth/register", sign_in)
        api.headers["Authorization"] = f"Token {person.ask('POST', '/auth/token', sign_in)['token']}"
        yield person


@pytest.fixture
def sign_in(page: Page, words: Words) -> Callable[[Person], None]:
    def by_form(person: Person) -> None:
        page.goto("/auth/sign-in/")
        page.get_by_label(words("E-mail"), exact=True).fill(person.email)
        page.get_by_label(words("Password"), exact=True).fill(person.password)
        button(page.locator("main"), words("Sign in")).click()
        expect(page).not_to_have_url("/auth/sign-in/")

    return by_form
