"""The ledger's state in Redis: one script call is one atomic step. Keys end by themselves when nothing is sent."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from exchanges.ledger import domain
from exchanges.ledger import limits as ledger_limits
from exchanges.ledger.domain import Answer, Ask, Host, Orders, Reason, Settlement, Verdict, Waiter
from exchanges.ledger.pause import BANNED, CLOCKS_APART_MS, SLOWED
from exchanges.ledger.store import StoreDown

ANSWER_SECONDS = 0.5
DAY_MS = 86_400_000
HOST_MS = 8 * DAY_MS
"""Longer than the longest ban."""
CONSTANTS: Mapping[str, int | str] = {
    "MINUTE_MS": ledger_limits.MINUTE_MS,
    "TICKET_MS": domain.TICKET_MS,
    "TRIAL_MS": domain.TRIAL_MS,
    "CLOCKS_APART_MS": CLOCKS_APART_MS,
    "SERVER": domain.SERVER,
    "SERVER_TAG": domain.SERVER_TAG,
    "SERVER_PCT": domain.SERVER_PCT,
    "BANNED": BANNED,
    "SLOWED": SLOWED,
    "DEFAULT_LIMITS": json.dumps(dict(ledger_limits.DEFAULT_LIMITS)),
    "KEPT_MS": 2 * DAY_MS,  # longer than the longest window of ORDERS
    "HOST_MS": HOST_MS,
    "QUEUE_MS": ledger_limits.MINUTE_MS,
}
PARTS = ("users", "queue", "alive", "waiting", "tags", "orders", "accounts", "outcomes", "told")


def _script() -> str:
    constants = [f"local {name} = {_lua(value)}" for name, value in CONSTANTS.items()]
    return "\n".join([*constants, Path(__file__).with_name("ledger.lua").read_text()])


def _lua(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


class RedisStore:
    """See Store. The host is in braces in every key, so that a cluster keeps the keys of one script together."""

    def __init__(self, url: str) -> None:
        # A connection that has gone stale is opened anew, once; a timeout is an answer.
        retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=retry,
            decode_responses=True,
        )
        self._script = self._redis.register_script(_script())

    def reserve(self, host: str, ask: Ask) -> Verdict:
        arguments = [
            "reserve", ask.now_ms, ask.offset_ms, ask.weight, int(ask.is_read), ask.owner, ask.account, ask.orders,
            ask.ticket, int(ask.may_wait), ask.headroom_pct, *_pairs(ask.outcomes),
        ]  # fmt: skip
        with _errors_as_store_down():
            answer, reason, until_ms, used, limit, is_trial = self._script(_keys(host, ask.account), arguments)
        return Verdict(Answer(answer), Reason(reason), until_ms, used, limit, bool(is_trial))

    def settle(self, host: str, found: Settlement) -> None:
        arguments = [
            "settle", found.now_ms, found.sent_ms, found.owner, found.weight_back, found.orders_back, found.offset_ms,
            found.pause_ms, found.status, found.orders_pause_ms, int(found.was_trial), found.account,
            *_pairs(found.told),
        ]  # fmt: skip
        with _errors_as_store_down():
            self._script(_keys(host, found.account), arguments)

    def leave(self, host: str, ticket: str) -> None:
        with _errors_as_store_down(), self._redis.pipeline() as steps:
            steps.zrem(_key(host, "queue"), ticket)
            steps.zrem(_key(host, "alive"), ticket)
            steps.hdel(_key(host, "waiting"), ticket)
            steps.execute()

    def learn(self, host: str, limits: Mapping[str, int]) -> None:
        with _errors_as_store_down(), self._redis.pipeline() as steps:
            steps.hset(_key(host), "limits", json.dumps(dict(limits)))
            steps.pexpire(_key(host), HOST_MS)
            steps.execute()

    def look(self, host: str) -> tuple[Host, dict[int, Orders]]:
        with _errors_as_store_down():
            with self._redis.pipeline() as steps:
                for part in ("", "users", "waiting", "outcomes", "told", "tags"):
                    steps.hgetall(_key(host, part))
                for part in ("queue", "alive"):
                    steps.zrange(_key(host, part), 0, -1, withscores=True)
                steps.zrange(_key(host, "accounts"), 0, -1)
                fields, users, waiting, outcomes, told, tags, queue, alive, accounts = steps.execute()
            with self._redis.pipeline() as steps:
                for account in accounts:
                    steps.hgetall(_key(host, f"orders:{account}"))
                found = dict(zip(map(int, accounts), map(_orders, steps.execute()), strict=True))
        known = _host(fields)
        known.users, known.outcomes, known.told, known.tags = map(_numbers, (users, outcomes, told, tags))
        known.queue = _queue(queue, waiting, dict(alive))
        return known, found

    def pauses(self, hosts: Sequence[str]) -> dict[str, Host]:
        with _errors_as_store_down(), self._redis.pipeline(transaction=False) as steps:
            for host in hosts:
                steps.hgetall(_key(host))
            return {host: _host(fields) for host, fields in zip(hosts, steps.execute(), strict=True)}


def _key(host: str, part: str = "") -> str:
    return f"botbalance:ledger:{{{host}}}" + (f":{part}" if part else "")


def _keys(host: str, account: int) -> list[str]:
    return [_key(host), *(_key(host, f"orders:{account}" if part == "orders" else part) for part in PARTS)]


def _pairs(numbers: Mapping[str, int]) -> list[Any]:
    return [each for pair in numbers.items() for each in pair]


def _numbers(fields: Mapping[str, str]) -> dict[str, int]:
    return {name: int(value) for name, value in fields.items()}


def _host(fields: Mapping[str, str]) -> Host:
    numbers: dict[str, Any] = {name: int(value) for name, value in fields.items() if name != "limits"}
    return Host(limits=json.loads(fields.get("limits", "{}")), **numbers)


def _queue(queue: list[tuple[str, Any]], waiting: Mapping[str, str], alive: Mapping[str, Any]) -> dict[str, Waiter]:
    found = {}
    for ticket, tag in queue:
        weight, _, owner = waiting.get(ticket, "0:0").partition(":")
        found[ticket] = Waiter(int(tag), int(owner), int(weight), int(alive.get(ticket, 0)))
    return found


def _orders(fields: Mapping[str, str]) -> Orders:
    pauses = {name: int(fields[name]) for name in ("paused_since", "paused_until") if name in fields}
    intervals = [name.removesuffix(":at") for name in fields if name.endswith(":at")]
    return Orders({each: [int(fields[f"{each}:at"]), int(fields[f"{each}:used"])] for each in intervals}, **pauses)


@contextmanager
def _errors_as_store_down() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OSError) as error:
        raise StoreDown(f"{type(error).__name__}: {error}".partition("\n")[0]) from error
