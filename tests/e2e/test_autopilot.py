"""The autopilot is switched on and off, and after a pause its owner lets it go on."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsing import Words, button
from tests.e2e.conftest import Person

pytestmark = pytest.mark.e2e


def test_it_is_switched_on_trades_and_is_switched_off(
    page: Page, words: Words, person: Person, sign_in: Callable[[Person], None]
) -> None:
    strategy = person.has_strategy({"BTC": "60", "ETH": "30"}, order_step_pct="-0.5", order_size_pct="100")
    sign_in(person)
    page.goto(f"/orders/autopilot/{strategy}/")
    button(page, words("Switch on")).click()
    # Nobody reloads the page from here on: it trades by itself, and says so by itself.
    why = page.get_by_text(words.pattern("Outside the band: {asset} is {drift} points from its target."))
    expect(why.first).to_be_visible(timeout=60_000)
    expect(page.get_by_role("link", name=words.pattern("Rebalance %(id)s")).first).to_be_visible()
    button(page, words("Switch off")).click()
    expect(page.get_by_text(words.pattern("The autopilot of %(name)s is off.")).first).to_be_visible()
    expect(button(page, words("Switch on"))).to_be_enabled()


def test_paused_by_hand_it_waits_until_it_may_go_on(
    page: Page, words: Words, person: Person, sign_in: Callable[[Person], None]
) -> None:
    # Orders far from the market: they rest until somebody cancels them.
    strategy = person.has_strategy({"BTC": "60", "ETH": "30"}, order_step_pct="4", order_lifetime_seconds=86_400)
    sign_in(person)
    page.goto(f"/orders/autopilot/{strategy}/")
    button(page, words("Switch on")).click()
    expect(page.get_by_role("link", name=words.pattern("Watch rebalance %(id)s"))).to_be_visible(timeout=60_000)

    page.goto("/orders/")
    page.get_by_text(f"{words('Cancel all')}…").click()
    page.get_by_role("button", name=words("Cancel all"), exact=True).click()
    expect(page.get_by_role("row").get_by_text(words("cancelled"), exact=True).first).to_be_visible()

    page.goto(f"/orders/autopilot/{strategy}/")
    expect(page.locator("main").get_by_text(words("It is paused.")).first).to_be_visible()
    button(page, words("Let it go on")).click()
    expect(page.locator("main").get_by_text(words("It is paused."))).to_have_count(0)
    expect(page.get_by_role("link", name=words.pattern("Watch rebalance %(id)s"))).to_be_visible(timeout=60_000)
    expect(page).to_have_url(re.compile(rf"/orders/autopilot/{strategy}/"))
