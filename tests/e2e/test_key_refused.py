"""A key that the exchange refuses is said to be refused at once; a good one connects. Over HTTP, as with Binance."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsing import Watch, Words, button
from tests.e2e.conftest import HURRY, Person
from tests.server import Server, environment, free_port, install, running, started
from tests.support import ROOT

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that trades on a test network, which is the paper exchange in a process of its own."""
    folder = tmp_path_factory.mktemp("testnet")
    install(folder)
    port = free_port()
    exchange = f"http://127.0.0.1:{port}"
    with (
        started(folder, "paperexchange", "--port", port),
        running(folder, **HURRY, EXCHANGE_ENV="testnet", BINANCE_TESTNET_URL=exchange) as server,
    ):
        yield server


def open_account(server: Server) -> dict[str, str]:
    """A key pair of the exchange."""
    command = [sys.executable, "manage.py", "paper_account", "--usdt", "5000", "--json"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(server.folder), check=True, capture_output=True, text=True, timeout=60
    )
    keys: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return keys


def connect(page: Page, words: Words, key: str, secret: str) -> None:
    page.get_by_label(words("Binance Spot")).check()
    page.get_by_label(words("Label"), exact=True).fill("Main")
    page.get_by_label(words("API key")).fill(key)
    page.get_by_label(words("API secret, or private key")).fill(secret)
    button(page.locator("main"), words("Connect")).click()


def test_a_refused_key_is_not_connected_and_a_good_one_is(
    page: Page, words: Words, watch: Watch, server: Server, person: Person, sign_in: Callable[[Person], None]
) -> None:
    keys = open_account(server)
    sign_in(person)
    page.goto("/exchange-accounts/connect/")
    watch.refusals = {400, 409, 422}
    connect(page, words, "k" * 64, "s" * 64)
    expect(page.get_by_role("alert").first).to_be_visible()
    expect(page.get_by_label(words("API key"))).to_have_value("")  # no key is ever sent back

    watch.refusals = set()
    connect(page, words, keys["api_key"], keys["api_secret"])
    expect(page.get_by_text(words("%(label)s is connected.", label="Main"))).to_be_visible()
    page.goto("/exchange-accounts/")
    expect(page.get_by_text(words("working"), exact=True)).to_be_visible()
    expect(page.get_by_text(f"…{keys['api_key'][-4:]}")).to_be_visible()
