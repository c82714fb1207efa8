"""An order that rests is cancelled by hand, and nothing of it was traded."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsing import Words, button, link
from tests.e2e.conftest import Person

pytestmark = pytest.mark.e2e


def test_an_order_is_cancelled_from_its_page(
    page: Page, words: Words, person: Person, sign_in: Callable[[Person], None]
) -> None:
    strategy = person.has_strategy({"BTC": "40"}, order_step_pct="4", order_lifetime_seconds=86_400)
    sign_in(person)
    page.goto(f"/orders/preview/{strategy}/")
    button(page, words("Rebalance now")).click()
    row = page.get_by_role("row").filter(has_text="BTCUSDT").first
    expect(row.get_by_text(words("open"), exact=True)).to_be_visible()
    link(row, f"{words('Buy')} BTCUSDT").click()

    button(page, words("Cancel this order")).click()
    expect(page.get_by_role("heading", level=1).get_by_text(words("cancelled"), exact=True)).to_be_visible()
    expect(page.get_by_text(words("Nothing has been filled."))).to_be_visible()
