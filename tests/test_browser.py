"""The main job as a person does it, in a real browser: sign in, see the drift, preview, rebalance, watch it end."""

import os
import re
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.server import Server, install, rows, running
from tests.support import skip_or_fail

pytestmark = pytest.mark.e2e

WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
BAND = Decimal(1)


@pytest.fixture(scope="module")
def chromium() -> str:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        skip_or_fail("Chromium is not installed", "e2e")
    return path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    install(tmp_path)
    # An order that the market leaves behind is priced anew after 10 s, not a minute.
    rows(tmp_path, "UPDATE strategies_strategy SET order_lifetime_seconds = 10")
    with running(tmp_path, PAPER_SEED="7", PAPER_SPEED="20", AUTOPILOT_PERIOD_SECONDS="2") as server:
        yield server


@pytest.fixture(params=["desktop", pytest.param("phone", marks=pytest.mark.soak)])
def page(request: pytest.FixtureRequest, chromium: str, server: Server) -> Iterator[Page]:
    width, height = WIDTHS[request.param]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context(base_url=server.url, viewport={"width": width, "height": height})
        page = context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
        page.on("request", lambda asked: problems.append(asked.url) if not asked.url.startswith(server.url) else None)
        yield page
        browser.close()
    assert problems == []


def test_the_demo_portfolio_comes_back_to_its_targets(page: Page, server: Server) -> None:
    page.goto("/")
    page.get_by_label("E-mail").fill("demo@example.com")
    page.get_by_label("Password", exact=True).fill(server.passwords["demo@example.com"])
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Paper")
    expect(page.get_by_text("PAPER", exact=True).first).to_be_visible()
    before = drift(page)
    assert before["BTC"] > BAND
    assert before["ETH"] < -BAND
    expect(page.get_by_text(re.compile("above its target|below its target")).first).to_be_visible()

    page.get_by_role("link", name="Preview").first.click()
    expect(page.get_by_role("heading", name="Orders", exact=True)).to_be_visible()
    expect(page.get_by_text("BTCUSDT").first).to_be_visible()

    page.get_by_role("button", name="Rebalance now").click()
    expect(page).to_have_url(re.compile(r"/runs/\d+/"))
    # The page updates itself; nobody reloads it.
    expect(page.get_by_text("Every target is within its band.")).to_be_visible(timeout=120_000)
    after = drift(page)
    assert set(after) == {"BTC", "ETH", "SOL", "USDT"}
    assert all(abs(points) <= BAND for asset, points in after.items() if asset != "USDT"), after
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.soak
@pytest.mark.parametrize("page", ["phone"], indirect=True)
def test_the_autopilot_is_switched_on_and_its_page_follows_it(page: Page, server: Server) -> None:
    page.goto("/")
    page.get_by_label("E-mail").fill("demo@example.com")
    page.get_by_label("Password", exact=True).fill(server.passwords["demo@example.com"])
    page.get_by_role("button", name="Sign in").click()

    page.get_by_role("link", name="Autopilot").first.click()
    expect(page.get_by_text(re.compile("It is off. Switched on, it looks within 2 s and would trade"))).to_be_visible()
    page.get_by_role("button", name="Switch on").click()
    # Nobody reloads the page from here on: it trades by itself, and says so by itself.
    expect(page.get_by_text(re.compile(r"Outside the band: \w+ is [\d.]+ points from its target")).first).to_be_visible(
        timeout=30_000
    )
    expect(page.get_by_role("link", name=re.compile(r"^Rebalance \d+$")).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text(re.compile("The autopilot of .* is off"))).to_be_visible()
    expect(page.get_by_role("button", name="Switch on")).to_be_enabled()


def drift(page: Page) -> dict[str, Decimal]:
    """Points above the target, as the summary gives them to the signed-in browser."""
    answer = page.request.get("/api/me/portfolio/summary")
    assert answer.ok
    return {row["asset"]: Decimal(row["drift_pct"]) for row in answer.json()["assets"] if row["drift_pct"] is not None}
