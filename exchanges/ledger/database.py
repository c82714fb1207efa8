"""The ledger's state in the database: a row a host and a row an account, locked while one request is decided on."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import Error, transaction

from exchanges.ledger import domain
from exchanges.ledger.domain import Ask, Host, Orders, Settlement, Verdict
from exchanges.ledger.store import StoreDown
from exchanges.models import TrafficState

T = TypeVar("T")


class DatabaseStore:
    """See Store. A lock lasts as long as the decision, which takes microseconds and asks nobody."""

    def reserve(self, host: str, ask: Ask) -> Verdict:
        def decide(known: Host, orders: Orders) -> Verdict:
            return domain.reserve(known, orders, ask)

        return _change(host, ask.account if ask.orders else None, decide)

    def settle(self, host: str, found: Settlement) -> None:
        def take_in(known: Host, orders: Orders) -> None:
            domain.settle(known, orders, found)

        _change(host, found.account if found.concerns_orders else None, take_in)

    def leave(self, host: str, ticket: str) -> None:
        def leave(known: Host, orders: Orders) -> None:
            domain.leave(known, ticket)

        _change(host, None, leave)

    def learn(self, host: str, limits: Mapping[str, int]) -> None:
        def take_in(known: Host, orders: Orders) -> None:
            known.limits = dict(limits)

        _change(host, None, take_in)

    def look(self, host: str) -> tuple[Host, dict[int, Orders]]:
        with _errors_as_store_down():
            ours = TrafficState.objects.filter(key__startswith=_key(host, ""))
            accounts = dict(ours.values_list("key", "state"))
        known = self.pauses([host]).get(host, Host())
        return known, {int(key.rpartition(" ")[2]): _orders(state) for key, state in accounts.items()}

    def pauses(self, hosts: Sequence[str]) -> dict[str, Host]:
        with _errors_as_store_down():
            rows = TrafficState.objects.filter(pk__in=hosts).values_list("key", "state")
            return {host: _host(state) for host, state in rows}


def _key(host: str, account: object = None) -> str:
    """A base URL has no space in it, so that no host's key begins with another's and a space."""
    return host if account is None else f"{host} {account}"


def _host(state: str) -> Host:
    return Host.of(json.loads(state)) if state else Host()


def _orders(state: str) -> Orders:
    return Orders(**json.loads(state)) if state else Orders()


@contextmanager
def _errors_as_store_down() -> Iterator[None]:
    try:
        yield
    except Error as error:
        raise StoreDown(str(error).strip().partition("\n")[0]) from error


def _change(host: str, account: int | None, change: Callable[[Host, Orders], T]) -> T:
    """What `change` makes of the states of a host and of one of its accounts (None: of no account), and keep them."""
    keys = [_key(host)] if account is None else [_key(host), _key(host, account)]
    with _errors_as_store_down():
        while True:
            with transaction.atomic():
                states = _locked(keys)
                if len(states) == len(keys):
                    known, orders = _host(states[keys[0]]), _orders(states[keys[-1]] if account is not None else "")
                    answer = change(known, orders)
                    _keep(keys[0], states, known.as_json())
                    if account is not None:
                        _keep(keys[1], states, orders.as_json())
                    return answer
            # Two who are the first at once make one row, and both find it.
            TrafficState.objects.bulk_create([TrafficState(key=key) for key in keys], ignore_conflicts=True)


def _locked(keys: Sequence[str]) -> dict[str, str]:
    rows = TrafficState.objects.select_for_update().filter(pk__in=keys).order_by("pk")
    return dict(rows.values_list("key", "state"))


def _keep(key: str, states: Mapping[str, str], state: Mapping[str, Any]) -> None:
    text = json.dumps(state, separators=(",", ":"))
    if text != states[key]:
        TrafficState.objects.filter(pk=key).update(state=text)
