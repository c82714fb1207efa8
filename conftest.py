"""Fixtures of every app's tests: people, accounts, strategies, and a fresh start for what a process remembers."""

import gc
import ipaddress
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import translation
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts.models import SetUp, User
from accounts.tokens.services import issue_token
from botbalance.lib import system_settings
from botbalance.status import remembering
from exchanges import markets
from exchanges import services as exchanges
from exchanges.adapters import binance, guard
from exchanges.ledger import services as ledger
from exchanges.models import ExchangeAccount
from strategies import services as strategies
from strategies.domain import Target
from strategies.models import Strategy
from tests.once import _inherits_nothing, pytest_itemcollected  # noqa: F401  (hooks of pytest, found by their names)
from tests.required import (  # noqa: F401  (hooks of pytest, which finds them by their names here)
    pytest_configure,
    pytest_make_collect_report,
    pytest_runtest_makereport,
)
from tests.support import SHARED, examples, skip_or_fail

PASSWORD = "correct-horse-9"  # noqa: S105  (of users who live for one test)

# Scores of processes load the same modules here, and this one rewrites every test's: what is compiled is kept.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A timing of one machine says nothing on another, and a build must not fail by the luck of a draw.
SEARCH: dict[str, Any] = {"deadline": None, "max_examples": examples(100)}
hypothesis.settings.register_profile("here", **SEARCH)
hypothesis.settings.register_profile("ci", **SEARCH, derandomize=True, database=None, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") or os.environ.get("REQUIRE_ALL") else "here")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First what needs an installation: it is long, and one worker makes one for all it is given of these."""
    items.sort(key=lambda item: not hasattr(getattr(item, "module", None), "install"))


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


# --- A fresh start ---------------------------------------------------------------------------------------


def _forget() -> None:
    translation.deactivate()  # a page in Russian leaves its thread speaking it
    system_settings.forget()
    remembering.forget()
    markets.forget_rules()
    binance.forget_clocks()
    guard.forget_guards()
    ledger.forget()


def _uses_main_database(request: pytest.FixtureRequest) -> bool:
    marker = request.node.get_closest_marker("django_db")
    if marker is not None:
        databases = marker.kwargs.get("databases") or ["default"]
        return databases == "__all__" or "default" in databases
    return not {"db", "transactional_db", "live_server"}.isdisjoint(request.fixturenames)


@pytest.fixture(autouse=True)
def _fresh_start(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a process remembers between requests is not what one test leaves to the next."""
    _forget()
    with_cache = _uses_main_database(request)  # the cache may live in the database; none is forced on pure tests
    if with_cache:
        request.getfixturevalue("db")
        cache.clear()
    yield
    if with_cache:
        cache.clear()
    _forget()


# --- Nothing leaves this machine -------------------------------------------------------------------------


def _is_here(family: int, address: Any) -> bool:
    if family == socket.AF_UNIX:
        return True
    host = str(address[0])
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def _stay_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to another machine fails the test, in a way that no handler of network errors takes for one.

    Tests marked testnet are let through.
    """
    if request.node.get_closest_marker("testnet") is not None:
        return

    def guarded(connect: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
        def ask(self: socket.socket, address: Any) -> Any:
            if not _is_here(self.family, address):
                self.close()  # whoever opened it may only clean up after an OSError
                pytest.fail(f"a test must not connect to {address!r}; only one marked testnet may")
            return connect(self, address)

        return ask

    monkeypatch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))


# --- People ----------------------------------------------------------------------------------------------


@pytest.fixture
def in_use(db: None) -> None:
    """A server that was set up by somebody who is gone: whoever comes now may register, and nobody is there yet."""
    SetUp.objects.create(pk=SetUp.ONLY)


@pytest.fixture
def alice(db: None) -> User:
    return accounts.register("alice@example.org", PASSWORD)


@pytest.fixture
def bob(db: None) -> User:
    return accounts.register("bob@example.org", PASSWORD)


@pytest.fixture
def charlie(db: None) -> User:
    """Somebody who owns nothing and must see nothing."""
    return accounts.register("charlie@example.org", PASSWORD)


@pytest.fixture
def client_for() -> Callable[[User], Client]:
    """A browser in which somebody is signed in."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def api_for() -> Callable[[User], APIClient]:
    """A program that sends somebody's API token."""

    def with_token(user: User) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Token {issue_token(user)}")
        return client

    return with_token


# --- What they own ---------------------------------------------------------------------------------------


@pytest.fixture
def paper_account() -> Callable[..., ExchangeAccount]:
    """paper_account(user, {"USDT": "1000"}, label="Paper", quote="USDT"): a connected paper account."""

    def connect(
        user: User, balances: Mapping[str, Any] | None = None, *, label: str = "Paper", quote: str = "USDT"
    ) -> ExchangeAccount:
        amounts = None if balances is None else {asset: Decimal(str(amount)) for asset, amount in balances.items()}
        return exchanges.connect_account(user, label=label, venue="paper", quote=quote, paper_balances=amounts)

    return connect


@pytest.fixture
def strategy() -> Callable[..., Strategy]:
    """strategy(account, {"BTC": 60}, order_step_pct="-0.1"): a strategy, active when the account has no other."""

    def create(account: ExchangeAccount, targets: Mapping[str, Any] | None = None, **values: Any) -> Strategy:
        weights = {"BTC": 40, "ETH": 30, "SOL": 20} if targets is None else targets
        rows = [Target(asset, Decimal(str(weight))) for asset, weight in weights.items()]
        decimals = {
            name: Decimal(value) if name.endswith("_pct") and value is not None else value
            for name, value in values.items()
        }
        return strategies.create_strategy(account.user, account, {"name": "Targets", **decimals}, rows)

    return create


@pytest.fixture
def shared() -> Path:
    """The directory ../shared, for tests marked needs_shared."""
    if not SHARED.is_dir():
        skip_or_fail("../shared is not there")
    return SHARED
