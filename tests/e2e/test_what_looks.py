"""What looks at pages sees what is wrong: on a page with nothing else on it."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.browsing import Look, opened
from tests.e2e.test_every_page import violations
from tests.e2e.test_keyboard import walked
from tests.e2e.walking import unreadable

pytestmark = pytest.mark.e2e
ORIGIN = "http://127.0.0.1:9"  # nobody answers there
RING = "<style>:focus-visible { outline: 2px solid }</style>"
FINE = f"<!doctype html><html lang=en><title>Fine</title>{RING}<main><h1>Fine</h1>"
LONG = "Wohnungseigentumsgemeinschaftsversammlungsprotokoll" * 4


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with opened(browser, ORIGIN, Look("phone")) as (page, _watch):
        yield page


def test_a_page_without_fault_is_without_fault(page: Page) -> None:
    page.set_content(f"{FINE}<p>One</p><p>Two <a href='#'>three</a></p>")
    assert unreadable(page) == []
    assert violations(page) == []
    assert not any(walked(page).values())


@pytest.mark.parametrize(
    ("html", "kind"),
    [
        (f"<p style='overflow: hidden; width: 5rem; white-space: nowrap'>{LONG}</p>", "cut:"),
        ("<p style='overflow: hidden; height: 1rem; width: 5rem'>One two three four five six</p>", "cut below:"),
        (f"<p style='width: 5rem'>{LONG}</p>", "wider than its box:"),
        (f"<p style='width: 2.5rem; overflow-wrap: anywhere'>{LONG}</p>", "squeezed:"),
        ("<p style='margin-left: 350px; white-space: nowrap'>One two three four five</p>", "beyond the window:"),
        ("<p>One two</p><p style='margin-top: -2rem'>Three four</p>", "overlapping:"),
    ],
)
def test_text_that_cannot_be_read_is_found(page: Page, html: str, kind: str) -> None:
    page.set_content(FINE + html)
    assert any(problem.startswith(kind) for problem in unreadable(page)), unreadable(page)


@pytest.mark.parametrize(
    ("html", "kind"),
    [
        ("<span style='cursor: pointer'>Open</span>", "mouseOnly"),
        ("<button style='outline: none'>Open</button>", "ringless"),
        ("<button tabindex=2>Open</button>", "outOfOrder"),
        ("<button onkeydown='event.preventDefault()'>Trap</button><a href='#'>Behind</a>", "missed"),
    ],
)
def test_what_the_keyboard_cannot_do_is_found(page: Page, html: str, kind: str) -> None:
    page.set_content(FINE + html)
    assert walked(page)[kind] != []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_weak_contrast_is_found_in_either_theme(page: Page, theme: str) -> None:
    weak = f"@media (prefers-color-scheme: {theme}) {{ p {{ color: #777; background: #888; }} }}"
    page.set_content(f"{FINE}<style>{weak}</style><p>One</p>")
    assert [problem.split(" ")[:2] for problem in violations(page)] == [[f"{theme}:", "color-contrast"]]


def test_errors_and_requests_elsewhere_are_found(browser: Browser) -> None:
    with opened(browser, ORIGIN, Look("phone")) as (page, watch):
        page.set_content(
            f"{FINE}<img src='http://127.0.0.1:10/x.png' alt=''><script>console.error('oh'); nowhere()</script>"
        )
        page.wait_for_load_state()
        page.evaluate("1")
    said = " ".join(watch.problems)
    assert "a request to another origin: http://127.0.0.1:10/x.png" in said
    assert "oh" in said
    assert "nowhere is not defined" in said


def test_a_page_wider_than_its_window_is_found(browser: Browser) -> None:
    with opened(browser, ORIGIN, Look("phone")) as (page, watch):
        page.goto(f"data:text/html,{quote(FINE)}<div style='width: 900px'>wide</div>")
        page.evaluate("1")
    assert any("wider than its window" in problem for problem in watch.problems)
