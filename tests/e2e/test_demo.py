"""The demo that `make run` starts with: sign in, see the drift, preview, rebalance, watch it end."""

import re
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsing import Look, Words, button, link
from tests.server import Server

pytestmark = pytest.mark.e2e
BAND = Decimal(1)


@pytest.mark.parametrize("look", [Look()], ids=str)
def test_the_demo_portfolio_comes_back_to_its_targets(page: Page, words: Words, server: Server) -> None:
    page.goto("/")
    page.get_by_label(words("E-mail")).fill("demo@example.com")
    page.get_by_label(words("Password"), exact=True).fill(server.passwords["demo@example.com"])
    button(page.locator("main"), words("Sign in")).click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Paper")
    expect(page.get_by_text("PAPER", exact=True).first).to_be_visible()
    before = drift(page)
    assert before["BTC"] > BAND
    assert before["ETH"] < -BAND
    expect(page.get_by_text(re.compile("above its target|below its target")).first).to_be_visible()

    link(page, words("Preview")).click()
    expect(page.get_by_role("heading", name=words("Orders"), exact=True)).to_be_visible()
    expect(page.get_by_text("BTCUSDT").first).to_be_visible()

    button(page, words("Rebalance now")).click()
    expect(page).to_have_url(re.compile(r"/runs/\d+/"))
    # The page updates itself; nobody reloads it.
    expect(page.get_by_text(words("Every target is within its band."))).to_be_visible(timeout=120_000)
    after = drift(page)
    assert set(after) == {"BTC", "ETH", "SOL", "USDT"}
    assert all(abs(points) <= BAND for asset, points in after.items() if asset != "USDT"), after


def drift(page: Page) -> dict[str, Decimal]:
    """Points above the target, as the summary gives them to the signed-in browser."""
    answer = page.request.get("/api/me/portfolio/summary")
    assert answer.ok
    return {row["asset"]: Decimal(row["drift_pct"]) for row in answer.json()["assets"] if row["drift_pct"] is not None}
