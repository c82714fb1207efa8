"""The API keeps to its OpenAPI document, whatever is sent to it: schemathesis makes requests of the document, right and
wrong ones, signed in and not, and compares every answer with it. The same seed makes the same requests.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from django.utils import timezone
from hypothesis.errors import Unsatisfiable
from pytest_django.fixtures import Settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts import services as accounts
from accounts.models import User
from accounts.tokens.services import issue_token
from exchanges import services as exchanges
from orders import services as orders
from orders.models import StrangerOrder, Tick
from portfolio import services as portfolio
from portfolio.models import CashFlow, PortfolioSnapshot
from strategies import services as strategies
from strategies.domain import Target
from strategies.models import TargetProposal
from strategies.tests.backtest_scenes import done_run
from strategies.tests.sweep_scenes import done, search, stocked

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
SEED = 20261122
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
METHODS = ("get", "post", "put", "patch", "delete")  # what ends something comes last
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@dataclass
class Counted:
    """The whole site as a WSGI application that counts what it is asked."""

    statuses: Counter[int] = field(default_factory=Counter)
    site: WSGIHandler = field(default_factory=WSGIHandler)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def begin(status: str, *more: Any) -> Any:
            self.statuses[int(status.split()[0])] += 1
            return start_response(status, *more)

        answer: Iterable[bytes] = self.site(environ, begin)
        return answer

    @property
    def requests(self) -> int:
        return sum(self.statuses.values())


# --- who asks, and what they own -------------------------------------------------------------------------


@dataclass
class Asker:
    """How somebody signs in, and what is theirs: numbers by the name of a parameter."""

    who: str
    headers: dict[str, str]
    cookies: dict[str, str]
    numbers: dict[str, int]


@dataclass
class World:
    """A user who owns one of everything."""

    user: User
    numbers: dict[str, int]

    def askers(self) -> list[Asker]:
        browser = Client()
        browser.force_login(self.user)
        token = {"Authorization": f"Token {issue_token(self.user)}"}
        session = {"sessionid": browser.cookies["sessionid"].value}
        return [
            Asker("by token", token, {}, self.numbers),
            Asker("by session", {}, session, self.numbers),
            Asker("signed out", {}, {}, self.numbers),
        ]


def world(number: int, sweep_id: int | None = None) -> World:
    """A new user. What a sweep costs is not spent on everybody: it may be somebody else's."""
    user = accounts.register(f"user{number}@example.org", "correct-horse-9")
    account = exchanges.connect_account(user, label="Paper", venue="paper")
    values = {"name": "Targets", "order_step_pct": Decimal(2), "order_size_pct": Decimal(30)}
    strategy = strategies.create_strategy(user, account, values, [Target("BTC", Decimal(60))])
    strategies.activate(strategy)
    run = orders.execute(user, strategy, trigger="api").run
    orders.start_autopilot(user, strategy)
    now = timezone.now()
    Tick.objects.create(
        user=user, strategy=strategy, run=run, status="acted", code="run_ended", actions={"placed": 1},
        started_at=now, ended_at=now,
    )  # fmt: skip
    StrangerOrder.objects.create(
        account=account, exchange_order_id=7, client_order_id="web", symbol="BTCUSDT", side="BUY", type="LIMIT",
        price=1, quantity=1, seen_at=now,
    )  # fmt: skip
    CashFlow.objects.create(account=account, at=now, kind="deposit", asset="USDT", amount=1, value=1)
    portfolio.take_snapshot(account, PortfolioSnapshot.Reason.HOURLY)
    order = run.rounds.get().orders.first()
    assert order is not None
    return World(
        user,
        {
            "account_id": account.pk,
            "account": account.pk,
            "strategy_id": strategy.pk,
            "strategy": strategy.pk,
            "run_id": run.pk,
            "run": run.pk,
            "order_id": order.pk,
            "order": order.pk,
            "notice_id": accounts.tell(user, "Look at this").pk,
            "proposal_id": TargetProposal.objects.create(
                strategy=strategy, state="open", target_model="equal", created_at=now
            ).pk,
            "backtest_id": done_run(user, strategy=strategy).pk,
            "backtest": done_run(user, strategy=strategy).pk,
            "sweep_id": sweep_id or done(user, search=search(min_delta_pct="2,4")).pk,
        },
    )


# --- what is asked ---------------------------------------------------------------------------------------


def pointed(case: Case, numbers: dict[str, int]) -> Case:
    """The same request of rows that are there: at random, numbers lead nowhere."""
    for place in (case.path_parameters, case.query, case.body):
        if isinstance(place, dict):
            for name in place:
                if name in numbers and isinstance(place[name], int):
                    place[name] = numbers[name]
    return case


@dataclass
class Explorer:
    """Asks operations of a document, and keeps what was wrong with the answers."""

    app: Counted
    problems: list[str] = field(default_factory=list)

    def ask(self, operation: APIOperation, asker: Asker, count: int, modes: tuple[GenerationMode, ...] = MODES) -> None:
        for mode in modes:
            try:
                self._search(operation, mode, asker, count)
            except Unsatisfiable:
                continue  # nothing about it can be wrong

    def _search(self, operation: APIOperation, mode: GenerationMode, asker: Asker, count: int) -> None:
        asked = 0

        @hypothesis.seed(SEED)
        @hypothesis.settings(
            max_examples=count,
            database=None,
            deadline=None,
            derandomize=False,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def probe(case: Case) -> None:
            nonlocal asked
            asked += 1
            self._one(pointed(case, asker.numbers) if asked % 3 else case, mode, asker)

        probe()

    def _one(self, case: Case, mode: GenerationMode, asker: Asker) -> None:
        answer = case.call(headers=asker.headers, cookies=asker.cookies)
        is_nobody = not asker.headers and not asker.cookies
        if is_nobody and any(case.operation.definition.raw["security"]) and answer.status_code != 401:
            self.problems.append(f"{case.operation.label}: {answer.status_code} for somebody who is not signed in")
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as found:
            asked = f"{case.operation.label}, {asker.who}, {mode.value}: {case.formatted_path} {case.query} {case.body}"
            for failure in found.exceptions:
                self.problems.append(f"{asked[:300]} -> {answer.status_code} {failure}: {answer.text[:300]}")


@pytest.fixture
def explorer(settings: Settings, tmp_path: Path) -> Iterator[Explorer]:
    stocked(settings, tmp_path)
    # The requests are answered in the transaction of this test, whose connection must not be closed between them.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield Explorer(Counted())
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def operations_of(app: Counted) -> list[APIOperation]:
    document = schemathesis.openapi.from_wsgi("/api/schema/?format=json", app)
    return [found.ok() for found in document.get_all_operations()]


def test_every_operation_answers_as_documented(explorer: Explorer) -> None:
    by_token = world(0).askers()[0]
    operations = operations_of(explorer.app)
    for operation in sorted(operations, key=lambda operation: METHODS.index(operation.method)):
        explorer.ask(operation, by_token, 1, MODES[:1])
    assert not explorer.problems, "\n\n".join(explorer.problems[:20])
    assert explorer.app.requests > len(operations)


@pytest.mark.soak
def test_every_answer_to_thousands_of_requests_is_a_documented_one(explorer: Explorer) -> None:
    shared = world(0)
    for number, operation in enumerate(operations_of(explorer.app), start=1):
        owner = shared if operation.method == "get" else world(number, shared.numbers["sweep_id"])
        by_token, by_session, signed_out = owner.askers()
        explorer.ask(operation, by_token, 12)
        explorer.ask(operation, by_session, 4, MODES[:1])
        explorer.ask(operation, signed_out, 4, MODES[:1])
    assert not explorer.problems, "\n\n".join(explorer.problems[:20])
    assert explorer.app.requests >= 2000, explorer.app.statuses
    assert {200, 201, 204, 400, 401, 403, 404, 409} <= set(explorer.app.statuses)
