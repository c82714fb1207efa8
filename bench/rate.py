"""What users cost of an address's REQUEST_WEIGHT: minutes of simulated time, driven by the product's own dispatcher and
ticks against the paper exchange in-process, which counts. Nothing here sleeps.

One tick in a hundred trades: an owner changes three weights, three orders are placed away from the market, rest for two
minutes, and are filled when the price comes to them. Prices are held by hand, so nothing else trades.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import time_machine
from django.conf import settings

from accounts.models import User
from bench.crowd import QUOTE, TARGETS, on_target
from botbalance.lib import system_settings
from botbalance.lib.clock import now_ms
from exchanges import services as exchanges
from exchanges.adapters.weights import SERVES_EVERYBODY
from exchanges.ledger import domain
from exchanges.ledger.limits import WEIGHT
from exchanges.models import ExchangeAccount
from exchanges.paper import rest, transport
from exchanges.paper import services as paper
from exchanges.paper.market import Market
from exchanges.paper.wire import Answer, RawRequest
from orders import services as orders
from orders.models import Fill, Order, Round, Run, Tick
from strategies import services as strategies
from strategies.domain import Target
from strategies.models import Strategy

START = "2026-03-02T10:00:00+00:00"
BEAT_SECONDS = 2
LIMIT_A_MINUTE = 6000
PERIOD_SECONDS = 30

SERVER, IDLE, TRADING = "server", "idle", "trading"

TRADED_TICKS_PCT = 1
CYCLE_SECONDS = 180  # a group of users trades, and is done, before the next one does
FILLS_AFTER_SECONDS = 135  # turns are spread over 30 s, so orders have rested for two minutes on average
STEP_PCT = Decimal("0.5")
REACH = Decimal("0.01")  # the price comes so far: beyond the orders, below every band
MOVED = {**TARGETS, "BTC": Decimal(32), "ETH": Decimal(27), "SOL": Decimal(16)}


@dataclass
class Count:
    """What the exchange has charged, by purpose and route, and how many requests that were."""

    weight: Counter[tuple[str, str]] = field(default_factory=Counter)
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    by_minute: Counter[int] = field(default_factory=Counter)
    _unsettled: list[tuple[str, int]] = field(default_factory=list)
    _minute: int = -1
    _used: int = 0

    def charge(self, request: RawRequest, answer: Answer) -> None:
        """Add what its counter has grown by with this request."""
        minute, used = now_ms() // 60_000, int(answer.headers.get("X-MBX-USED-WEIGHT", 0))
        weight = used - (self._used if minute == self._minute else 0)
        self._minute, self._used = minute, used
        self.by_minute[minute] += weight
        self._unsettled.append((f"{request.method} {request.path}", weight))

    def settle(self, purpose: str) -> None:
        """Say what the requests since the last time were for; what serves everybody is the server's own."""
        for route, weight in self._unsettled:
            key = (SERVER if route in SERVES_EVERYBODY else purpose, route)
            self.weight[key] += weight
            self.requests[key] += 1
        self._unsettled.clear()

    def restart(self) -> None:
        for counter in (self.weight, self.requests, self.by_minute):
            counter.clear()

    def of_server(self) -> int:
        return sum(weight for (purpose, _route), weight in self.weight.items() if purpose == SERVER)

    def of_users(self) -> int:
        return self.weight.total() - self.of_server()

    def by_route(self) -> dict[str, dict[str, dict[str, int]]]:
        """{purpose: {route: {requests, weight}}}"""
        found: dict[str, dict[str, dict[str, int]]] = {}
        for (purpose, route), weight in sorted(self.weight.items()):
            requests = self.requests[purpose, route]
            found.setdefault(purpose, {})[route] = {"requests": requests, "weight": weight}
        return found


@contextmanager
def counting() -> Iterator[Count]:
    """Count what the paper exchange charges this process while the block runs."""
    count = Count()

    def handle(request: RawRequest, market: Market | None = None) -> Answer:
        answer = rest.handle(request, market)
        count.charge(request, answer)
        return answer

    with patch.object(transport, "handle", handle):
        yield count


def measure(*, users: int, minutes: int, idle_minutes: int) -> dict[str, Any]:
    """Weight per user and minute at an idle balance age, and what it is made of.

    `minutes` are a multiple of three, and best of the age as well: every user's balances are then read equally often.
    """
    with time_machine.travel(START, tick=False) as clock, counting() as count:
        system_settings.change(idle_balance_seconds=idle_minutes * 60)
        held = _hold_prices()
        drive = _Drive(clock, count, [_user(number) for number in range(users)], held)
        drive.start_autopilots(idle_minutes * 60)
        count.restart()
        drive.looks = 0
        drive.pass_minutes(minutes)
        return {"idle_minutes": idle_minutes, "users": users, "minutes": minutes, **drive.findings(minutes)}


def measure_naive(*, users: int, minutes: int) -> dict[str, Any]:
    """The same for a bot that reads the account and all its open orders at every tick."""
    with time_machine.travel(START, tick=False) as clock, counting() as count:
        adapters = [exchanges.adapter_for(_account(f"naive{number}@example.org")) for number in range(users)]
        count.settle("setup")
        count.restart()
        for _tick in range(minutes * 60 // PERIOD_SECONDS):
            clock.shift(PERIOD_SECONDS)
            for adapter in adapters:
                adapter.account_info()
                adapter.get_open_orders()
        count.settle("naive")
        return {"users": users, "minutes": minutes, **_per_ip(count, users, minutes)}


@dataclass
class _Drive:
    """Time that passes for a crowd, as beat and one worker would have it."""

    clock: time_machine.Traveller
    count: Count
    crowd: list[Strategy]
    held: dict[str, Decimal]
    looks: int = 0
    _due: Decimal = Decimal(0)
    _next: int = 0

    def start_autopilots(self, seconds: int) -> None:
        """One after the other within the age that balances reach, so that they are not all read in the same minute."""
        started = 0
        for passed in range(BEAT_SECONDS, seconds + 1, BEAT_SECONDS):
            wanted = len(self.crowd) * passed // seconds
            for strategy in self.crowd[started:wanted]:
                orders.start_autopilot(strategy.user, strategy)
            started = wanted
            self._beat(BEAT_SECONDS)

    def pass_minutes(self, minutes: int) -> None:
        for _cycle in range(minutes * 60 // CYCLE_SECONDS):
            self._trade_some()
            self._pass(FILLS_AFTER_SECONDS)
            for share in (1 - REACH, 1 + REACH):
                _move_prices(self.held, share)
                self._beat(BEAT_SECONDS)
            _move_prices(self.held, Decimal(1))
            self._pass(CYCLE_SECONDS - FILLS_AFTER_SECONDS - 2 * BEAT_SECONDS)

    def findings(self, minutes: int) -> dict[str, Any]:
        rounds, orders_placed = Round.objects.count(), Order.objects.count()
        rested = [fill.at.timestamp() - fill.order.sent_ms / 1000 for fill in Fill.objects.select_related("order")]
        trading = sum(weight for (purpose, _route), weight in self.count.weight.items() if purpose == TRADING)
        return {
            **_per_ip(self.count, len(self.crowd), minutes),
            "peak_weight_in_a_minute": max(self.count.by_minute.values(), default=0),
            "looks": self.looks,
            "rebalances": rounds,
            "rebalances_complete": Run.objects.filter(reason_code="within_band").count(),
            "legs_a_rebalance": round(orders_placed / rounds, 2) if rounds else 0,
            "seconds_orders_rested": round(sum(rested) / len(rested)) if rested else 0,
            "weight_a_rebalance": round(trading / rounds, 1) if rounds else 0,
            "by_route": self.count.by_route(),
        }

    def _trade_some(self) -> None:
        """The share of the coming cycle's turns that trades: each in turn changes three of its weights."""
        turns = len(self.crowd) * CYCLE_SECONDS / Decimal(PERIOD_SECONDS)
        self._due += turns * TRADED_TICKS_PCT / 100
        while self._due >= 1:
            self._due -= 1
            strategy = self.crowd[self._next % len(self.crowd)]
            wanted = MOVED if self._next // len(self.crowd) % 2 == 0 else TARGETS
            strategies.update_strategy(strategy, {}, [Target(asset, weight) for asset, weight in wanted.items()])
            self._next += 1

    def _pass(self, seconds: int) -> None:
        while seconds > 0:
            self._beat(min(BEAT_SECONDS, seconds))
            seconds -= BEAT_SECONDS

    def _beat(self, seconds: int) -> None:
        self.clock.shift(seconds)
        dispatched = orders.dispatch()
        self.looks += dispatched.looked
        self.count.settle("scan")
        for account_id, due_ms in dispatched.ticks:
            row = orders.tick(account_id, due_ms)
            self.count.settle(IDLE if row is not None and row.status == Tick.Status.IDLE else TRADING)


def _per_ip(count: Count, users: int, minutes: int) -> dict[str, Any]:
    weight = Decimal(count.of_users()) / users / minutes
    server = Decimal(count.of_server()) / minutes
    return {
        "weight_per_user_minute": float(round(weight, 3)),
        "server_weight_per_minute": float(round(server, 1)),
        "users_per_ip": int((_let_through() - server) / weight),
    }


def _let_through() -> int:
    """How much weight a minute may have before the ledger makes users' reads wait, the server's own included."""
    a_user = domain.Ask(0, 1, owner=domain.SERVER + 1, headroom_pct=settings.EXCHANGE_READ_HEADROOM_PCT)
    return domain.room_of_reads(domain.Host(limits={WEIGHT: LIMIT_A_MINUTE}), a_user)


def _account(email: str) -> ExchangeAccount:
    user = User.objects.create_user(email, None)
    balances = {asset: Decimal(free) for asset, (free, _locked) in on_target().items()}
    return exchanges.connect_account(user, label="Paper", venue="paper", paper_balances=balances)


def _user(number: int) -> Strategy:
    account = _account(f"user{number}@example.org")
    values = {
        "name": "Five coins",
        "min_delta_pct": Decimal(1),
        "order_size_pct": Decimal(100),
        "order_step_pct": STEP_PCT,
        "order_lifetime_seconds": 600,
    }
    targets = [Target(asset, weight) for asset, weight in TARGETS.items()]
    return strategies.create_strategy(account.user, account, values, targets)


def _hold_prices() -> dict[str, Decimal]:
    held = {f"{asset}{QUOTE}": paper.symbol_state(f"{asset}{QUOTE}").last for asset in TARGETS}
    _move_prices(held, Decimal(1))
    return held


def _move_prices(held: dict[str, Decimal], share: Decimal) -> None:
    for symbol, price in held.items():
        paper.symbol_control(symbol, price=price * share)
