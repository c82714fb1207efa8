"""People at the API while everything fails: they preview, rebalance, click twice, cancel, refresh, stop and start."""

import random
import threading
from collections import Counter
from collections.abc import Sequence
from http.client import CREATED
from typing import Any

import requests

from botbalance.chaos.scene import Trader

_TIMEOUT_SECONDS = 15
_PAUSE_SECONDS = 1
_MOST_SHOWN = 300
# What they do, and how often. Whoever cancels by hand pauses an autopilot; it is started again about as often.
_ACTIONS = {
    "preview": 3, "execute": 5, "cancel_one": 3, "cancel_all": 1, "refresh": 4, "orders": 3, "summary": 3, "stop": 1,
    "start": 6, "stop_run": 1,
}  # fmt: skip


class Api:
    """One person's view of the API. A web process that is dead is part of the game: then the answer is None.

    `flies`: nothing was done since the autopilot was started that stops or pauses it.
    `runs_of_key` are the rebalances that "rebalance now" was answered with, by idempotency key, from the first that was
    made for it on: before that the answer is whatever is under way at the account.
    `trouble` is why the last request came to nothing, or what its answer said could not be done; "" when all was well.
    """

    def __init__(self, url: str, trader: Trader) -> None:
        self.trader = trader
        self.statuses: Counter[str] = Counter()
        self.trouble = ""
        self.flies = False
        self.runs_of_key: dict[str, list[int]] = {}
        self._status = 0
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Token {trader.token}"

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
        """The JSON of a 2xx answer, otherwise None."""
        try:
            response = self._session.request(
                method, f"{self._url}/api/me/{path}", json=body, headers=headers, timeout=_TIMEOUT_SECONDS
            )
        except requests.RequestException as error:
            self.statuses["no answer"] += 1
            self.trouble = f"no answer ({type(error).__name__})"
            return None
        self.statuses[str(response.status_code)] += 1
        self._status = response.status_code
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not response.ok or answer is None:
            self.trouble = f"{response.status_code} {response.text[:_MOST_SHOWN]}"
            return None
        self.trouble = ""
        return answer

    def execute(self, key: str) -> None:
        """Rebalance now."""
        answer = self.ask(
            "POST", "rebalance/execute", {"strategy": self.trader.strategy_id}, **{"Idempotency-Key": key}
        )
        if answer is not None and (self._status == CREATED or key in self.runs_of_key):
            self.runs_of_key.setdefault(key, []).append(answer["run"])

    def start(self) -> bool:
        self.flies = self.ask("POST", f"strategies/{self.trader.strategy_id}/start") is not None
        return self.flies

    def stop(self) -> bool:
        self.flies = False
        return self.ask("POST", f"strategies/{self.trader.strategy_id}/stop") is not None

    def cancel_all(self) -> bool:
        """Whether all that was open is cancelled."""
        self.flies = False
        answer = self.ask("POST", "orders/cancel", {"account": self.trader.account_id})
        if answer is not None:
            self.trouble = "; ".join(answer["problems"])
        return not self.trouble

    def read_balances(self, *, refresh: bool = False) -> bool:
        """Whether the balances were told, and nothing kept them from being read. `refresh`: read them in any case."""
        asked = f"balances?account={self.trader.account_id}{'&refresh=true' if refresh else ''}"
        answer = self.ask("GET", asked)
        if answer is not None:
            self.trouble = answer["problem"]
        return not self.trouble


class Crowd:
    """Everybody, in two threads, until told to stop."""

    def __init__(self, url: str, traders: Sequence[Trader], seed: int, threads: int = 2) -> None:
        self.people = [Api(url, trader) for trader in traders]
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._go_on, args=(seed, number, self.people[number::threads]), daemon=True)
            for number in range(min(threads, len(self.people)))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(3 * _TIMEOUT_SECONDS)

    @property
    def statuses(self) -> Counter[str]:
        return sum((person.statuses for person in self.people), Counter())

    def _go_on(self, seed: int, number: int, people: Sequence[Api]) -> None:
        chance = random.Random(f"traffic:{seed}:{number}")  # noqa: S311  (a drill that repeats, no secret)
        for person in people:
            person.start()
        while not self._ending.wait(_PAUSE_SECONDS):
            action = chance.choices(list(_ACTIONS), list(_ACTIONS.values()))[0]
            # A start is for those who do not fly: with half of them on the ground most of a drill would be waiting.
            grounded = [person for person in people if not person.flies] if action == "start" else []
            act(chance.choice(grounded or people), action, chance)


def act(person: Api, action: str, chance: random.Random) -> None:
    """Do one thing."""
    trader = person.trader
    if action == "preview":
        person.ask("GET", f"strategies/{trader.strategy_id}/plan")
    elif action == "execute":
        key = f"{chance.getrandbits(64):x}"
        for _click in range(chance.choice((1, 1, 2))):
            person.execute(key)
    elif action == "cancel_one":
        found = person.ask("GET", f"orders?account={trader.account_id}&status=open") or {}
        for order in found.get("results", [])[:1]:
            person.flies = False
            person.ask("POST", f"orders/{order['id']}/cancel")
    elif action == "cancel_all":
        person.cancel_all()
    elif action == "refresh":
        person.ask("POST", "orders/refresh", {"account": trader.account_id})
    elif action == "orders":
        person.ask("GET", f"orders?account={trader.account_id}")
    elif action == "summary":
        person.ask("GET", f"portfolio/summary?account={trader.account_id}")
    elif action == "stop":
        person.stop()
        person.start()
    elif action == "start":
        person.start()
    elif action == "stop_run":
        for run in (person.ask("GET", "runs") or {}).get("results", [])[:1]:
            person.flies = False
            person.ask("POST", f"runs/{run['id']}/stop")
    else:
        raise ValueError(f"nobody knows how to {action}")
