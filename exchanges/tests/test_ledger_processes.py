"""Several processes, one address: they keep to one budget, and to one ban. What left is counted at the exchange."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connections
from django.test import Client

from accounts.models import User
from exchanges.ledger.limits import WEIGHT
from exchanges.models import ExchangeAccount
from exchanges.tests.contract import paper_server
from exchanges.tests.ledgers import shared_store
from exchanges.tests.support import DATABASES
from tests.support import ROOT

pytestmark = [pytest.mark.soak, pytest.mark.django_db(databases=DATABASES, transaction=True)]

WEIGHT_OF_A_READ = 20
BAN_SECONDS = 3
LINE = re.compile(r"^(\S+ \S+) INFO exchanges\.paper\.http \S+ (GET /api/v3/account) (\d+)", re.MULTILINE)
Requests = list[tuple[datetime, int]]


def database_url() -> str:
    """The main database of this test, for another process."""
    config = connections["default"].settings_dict
    if config["ENGINE"].endswith("sqlite3"):
        return f"sqlite:///{config['NAME']}"
    place = f"{config['HOST'] or 'localhost'}:{config['PORT'] or 5432}"
    return f"postgres://{config['USER']}:{config['PASSWORD']}@{place}/{config['NAME']}"


@contextmanager
def asking(url: str, account: ExchangeAccount, seconds: float) -> Iterator["subprocess.Popen[str]"]:
    """A process that asks for so long."""
    variables = {
        "DATABASE_URL": database_url(),
        "REDIS_URL": django_settings.REDIS_URL,
        "PYTEST_XDIST_WORKER": "gw0",  # the number of the Redis database is this worker's already
        "EXCHANGE_ENV": "testnet",
        "BINANCE_TESTNET_URL": url,
        "DJANGO_SETTINGS_MODULE": "botbalance.settings_test",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "exchanges.tests.asking", str(account.pk), str(seconds)],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def arrived(folder: Path) -> Requests:
    """What reached the exchange: when, and with which status it was answered."""
    text = (folder / "server.log").read_text()
    return [(datetime.fromisoformat(at.replace(",", ".")), int(status)) for at, _what, status in LINE.findall(text)]


def counted(process: "subprocess.Popen[str]") -> dict[str, int]:
    said, _nothing = process.communicate(timeout=60)
    return json.loads(said.splitlines()[-1].replace("'", '"'))


@pytest.fixture
def account(alice: User) -> ExchangeAccount:
    return ExchangeAccount.objects.create(user=alice, label="Own keys", venue="binance", api_key="k", api_secret="s")


def connect(account: ExchangeAccount, place: Any, settings: Any) -> None:
    settings.EXCHANGE_ENV, settings.BINANCE_TESTNET_URL = "testnet", place.url
    account.api_key, account.api_secret = place.api_key, place.api_secret
    account.save()


def test_after_a_418_no_request_leaves_in_any_process_until_the_ban_ends_and_the_page_says_so(
    account: ExchangeAccount, tmp_path: Path, settings: Any
) -> None:
    ban = {"kind": "banned", "match": "GET /api/v3/account", "nth": 10, "seconds": BAN_SECONDS}
    with paper_server(tmp_path, PAPER_FAULTS=json.dumps([ban]), LOG_LEVEL="INFO") as server:
        connect(account, server.open_account(), settings)
        with asking(server.url, account, 7) as first, asking(server.url, account, 7) as second:
            said = ""
            while "banned this server" not in said and first.poll() is None:
                said = Client().get("/auth/sign-in/").content.decode()
            found = [counted(first), counted(second)]
        requests = arrived(tmp_path)
    assert re.search("banned this server.{1,10}s address; nothing is sent to it until [-0-9]+ [:0-9]+ UTC", said)
    (began,) = [at for at, status in requests if status == 418]
    # One request of the other process may have been on its way when the ban was told.
    others = [at for at, status in requests if began + timedelta(milliseconds=200) < at]
    assert others
    assert min(others) >= began + timedelta(seconds=BAN_SECONDS)
    assert len([at for at, _status in requests if began <= at <= began + timedelta(milliseconds=200)]) <= 2
    for each in found:
        assert each["not_sent"] > 5
        assert each["answered"] > 0


def test_processes_never_use_more_than_one_budget(account: ExchangeAccount, tmp_path: Path, settings: Any) -> None:
    with paper_server(tmp_path, LOG_LEVEL="INFO") as server:
        connect(account, server.open_account(), settings)
        shared_store().learn(server.url, {WEIGHT: 200})
        with asking(server.url, account, 3) as first, asking(server.url, account, 3) as second:
            found = [counted(first), counted(second)]
        requests = arrived(tmp_path)
    minutes = Counter(at.replace(second=0, microsecond=0) for at, _status in requests)
    assert sum(minutes.values()) == sum(each.get("answered", 0) for each in found)
    assert max(minutes.values()) == 171 // WEIGHT_OF_A_READ  # of 200, less what is left to orders and to the server
    assert all(each["not_sent"] for each in found)
