"""The main job as a person does it the first time: sign up, a paper account, targets, the exact orders, filled."""

import re
import secrets

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsing import Words, button, link
from tests.e2e.conftest import PASSWORD

pytestmark = pytest.mark.e2e


def test_from_sign_up_to_filled_orders(page: Page, words: Words) -> None:
    page.goto("/auth/sign-up/")
    page.get_by_label(words("E-mail"), exact=True).fill(f"{secrets.token_hex(6)}@example.org")
    page.get_by_label(words("Password"), exact=True).fill(PASSWORD)
    button(page.locator("main"), words("Create account")).click()

    button(page, words("Start with a paper account")).click()
    # The first steps lead on by themselves.
    expect(page).to_have_url(re.compile(r"/strategies/new/"))

    page.get_by_label(words("name").capitalize(), exact=True).fill("60 / 30")
    assets = page.get_by_role("combobox", name=words("Asset"))
    weights = page.get_by_label(words("Weight, %"))
    for position, (asset, weight) in enumerate([("BTC", "60"), ("ETH", "30")]):
        if position == assets.count():
            button(page, words("Add a row")).click()
        assets.nth(position).fill(asset)
        weights.nth(position).fill(weight)
    page.get_by_text(words("How orders are placed")).click()
    # Offered a little beyond the market, an order fills at once; and there is only one round.
    page.get_by_label(words("price step, %").capitalize()).fill("-0.5")
    page.get_by_label(words("order size, % of portfolio").capitalize()).fill("100")
    button(page.locator("main"), words("Save and preview")).click()

    expect(page.get_by_role("heading", name=words("Orders"), exact=True)).to_be_visible()
    expect(page.get_by_text("BTCUSDT").first).to_be_visible()
    button(page, words("Rebalance now")).click()
    expect(page).to_have_url(re.compile(r"/runs/\d+/"))
    # The page updates itself; nobody reloads it.
    expect(page.get_by_text(words("Every target is within its band."))).to_be_visible(timeout=60_000)

    link(page.locator(".site-nav"), words("Orders")).click()
    filled = page.get_by_role("row").filter(has_text="BTCUSDT")
    expect(filled.get_by_text(words("filled"), exact=True).first).to_be_visible()
