"""A page with all it loads weighs less than 150 kB gzipped, and everything comes from the server's own origin."""

import gzip
import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
import requests

from tests.e2e.walking import Shown
from tests.every_page import NOBODY, PAGES, Entry

pytestmark = pytest.mark.e2e
MOST_BYTES = 150_000
# Attributes whose address a browser asks by itself, or sends a form to.
LOADED = {"src", "srcset", "poster", "data", "action", "formaction", "background", "hx-get", "hx-post"}

ELSEWHERE = re.compile(r"url\(\s*['\"]?(https?:)?//|@import|https?://(?!www\.w3\.org/)")


class Addresses(HTMLParser):
    """Of what a page loads, and of what it only leads to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "style" or "style" in given or (tag == "script" and "src" not in given):
            self.inline.append(self.get_starttag_text() or tag)
        self.inline += [f"{tag} {name}" for name in given if name.startswith("on")]
        for name, value in given.items():
            if name in LOADED or (name == "href" and tag in ("link", "use", "image")):
                self.loaded.append(value)
            elif name == "href":
                self.linked.append(value)


def is_own(address: str, origin: str) -> bool:
    return address.startswith("data:") or urljoin(origin, address).startswith(f"{origin}/")


def assets_of(found: Addresses, page_url: str) -> set[str]:
    return {urljoin(page_url, address) for address in found.loaded if "/static/" in address}


@pytest.fixture(scope="module")
def ask(shown: Shown) -> dict[str, requests.Session]:
    sessions = {}
    for who in ("", *shown.sessions):
        sessions[who] = requests.Session()
        sessions[who].trust_env = False
        if who != NOBODY:
            sessions[who].cookies.set("sessionid", shown.sessions[who])
    return sessions


def text_of(ask: dict[str, requests.Session], shown: Shown, entry: Entry) -> str:
    answer = ask[entry.who].get(shown.url + entry.path(shown.ids), timeout=30)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert "unsafe" not in policy
    return answer.text


def test_every_page_is_light_and_asks_only_its_own_server(
    shown: Shown, ask: dict[str, requests.Session], subtests: pytest.Subtests
) -> None:
    weights: dict[str, int] = {}
    for entry in (entry for entry in PAGES if not entry.press):
        with subtests.test(entry.name):
            text = text_of(ask, shown, entry)
            found = Addresses(text)
            assert found.inline == []
            assert [one for one in found.loaded if not is_own(one, shown.url)] == []
            assets = assets_of(found, shown.url)
            assert any(address.endswith(".css") for address in assets)
            for address in assets - weights.keys():
                answer = ask[NOBODY].get(address, timeout=30)
                assert answer.status_code == 200
                assert ELSEWHERE.search(answer.text) is None or "/htmx" in address  # whose comments name its site
                weights[address] = len(gzip.compress(answer.content, 6))
            weight = len(gzip.compress(text.encode(), 6)) + sum(weights[address] for address in assets)
            assert weight < MOST_BYTES
