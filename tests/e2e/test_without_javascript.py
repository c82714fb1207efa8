"""The main job with JavaScript switched off: every step has a form or a link, and pages are reloaded by hand."""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.browsing import Look, Watch, Words, button, link, opened
from tests.e2e.conftest import Person
from tests.server import Server

pytestmark = pytest.mark.e2e


@pytest.fixture
def window(browser: Browser, server: Server, look: Look) -> Iterator[tuple[Page, Watch]]:
    with opened(browser, server.url, look, java_script_enabled=False) as (page, watch):
        yield page, watch
    assert watch.problems == []


def reloaded_until(page: Page, wanted: Locator, press: Locator, seconds: int = 60) -> None:
    """Press what asks again until this is there."""
    deadline = time.monotonic() + seconds
    while not wanted.count() and time.monotonic() < deadline:
        press.click()
    expect(wanted).to_be_visible()


@pytest.mark.parametrize("look", [Look("desktop", "en"), Look("phone", "ru")], ids=str)
def test_the_main_job_needs_no_script(page: Page, words: Words, person: Person) -> None:
    page.goto("/")
    page.get_by_label(words("E-mail"), exact=True).fill(person.email)
    page.get_by_label(words("Password"), exact=True).fill(person.password)
    button(page.locator("main"), words("Sign in")).click()
    page.goto("/exchange-accounts/")
    button(page, words("Start with a paper account")).click()

    page.goto("/strategies/new/")
    page.get_by_label(words("name").capitalize(), exact=True).fill("60 / 30")
    for position, (asset, weight) in enumerate([("BTC", "60"), ("ETH", "30")]):
        if position:
            button(page, words("Add a row")).click()
        page.get_by_role("combobox", name=words("Asset")).nth(position).fill(asset)
        page.get_by_label(words("Weight, %")).nth(position).fill(weight)
    page.get_by_text(words("How orders are placed")).click()
    page.get_by_label(words("price step, %").capitalize()).fill("-0.5")
    page.get_by_label(words("order size, % of portfolio").capitalize()).fill("100")
    button(page.locator("main"), words("Save and preview")).click()
    button(page, words("Rebalance now")).click()
    expect(page).to_have_url(re.compile(r"/runs/\d+/"))
    reloaded_until(page, page.get_by_text(words("Every target is within its band.")), button(page, words("Look now")))

    # An order that rests, cancelled behind a question.
    link(page.locator(".site-nav"), words("Strategies")).click()
    link(page.locator("main"), words("Edit")).click()
    page.get_by_text(words("How orders are placed")).click()
    page.get_by_label(words("price step, %").capitalize()).fill("4")
    page.get_by_label(words("Weight, %")).first.fill("20")
    button(page.locator("main"), words("Save and preview")).click()
    button(page, words("Rebalance now")).click()
    link(page.locator(".site-nav"), words("Orders")).click()
    page.get_by_text(f"{words('Cancel all')}…").click()
    page.get_by_role("button", name=words("Cancel all"), exact=True).click()
    expect(page.get_by_role("row").get_by_text(words("cancelled"), exact=True).first).to_be_visible()

    # The autopilot on and off, a token, the other language.
    page.goto("/")
    link(page.locator("main"), words("Autopilot")).click()
    button(page, words("Switch on")).click()
    button(page, words("Switch off")).click()
    expect(button(page, words("Switch on"))).to_be_enabled()
    page.get_by_role("button", name="RU" if words.language == "en" else "EN", exact=True).click()
    other = Words("ru" if words.language == "en" else "en")
    expect(link(page.locator(".site-nav"), other("Orders"))).to_be_visible()
