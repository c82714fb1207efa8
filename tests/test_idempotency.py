"""A request that trades or changes orders is done once for its `Idempotency-Key`, however often it is sent."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts.idempotency import services
from accounts.idempotency.models import IdempotencyKey
from accounts.idempotency.tasks import forget_old
from accounts.models import User
from botbalance.lib.api_versions import canonical
from exchanges.models import ExchangeAccount
from orders.models import Run
from strategies.models import Strategy
from tests.refusals import refusal
from tests.test_twice_at_once import THREADS, at_once

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

TAKES_A_KEY = {
    "/api/me/accounts/{account_id}/reset",
    "/api/me/dust/conversions",
    "/api/me/orders/cancel",
    "/api/me/orders/{order_id}/cancel",
    "/api/me/rebalance/execute",
    "/api/me/runs/{run_id}/stop",
    "/api/me/strategies/{strategy_id}/start",
    "/api/me/strategies/{strategy_id}/stop",
    # These trade nothing, and remember their keys themselves.
    "/api/me/backtests/",
    "/api/me/sweeps/",
}


@pytest.fixture
def targets(alice: User, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]) -> Strategy:
    return strategy(paper_account(alice, {"USDT": 10_000}), {"BTC": 40}, order_step_pct="2")


@pytest.fixture
def api(alice: User, api_for: Callable[[User], APIClient]) -> APIClient:
    return api_for(alice)


def switch(api: APIClient, targets: Strategy, word: str, key: str = "", root: str = "/api/") -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return api.post(f"{root}me/strategies/{targets.pk}/{word}", headers=headers)


def is_on(api: APIClient, targets: Strategy) -> bool:
    answer: bool = api.get(f"/api/me/strategies/{targets.pk}/autopilot").json()["is_on"]
    return answer


def execute(api: APIClient, targets: Strategy, key: str, **body: str) -> Any:
    wanted = {"strategy": targets.pk, **body}
    return api.post("/api/me/rebalance/execute", wanted, format="json", headers={"Idempotency-Key": key})


def test_the_document_says_which_requests_take_a_key(client: Client) -> None:
    paths = client.get("/api/schema/?format=json").json()["paths"]
    taking = {
        path
        for path, methods in paths.items()
        for parameter in methods.get("post", {}).get("parameters", [])
        if (parameter["name"], parameter["in"]) == ("Idempotency-Key", "header")
    }
    assert taking == {canonical(path) for path in TAKES_A_KEY}


def test_the_same_again_has_the_same_answer_and_does_nothing(api: APIClient, targets: Strategy) -> None:
    first = switch(api, targets, "start", "one")
    switch(api, targets, "stop")
    again = switch(api, targets, "start", "one")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert not is_on(api, targets), "it was not switched on a second time"


def test_another_key_or_none_does_it_again(api: APIClient, targets: Strategy) -> None:
    for key in ("two", ""):
        switch(api, targets, "start", "one")
        switch(api, targets, "stop")
        switch(api, targets, "start", key)
        assert is_on(api, targets)


def test_both_addresses_are_one(api: APIClient, targets: Strategy) -> None:
    switch(api, targets, "start", "one")
    assert switch(api, targets, "start", "one", root="/api/v1/").headers["Idempotent-Replayed"] == "true"


def test_an_answer_without_a_body_is_given_again(api: APIClient, targets: Strategy) -> None:
    path = f"/api/me/accounts/{targets.account_id}/reset"
    answers = [api.post(path, headers={"Idempotency-Key": "one"}) for _time in range(2)]
    assert [answer.status_code for answer in answers] == [204, 204]
    assert answers[1].headers["Idempotent-Replayed"] == "true"


def test_another_request_with_the_key_is_refused(api: APIClient, targets: Strategy) -> None:
    switch(api, targets, "start", "one")
    refusal(switch(api, targets, "stop", "one"), 409, "idempotency_key_reused")
    refusal(execute(api, targets, "one"), 409, "idempotency_key_reused")
    assert is_on(api, targets)
    assert not Run.objects.exists()


def test_another_body_with_the_key_is_refused(api: APIClient, targets: Strategy) -> None:
    path, headers = "/api/me/orders/cancel", {"Idempotency-Key": "one"}
    body = {"account": targets.account_id}
    assert api.post(path, body, format="json", headers=headers).status_code == 200
    refusal(api.post(path, {}, format="json", headers=headers), 409, "idempotency_key_reused")
    assert api.post(path, body, format="json", headers=headers).headers["Idempotent-Replayed"] == "true"


def test_the_key_of_another_user_means_nothing(
    api: APIClient,
    targets: Strategy,
    bob: User,
    api_for: Callable[[User], APIClient],
    paper_account: Callable[..., ExchangeAccount],
    strategy: Callable[..., Strategy],
) -> None:
    switch(api, targets, "start", "one")
    refusal(switch(api_for(bob), targets, "start", "one"), 404)
    bobs = strategy(paper_account(bob), {"BTC": 10})
    assert switch(api_for(bob), bobs, "start", "one").json()["strategy"] == bobs.pk


def test_what_was_refused_may_be_tried_again_with_its_key(api: APIClient, alice: User, targets: Strategy) -> None:
    accounts.suspend(alice)
    assert switch(api, targets, "start", "one").status_code >= 400
    accounts.resume(alice)
    assert switch(api, targets, "start", "one").status_code == 200
    assert is_on(api, targets)


@pytest.mark.parametrize("key", ["x" * 101, "a\x00b"])
def test_a_key_that_cannot_be_kept_is_named(key: str, api: APIClient, targets: Strategy) -> None:
    assert set(refusal(switch(api, targets, "start", key), 400, "invalid")) == {"idempotency_key"}
    assert not is_on(api, targets)


# --- a rebalance, which remembers its key itself ---------------------------------------------------------


def test_a_rebalance_is_begun_once_and_is_told_as_it_stands(api: APIClient, targets: Strategy) -> None:
    first = execute(api, targets, "one")
    api.post(f"/api/me/runs/{first.json()['run']}/stop")
    again = execute(api, targets, "one")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["run"] == first.json()["run"]
    assert (first.json()["state"], again.json()["state"]) == ("active", "stopped")
    assert Run.objects.count() == 1


def test_another_plan_with_the_key_of_a_rebalance_is_refused(api: APIClient, targets: Strategy) -> None:
    digest = api.get(f"/api/me/strategies/{targets.pk}/plan").json()["plan_digest"]
    assert execute(api, targets, "one", plan_digest=digest).status_code == 201
    refusal(execute(api, targets, "one"), 409, "idempotency_key_reused")
    assert execute(api, targets, "one", plan_digest=digest).status_code == 200
    assert Run.objects.count() == 1


def test_a_rebalance_knows_its_key_longer_than_a_day(api: APIClient, targets: Strategy) -> None:
    run = execute(api, targets, "one").json()["run"]
    IdempotencyKey.objects.all().delete()
    assert execute(api, targets, "one").json()["run"] == run


# --- claims ----------------------------------------------------------------------------------------------


def test_while_it_is_being_answered_the_same_is_refused(api: APIClient, alice: User, targets: Strategy) -> None:
    switch(api, targets, "start", "one")
    IdempotencyKey.objects.update(status=None)  # as it is while the first is under way
    refusal(switch(api, targets, "start", "one"), 409, "idempotency_in_progress")


def test_whoever_died_over_it_loses_it_after_ten_minutes(alice: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        dead = services.claim(alice, "one", "f")
        clock.shift(timedelta(minutes=10, seconds=-1))
        with pytest.raises(services.InProgress):
            services.claim(alice, "one", "f")
        clock.shift(1)
        heir = services.claim(alice, "one", "f")
        assert isinstance(dead, services.Claim)
        assert isinstance(heir, services.Claim)
        services.keep(dead, 200, '"too late"')
        services.give_up(dead)
        services.keep(heir, 200, '"mine"')
        assert services.claim(alice, "one", "f") == services.Answered(200, '"mine"')


def test_a_key_is_forgotten_after_a_day(alice: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        held = services.claim(alice, "one", "f")
        assert isinstance(held, services.Claim)
        services.keep(held, 200, "{}")
        clock.shift(timedelta(hours=24, seconds=-1))
        assert forget_old() == 0
        assert isinstance(services.claim(alice, "one", "f"), services.Answered)
        clock.shift(1)
        assert isinstance(services.claim(alice, "one", "other"), services.Claim), "also before they are swept"
        clock.shift(timedelta(hours=24))
        assert forget_old() == 1


@pytest.mark.django_db(transaction=True, databases=["default", "paper"])
def test_of_first_attempts_at_once_one_acts(alice: User) -> None:
    got = Counter(type(outcome) for outcome in at_once(lambda _number: services.claim(alice, "one", "f")))
    assert got == {services.Claim: 1, services.InProgress: THREADS - 1}
