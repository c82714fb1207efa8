"""An open page follows what happens, within two seconds and without being loaded again; one that cannot says so."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browsing import Look, Watch, Words, button
from tests.e2e.conftest import Person
from tests.server import Server, environment
from tests.support import ROOT

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.parametrize("look", [Look("desktop", "en"), Look("phone", "ru")], ids=str),
]
SECONDS = 2
RESTING = {"order_step_pct": "4", "order_lifetime_seconds": 86_400}


class OnePage:
    """A page that must not be loaded again, and how long it took to show each thing that happened."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.seconds: list[float] = []

    def open(self, path: str) -> None:
        self.page.goto(path)
        self.page.evaluate("window.isTheSame = true")

    def shows(self, wanted: Locator, *, count: int | None = None) -> None:
        begun = time.monotonic()
        if count is None:
            expect(wanted).to_be_visible()
        else:
            expect(wanted).to_have_count(count)
        self.seconds.append(time.monotonic() - begun)
        assert self.page.evaluate("window.isTheSame") is True

    def was_quick(self) -> None:
        """As a rule: a machine that does other things besides may take longer now and then."""
        assert statistics.median(self.seconds) <= SECONDS, self.seconds


@pytest.fixture
def one(page: Page) -> OnePage:
    return OnePage(page)


def trade(person: Person, path: str, body: dict[str, int] | None = None) -> None:
    person.api.headers["Idempotency-Key"] = f"live-{time.monotonic_ns()}"
    person.ask("POST", path, body)


def execute(person: Person, strategy: int) -> None:
    trade(person, "/me/rebalance/execute", {"strategy": strategy})


def test_orders_come_and_change_and_so_does_what_can_be_done_about_them(
    one: OnePage, words: Words, person: Person, sign_in: Callable[[Person], None]
) -> None:
    strategy = person.has_strategy({"BTC": "30", "ETH": "30"}, **RESTING)
    sign_in(person)
    one.open("/orders/")
    expect(one.page.get_by_text(words("There are no orders yet. A rebalance places them."))).to_be_visible()
    cancel_all = one.page.get_by_text(f"{words('Cancel all')}…")
    expect(cancel_all).to_have_count(0)

    execute(person, strategy)
    row = one.page.get_by_role("row").filter(has_text="BTCUSDT")
    one.shows(row.get_by_text(words("open"), exact=True))
    one.shows(cancel_all)

    # Half opened questions stay open while rows around them change.
    cancel_all.click()
    orders = {order["symbol"]: order["id"] for order in person.ask("GET", "/me/orders")["results"]}
    trade(person, f"/me/orders/{orders['BTCUSDT']}/cancel")
    one.shows(row.get_by_text(words("cancelled"), exact=True))
    expect(button(one.page.locator("#cancel-all"), words("Cancel all"))).to_be_visible()

    trade(person, f"/me/orders/{orders['ETHUSDT']}/cancel")
    one.shows(cancel_all, count=0)
    one.was_quick()


def test_what_it_is_worth_follows_the_prices(
    one: OnePage, words: Words, person: Person, sign_in: Callable[[Person], None]
) -> None:
    strategy = person.has_strategy({"BTC": "90"}, order_step_pct="-0.5", order_size_pct="100")
    execute(person, strategy)
    sign_in(person)
    one.open("/")
    worth = one.page.locator("[data-worth]")
    for _time in range(3):
        before = worth.inner_text()
        expect(worth).not_to_have_text(before)
        assert one.page.evaluate("window.isTheSame") is True


@pytest.fixture
def thrown(server: Server) -> Iterator[Callable[[str], None]]:
    """Throws the kill switch of the server; it is off again afterwards."""
    thrown = [""]

    def throw(word: str) -> None:
        command = [sys.executable, "manage.py", "killswitch", word, *(["--keep"] if word == "on" else [])]
        subprocess.run(command, cwd=ROOT, env=environment(server.folder), check=True, capture_output=True, timeout=60)
        thrown.append(word)

    yield throw
    if thrown[-1] == "on":
        throw("off")


def test_the_status_bar_says_that_trading_was_switched_off(
    one: OnePage, words: Words, person: Person, sign_in: Callable[[Person], None], thrown: Callable[[str], None]
) -> None:
    person.has_strategy({"BTC": "50"})
    sign_in(person)
    one.open("/orders/")
    bar = one.page.locator("#status summary")
    off = words("Trading is switched off on this server: nothing is sent to the exchange.")
    expect(bar.get_by_text(words("Everything is all right."))).to_be_visible()
    thrown("on")
    one.shows(bar.get_by_text(off))
    thrown("off")
    one.shows(bar.get_by_text(words("Everything is all right.")))
    one.was_quick()


def test_a_server_that_does_not_answer_is_said_and_the_page_recovers(
    one: OnePage, words: Words, person: Person, watch: Watch, sign_in: Callable[[Person], None]
) -> None:
    strategy = person.has_strategy({"BTC": "30"}, **RESTING)
    sign_in(person)
    one.open("/orders/")
    lost = one.page.get_by_text(
        words("This server does not answer at the moment: what is shown is what was last known. It is asked again.")
    )
    expect(lost).to_be_hidden()
    one.page.context.set_offline(True)
    expect(lost).to_be_visible()
    execute(person, strategy)
    one.page.context.set_offline(False)
    one.shows(one.page.get_by_role("row").filter(has_text="BTCUSDT"))
    expect(lost).to_be_hidden()
    assert all("htmx:" in problem for problem in watch.problems), watch.problems
    watch.problems.clear()
