"""A page in Russian has no number written in the English manner, in what is read and in what is shown on pointing."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from tests import scene
from tests.every_page import PAGES, Entry

# A decimal point between digits. Dates, times, versions and addresses of machines have none, or more than one.
ENGLISH = re.compile(r"(?<![\w.])\d[\d,]*\.\d+(?![\w.]*\d)")
# Five digits or more in one piece.
UNGROUPED = re.compile(r"(?<![\w.,/:\u00a0…-])\d{5,}(?![\w/:-])")
RUSSIAN = re.compile(r"\d,\d")
# The document of the API speaks English, and of what programs send.
OF_ENGLISH = {"api-docs"}


class _Read(HTMLParser):
    """What a page says: its text, titles and labels, and what its charts tell where one points."""

    SAID = ("title", "aria-label", "alt", "label")
    NOT_READ = ("script", "style", "template", "code", "pre")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.NOT_READ:
            self._inside.append(tag)
        for name, value in attrs:
            if name in self.SAID:
                self.found.append(value or "")
            if name == "data-points":
                self.found += [text for line in json.loads(value or "")["lines"] for text in line["text"]]

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            self._inside.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.found.append(data)


def read(page: str) -> list[str]:
    parser = _Read()
    parser.feed(page)
    parser.close()
    return parser.found


def test_the_search_finds_what_it_is_to_find() -> None:
    page = """<p title="of 2.5">1,234.56 %, 2026-03-02, 127.0.0.1, v1.2.3</p><code>0.1</code><i>1 234,56</i>
    <figure data-points='{"lines": [{"text": ["3.5"]}]}'></figure><b>123456 looks</b>"""
    assert [found for text in read(page) for found in ENGLISH.findall(text)] == ["2.5", "1,234.56", "3.5"]
    assert [found for text in read(page) for found in UNGROUPED.findall(text)] == ["123456"]


@pytest.mark.django_db(databases=["default", "paper"])
@pytest.mark.urls("tests.scene_urls")
def test_no_page_writes_a_number_as_english_does(tmp_path: Path, subtests: pytest.Subtests) -> None:
    shown = scene.build(tmp_path)
    written = 0
    for entry in PAGES:
        if entry.name in OF_ENGLISH:
            continue
        with subtests.test(entry.name):
            texts = read(_page(entry, shown))
            assert [text for text in texts if ENGLISH.search(text) or UNGROUPED.search(text)] == []
            written += sum(len(RUSSIAN.findall(text)) for text in texts)
    assert written > 1000


def _page(entry: Entry, shown: scene.Scene) -> str:
    browser = Client(raise_request_exception=False)
    browser.cookies[settings.LANGUAGE_COOKIE_NAME] = "ru"
    if entry.who:
        browser.cookies[settings.SESSION_COOKIE_NAME] = shown.sessions[entry.who]
    path = entry.path(shown.ids)
    answer = browser.post(path) if entry.press else browser.get(path, follow=True)
    page = str(answer.content.decode())
    assert '<html lang="ru">' in page
    return page
