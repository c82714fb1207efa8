"""A chart is read with a mouse, a finger or the keyboard: what it was worth at a moment, and what was traded then."""

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.browsing import Look
from tests.e2e.walking import Shown, Walk, walking
from tests.every_page import PAGES

pytestmark = pytest.mark.e2e
BOTH = pytest.mark.parametrize("look", [Look("desktop", "en"), Look("phone", "ru")], ids=str)


def chart_on(walk: Walk, name: str) -> tuple[Page, Locator]:
    page, problems = walk.visit(next(entry for entry in PAGES if entry.name == name))
    assert problems == []
    slider = page.get_by_role("slider").first
    slider.scroll_into_view_if_needed()
    return page, slider


def said(slider: Locator) -> str:
    return slider.locator(".plot-tip").inner_text()


def point(page: Page, slider: Locator, share: float) -> None:
    box = slider.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)


def beyond(page: Page, slider: Locator) -> list[str]:
    """Whether the tip stands beyond its chart, or makes the page wider than its window."""
    tip, chart = slider.locator(".plot-tip").bounding_box(), slider.bounding_box()
    assert tip is not None
    assert chart is not None
    found = []
    if tip["x"] < chart["x"] - 1 or tip["x"] + tip["width"] > chart["x"] + chart["width"] + 1:
        found.append(f"the tip at {tip} of the chart at {chart}")
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("the page is wider than its window")
    return found


@BOTH
@pytest.mark.parametrize("name", ["performance", "asset"])
def test_a_pointer_is_followed_and_left(browser: Browser, shown: Shown, look: Look, name: str) -> None:
    with walking(browser, shown, look) as walk:
        page, slider = chart_on(walk, name)
        texts = set()
        for share in (0.01, 0.3, 0.49, 0.51, 0.7, 0.99):
            point(page, slider, share)
            expect(slider.locator(".plot-tip")).to_be_visible()
            texts.add(said(slider))
            assert beyond(page, slider) == []
        assert len(texts) == 6  # another moment at every place
        page.mouse.move(1, 1)
        expect(slider.locator(".plot-tip")).to_be_hidden()

        point(page, slider, 0.5)
        page.mouse.down()
        page.mouse.up()
        page.mouse.move(1, 1)  # a click leaves nothing standing
        expect(slider.locator(".plot-tip")).to_be_hidden()


def test_a_finger_taps_and_taps_elsewhere(browser: Browser, shown: Shown) -> None:
    with walking(browser, shown, Look("phone", "ru"), has_touch=True, is_mobile=True) as walk:
        page, slider = chart_on(walk, "performance")
        box = slider.bounding_box()
        assert box is not None
        page.touchscreen.tap(box["x"] + box["width"] * 0.9, box["y"] + 20)
        expect(slider.locator(".plot-tip")).to_be_visible()
        later = said(slider)
        page.touchscreen.tap(box["x"] + box["width"] * 0.1, box["y"] + 20)
        assert said(slider) != later
        assert beyond(page, slider) == []
        page.touchscreen.tap(box["x"] + 5, box["y"] - 30)
        expect(slider.locator(".plot-tip")).to_be_hidden()


@BOTH
def test_keys_move_through_time_and_a_screen_reader_is_told(browser: Browser, shown: Shown, look: Look) -> None:
    with walking(browser, shown, look) as walk:
        page, slider = chart_on(walk, "performance")
        last = int(slider.get_attribute("aria-valuemax") or 0)
        assert last > 10
        assert slider.get_attribute("aria-valuenow") == str(last)  # before anything is pressed, the newest
        assert slider.get_attribute("aria-valuetext")
        page.evaluate("document.querySelector('.plot-slider').closest('section').querySelector('h2').tabIndex = -1")
        page.evaluate("document.querySelector('.plot-slider').closest('section').querySelector('h2').focus()")
        page.keyboard.press("Tab")
        expect(slider).to_be_focused()
        for key, stop in (
            ("ArrowLeft", last - 1), ("ArrowDown", last - 2), ("ArrowUp", last - 1), ("PageDown", last - 11),
            ("PageUp", last - 1), ("ArrowRight", last), ("ArrowRight", last), ("Home", 0), ("End", last),
        ):  # fmt: skip
            page.keyboard.press(key)
            assert slider.get_attribute("aria-valuenow") == str(stop), key
            assert (slider.get_attribute("aria-valuetext") or "").split(", ") == said(slider).split("\n")
            assert beyond(page, slider) == []
        page.keyboard.press("Escape")
        expect(slider.locator(".plot-tip")).to_be_hidden()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Tab")
        expect(slider.locator(".plot-tip")).to_be_hidden()


@BOTH
def test_where_something_was_traded_the_tip_says_what(browser: Browser, shown: Shown, look: Look) -> None:
    with walking(browser, shown, look) as walk:
        page, slider = chart_on(walk, "asset")
        title = page.locator(".plot-body > svg[x] title").first
        expected = (title.text_content() or "").split("\n")[0]
        assert expected
        place = page.locator(".plot-body > svg[x]").first.get_attribute("x") or ""
        point(page, slider, float(place.removesuffix("%")) / 100)
        assert expected in said(slider)
        assert beyond(page, slider) == []
