"""How many requests a second the paper exchange answers: `make bench`. Results are printed, nothing is asserted.

In-process is the transport that the product uses; HTTP is `manage.py paperexchange` in a process of its own. Clients
are threads, each with an account of its own. Works on databases made for the run: SQLite files, and a PostgreSQL
database beside DATABASE_URL when that is set. A ratio compares with the first line of its table.
"""

import argparse
import hashlib
import hmac
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

SECONDS = 2
CLIENTS = (1, 4)
DATABASE = "botbalance_bench"


def prepare(folder: Path, postgres: str) -> str:
    """Point this process, and those it starts, at databases of the run; the address of the paper exchange's."""
    from botbalance.first_run import write_env

    write_env(folder / ".env")
    os.environ.update(
        DJANGO_SETTINGS_MODULE="botbalance.settings",
        ENV_FILE=str(folder / ".env"),
        DATA_DIR=str(folder),
        EXCHANGE_ENV="mock",
        LOG_LEVEL="WARNING",
        DATABASE_URL=f"sqlite:///{folder}/main.sqlite3",
        PAPER_DATABASE_URL=postgres or f"sqlite:///{folder}/paper.sqlite3",
    )
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", database="paper", interactive=False, verbosity=0)
    return os.environ["PAPER_DATABASE_URL"]


class Client:
    """Signs what it sends; `session` is a requests.Session with or without a network."""

    def __init__(self, url: str, api_key: str, api_secret: str) -> None:
        import requests

        from exchanges.paper import services
        from exchanges.paper.transport import PaperTransport

        self.url, self.secret = url or services.BASE_URL, api_secret
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["X-MBX-APIKEY"] = api_key
        if not url:
            self.session.mount(services.BASE_URL, PaperTransport())

    def ask(self, method: str, path: str, *, signed: bool = False, **parameters: object) -> dict[str, object]:
        if signed:
            parameters["timestamp"] = time.time_ns() // 1_000_000
        text = urlencode(parameters)
        if signed:
            text += "&signature=" + hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        response = self.session.request(method, f"{self.url}{path}" + (f"?{text}" if text else ""), timeout=30)
        if response.status_code != 200:
            raise RuntimeError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json()


def place_and_cancel(client: Client) -> int:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
    placed = client.ask("POST", "/api/v3/order", signed=True, **order, price="50000")
    client.ask("DELETE", "/api/v3/order", signed=True, symbol="BTCUSDT", orderId=placed["orderId"])
    return 2


def one(method: str, path: str, *, signed: bool = False) -> Callable[[Client], int]:
    def act(client: Client) -> int:
        client.ask(method, path, signed=signed)
        return 1

    return act


JOBS: dict[str, Callable[[Client], int]] = {
    "ping": one("GET", "/api/v3/ping"),
    "bookTicker of all symbols": one("GET", "/api/v3/ticker/bookTicker"),
    "account": one("GET", "/api/v3/account", signed=True),
    "order placed and cancelled": place_and_cancel,
}


def measure(act: Callable[[Client], int], clients: list[Client], seconds: float) -> float:
    """Requests a second by all clients together."""
    from django.db import connections

    done = [0] * len(clients)
    failed: list[BaseException] = []
    begun = time.perf_counter()

    def work(position: int) -> None:
        try:
            while time.perf_counter() - begun < seconds:
                done[position] += act(clients[position])
        except Exception as error:  # noqa: BLE001  (raised below, by the main thread)
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(position,)) for position in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return sum(done) / (time.perf_counter() - begun)


def without_limits() -> None:
    """A bench asks for more than an address or an account may: forget what was used."""
    from exchanges.paper.models import PaperAccount, RequestWeight

    RequestWeight.objects.update(used=0, raw_requests=0)
    PaperAccount.objects.update(orders_10s=0, orders_1d=0)


@contextmanager
def unlimited() -> Iterator[None]:
    """Keep forgetting, twenty times a second, while the block runs."""
    from django.db import connections

    ended = threading.Event()

    def forget() -> None:
        while not ended.wait(0.05):
            without_limits()
        connections.close_all()

    thread = threading.Thread(target=forget)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def serving() -> Iterator[str]:
    """The paper exchange over HTTP, on a free port."""
    command = [sys.executable, "manage.py", "paperexchange", "--port", "0", "-v", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603  (our own command)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[4]
    finally:
        process.terminate()
        process.wait(timeout=20)


def table(name: str, seconds: float) -> None:
    from exchanges.paper import services

    most = max(CLIENTS)
    keys = [services.open_account(f"bench {number}", {"USDT": Decimal(10_000)}) for number in range(most)]
    print(f"\n{name}\n{'requests a second':28}{'road':14}{'clients':>8}{'per second':>12}{'ratio':>8}")
    first = 0.0
    with serving() as url:
        for job, act in JOBS.items():
            for road, address in (("in-process", ""), ("HTTP", url)):
                for count in CLIENTS:
                    clients = [Client(address, each.api_key, each.api_secret) for each in keys[:count]]
                    with unlimited():
                        rate = measure(act, clients, seconds)
                    first = first or rate
                    print(f"{job:28}{road:14}{count:>8}{rate:>12.0f}{rate / first:>8.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each line")
    parser.add_argument("--postgres", default="", help="address of a database made for this run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        address = prepare(Path(folder), options.postgres)
        kind = "PostgreSQL" if address.startswith("postgres") else "SQLite"
        table(f"{kind}, Python {platform.python_version()}, {os.cpu_count()} processors", options.seconds)


def beside(address: str) -> str:
    """The address of a fresh database on the same server; what the last run has left there is dropped."""
    import psycopg

    place, _, _ = address.rpartition("/")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        connection.execute(f"CREATE DATABASE {DATABASE}")
    return f"{place}/{DATABASE}"


if __name__ == "__main__":
    given = os.environ.pop("DATABASE_URL", "")
    if given.startswith("postgres") and "--postgres" not in sys.argv:
        # Settings are read once a process: SQLite has one of its own.
        subprocess.run([sys.executable, __file__, *sys.argv[1:]], check=True)  # noqa: S603  (this file)
        sys.argv += ["--postgres", beside(given)]
    main()
