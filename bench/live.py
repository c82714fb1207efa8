"""What open pages cost: so many at once, each of a user of its own, asking a real server as static/live.js does. Half
of them show the dashboard, half the list of orders; now and then an order changes, and its owner's page has to show it.
"""

import html
import http.client
import json
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.test import Client
from django.utils import timezone

from bench import crowd
from bench.grounds import ROOT
from exchanges.models import ExchangeAccount
from orders.models import Order
from portfolio.models import AccountBalances

EVERY_SECONDS = 1.5  # of static/live.js
CHANGES_A_SECOND = 4
START_SECONDS = 60
_DICE = random.Random(1)  # noqa: S311  (who asks when)
# Where a page is, and of which kinds its moving part tells.
PAGES = (("/", ("orders", "looks", "money", "worth")), ("/orders/", ("orders",)))


def measure(*, pages: int, orders: int, seconds: int, warm_seconds: int) -> dict[str, Any]:
    """Milliseconds: how long an unchanged answer takes, and from a change to the part that shows it, read whole."""
    accounts = crowd.populate(pages)
    crowd.open_at_the_exchange(accounts)
    crowd.write_orders(accounts, orders)
    AccountBalances.objects.update(as_of=timezone.now())  # read since
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with _running() as (port, process):
        open_pages = [Page(port, account, *PAGES[number % 2]) for number, account in enumerate(accounts)]
        over = threading.Event()
        threads = [threading.Thread(target=page.live, args=(over,), daemon=True) for page in open_pages]
        for thread in threads:
            thread.start()
        while not all(page.is_open for page in open_pages):
            time.sleep(0.1)
        time.sleep(warm_seconds)  # every page has asked, and every autopilot has had its first look
        begun, cpu = time.monotonic(), _cpu_seconds(process.pid)
        for page in open_pages:
            page.forget()
        _change(open_pages, seconds)
        spent, cpu = time.monotonic() - begun, _cpu_seconds(process.pid) - cpu
        over.set()
        for thread in threads:
            thread.join(30)
    answers = Counter[str]()
    for page in open_pages:
        answers += page.answers
    unchanged = [ms for page in open_pages for ms in page.unchanged]
    seen = [ms for page in open_pages for ms in page.seen]
    return {
        "pages": pages,
        "seconds": round(spent),
        "requests_per_second": round(answers.total() / spent, 1),
        "answers": dict(answers),
        "server_cpu_cores": round(cpu / spent, 2),
        "unchanged_ms": {"p50": _percentile(unchanged, 50), "p95": _percentile(unchanged, 95)},
        "changes": len(seen),
        "changes_not_seen": sum(page.changed_at is not None for page in open_pages),
        "change_to_page_ms": {
            "p50": _percentile(seen, 50), "p95": _percentile(seen, 95), "most": _percentile(seen, 100),
        },
    }  # fmt: skip


def _change(pages: list["Page"], seconds: int) -> None:
    """Orders change one after another, each of another page's user, as a tracker would write it."""
    waiting = _DICE.sample(pages, len(pages))
    end = time.monotonic() + seconds
    while time.monotonic() < end - 3:  # what changes last is to be seen as well
        page = waiting.pop(0)
        waiting.append(page)
        if page.changed_at is None:
            page.changed_at = time.monotonic()
            Order.objects.filter(pk=page.order_id).update(updated_at=timezone.now())
        time.sleep(1 / CHANGES_A_SECOND)
    time.sleep(max(0, end - time.monotonic()))


class Page:
    """One open page of one user."""

    def __init__(self, port: int, account: ExchangeAccount, path: str, kinds: tuple[str, ...]) -> None:
        browser = Client()
        browser.force_login(account.user)
        self.order_id = Order.objects.filter(account=account).latest("pk").pk
        self.answers: Counter[str] = Counter()
        self.unchanged: list[float] = []
        self.seen: list[float] = []
        self.changed_at: float | None = None
        self.is_open = False
        self._cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._path, self._kinds, self._account = path, kinds, str(account.pk)
        self._marks: dict[str, str] = {}

    def forget(self) -> None:
        self.answers, self.unchanged, self.seen = Counter(), [], []

    def live(self, over: threading.Event) -> None:
        """Open it, and ask until it is over."""
        over.wait(_DICE.uniform(0, EVERY_SECONDS))
        _status, page, _headers = self._get(self._path, part=False)
        found = re.search(r'data-marks="([^"]+)"', page)
        if found is None:
            raise RuntimeError(f"{self._path} has no marks")
        self._marks = json.loads(html.unescape(found[1]))
        self.is_open = True
        while not over.wait(EVERY_SECONDS * _DICE.uniform(0.95, 1.05)):
            self._ask()

    def _ask(self) -> None:
        wanted = {kind: self._marks.get(kind, "") for kind in {"orders", "looks", *self._kinds}}
        wanted["account"] = self._account
        # What is noted before it is asked is seen with the answer, or later.
        changed_at, begun = self.changed_at, time.monotonic()
        status, _body, headers = self._get(f"/live/?{urlencode(wanted)}")
        told = json.loads(headers.get("HX-Trigger") or "{}").get("live")
        self.answers["unchanged" if told is None else "changed"] += 1
        if told is None:
            self.unchanged.append((time.monotonic() - begun) * 1000)
            return
        self._marks |= told["marks"]
        if set(told["changed"]) & set(self._kinds) - {"worth"}:
            status, _body, headers = self._get(self._path)
            self.answers["part"] += 1
        if status >= 400:
            self.answers["failed"] += 1
        elif "orders" in told["changed"] and changed_at is not None:
            self.seen.append((time.monotonic() - changed_at) * 1000)
            self.changed_at = None

    def _get(self, path: str, *, part: bool = True) -> tuple[int, str, http.client.HTTPMessage]:
        headers = {"Cookie": self._cookie, **({"HX-Request": "true"} if part else {})}
        self._http.request("GET", path, headers=headers)
        answer = self._http.getresponse()
        return answer.status, answer.read().decode(), answer.headers


@contextmanager
def _running() -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """`manage.py run`, all in one process, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "manage.py", "run", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the server does not start") from None
                time.sleep(0.1)
        yield port, process
    finally:
        process.terminate()
        process.wait(timeout=30)


def _cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        columns = file.read().rpartition(")")[2].split()
    return (int(columns[11]) + int(columns[12])) / os.sysconf("SC_CLK_TCK")


def _percentile(values: list[float], percent: int) -> float | None:
    if not values:
        return None
    if len(values) == 1:
        return round(values[0], 1)
    return round(max(values) if percent == 100 else statistics.quantiles(values, n=100)[percent - 1], 1)
