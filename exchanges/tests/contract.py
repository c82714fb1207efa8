"""Places where the contract of an adapter is tried: the paper exchange in this process, the paper exchange as a server
in another, and Binance's test network.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import requests
from django.conf import settings

from botbalance.first_run import write_env
from botbalance.lib.clock import now_ms
from exchanges.adapters.binance import BinanceAdapter
from exchanges.adapters.session import new_session
from exchanges.domain import NewOrder, Side, SymbolRules, Venue
from exchanges.paper import services as paper
from exchanges.paper.transport import PaperTransport
from exchanges.tests.ledgers import meter
from tests.support import ROOT

SYMBOL = "BTCUSDT"
ADDRESS = "http://127.0.0.1:"


@dataclass
class Place:
    """One account at one exchange, and adapters for it; `adapter` is the proper one."""

    url: str
    api_key: str
    api_secret: str
    session: requests.Session
    venue: Venue = Venue.PAPER
    ids: int = 0

    @property
    def adapter(self) -> BinanceAdapter:
        return self.adapter_with()

    def adapter_with(
        self, *, api_key: str = "", api_secret: str = "", clock: Callable[[], int] = now_ms
    ) -> BinanceAdapter:
        return BinanceAdapter(
            self.url,
            api_key=api_key or self.api_key,
            api_secret=api_secret or self.api_secret,
            session=self.session,
            meter=meter(),
            venue=self.venue,
            clock=clock,
        )

    def rules(self) -> SymbolRules:
        return self.adapter.exchange_info().rules[SYMBOL]

    def resting_order(self, *, percent_below: int = 10) -> NewOrder:
        """A BUY below the market, of twice the least notional."""
        rules, bid = self.rules(), self._book()[0]
        price = rules.floor_price(bid * (100 - percent_below) / 100)
        return self._buy(price, rules)

    def crossing_order(self) -> NewOrder:
        """A BUY that finds a seller at once."""
        rules, ask = self.rules(), self._book()[1]
        return self._buy(rules.ceil_price(ask * 101 / 100), rules)

    def _book(self) -> tuple[Decimal, Decimal]:
        return next((book.bid, book.ask) for book in self.adapter.book_ticker() if book.symbol == SYMBOL)

    def _buy(self, price: Decimal, rules: SymbolRules) -> NewOrder:
        self.ids += 1
        quantity = rules.ceil_quantity(2 * rules.min_notional / price)
        return NewOrder(SYMBOL, Side.BUY, price, quantity, f"contract-{time.time_ns()}-{self.ids}")


def in_process() -> Place:
    session = new_session()
    session.mount(paper.BASE_URL, PaperTransport())
    keys = paper.open_account("contract", {"USDT": settings.PAPER_START_BALANCE})
    return Place(paper.BASE_URL, keys.api_key, keys.api_secret, session)


@dataclass(frozen=True)
class PaperServer:
    """`manage.py paperexchange` with a database of its own."""

    url: str
    environment: dict[str, str]

    def open_account(self) -> Place:
        said = _manage(self.environment, "paper_account", "--usdt", "10000", "--json")
        keys = json.loads(said.splitlines()[-1])
        session = new_session()
        session.trust_env = False
        return Place(self.url, keys["api_key"], keys["api_secret"], session)


@contextmanager
def paper_server(folder: Path, **variables: str) -> Iterator[PaperServer]:
    write_env(folder / ".env")
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "ENV_FILE": str(folder / ".env"),
        "DATA_DIR": str(folder / "data"),
    }
    _manage(environment, "migrate", "--database", "paper", "-v0")
    with (folder / "server.log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "paperexchange", "--port", "0"],
            cwd=ROOT,
            env={**environment, **variables},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            yield PaperServer(_address(process, folder / "server.log"), environment)
        finally:
            process.terminate()
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def _address(process: "subprocess.Popen[str]", log: Path) -> str:
    """The address in the line that says where it listens; the output ends when the process does."""
    assert process.stdout is not None
    for line in process.stdout:
        if ADDRESS in line:
            port = line.partition(ADDRESS)[2]
            return ADDRESS + port[: len(port) - len(port.lstrip("0123456789"))]
    raise AssertionError(f"the paper exchange has not started: {log.read_text()}")


def _manage(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def keys_of_testnet() -> tuple[str, str] | None:
    """Keys of testnet.binance.vision from the environment."""
    names = ("BINANCE_SPOT_TESTNET_API_KEY", "BINANCE_SPOT_TESTNET_API_SECRET")
    key, secret = (os.environ.get(name, "") for name in names)
    return (key, secret) if key and secret else None


def at_testnet(keys: tuple[str, str]) -> Place:
    return Place(settings.BINANCE_TESTNET_URL, *keys, new_session(), Venue.TESTNET)
