"""/api/me/sweeps/: begin, look, cancel, delete; each user her own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from exchanges.models import ExchangeAccount
from strategies.backtest.models import Sweep
from strategies.backtest.selectors import sweeps as selectors
from strategies.backtest.services import sweep_work
from strategies.models import Strategy
from strategies.tests import sweep_scenes as scenes
from strategies.tests.backtest_scenes import created as created_run
from strategies.tests.backtest_scenes import plain_values

pytestmark = [
    pytest.mark.django_db(databases=["default", "paper"]),
]

Api = Callable[[User], APIClient]
ALL = "/api/me/sweeps/"


@pytest.fixture(autouse=True)
def _candles(settings: Any, tmp_path: Path) -> None:
    scenes.stocked(settings, tmp_path)
    settings.CELERY_BROKER_URL = "memory://localhost/"


def body(**more: Any) -> dict[str, Any]:
    return {
        **plain_values(trigger_mode="both"),
        "vary": {"min_delta_pct": "3:5:1", "interval_minutes": [1440, 2880]},
        "windows": 0,
        "paths": 0,
        **more,
    }


def worked(sweep_id: int) -> None:
    sweep_work.work(sweep_id, "in this process")


def test_a_sweep_is_begun_looked_at_and_told_in_strings(alice: User, api_for: Api) -> None:
    api = api_for(alice)
    answer = api.post(ALL, body(name="Bands", paths=5), format="json", headers={"Idempotency-Key": "one"})
    assert answer.status_code == 201
    begun = answer.json()
    assert begun["state"] == "queued"
    assert begun["vary"] == {"min_delta_pct": ["3", "4", "5"], "interval_minutes": [1440, 2880]}
    assert begun["progress"]["settings_total"] == 6
    again = api.post(ALL, body(), format="json", headers={"Idempotency-Key": "one"})
    assert (again.status_code, again.json()["id"]) == (200, begun["id"])
    worked(begun["id"])
    done = api.get(f"{ALL}{begun['id']}/").json()
    assert (done["state"], done["progress"]["percent"]) == ("done", 100)
    best = done["result"]["best"]
    assert set(best["setting"]) == {"min_delta_pct", "interval_minutes"}
    assert all(isinstance(best[name], str) for name in ("end_value", "fees", "total_return", "sharpe"))
    assert done["result"]["monte_carlo"]["paths"] == 5
    assert any("no choice has seen" in sentence for sentence in done["meaning"])
    assert [row["id"] for row in api.get(ALL).json()["results"]] == [begun["id"]]


def test_the_settings_of_a_done_sweep_come_in_pages(alice: User, api_for: Api) -> None:
    api, sweep = api_for(alice), scenes.done(alice)
    first = api.get(f"{ALL}{sweep.pk}/settings?limit=15").json()
    second = api.get(first["next"]).json()
    assert (first["count"], len(first["results"]), len(second["results"])) == (21, 15, 6)
    assert second["next"] is None
    assert [row["rank"] for row in [*first["results"], *second["results"]]] == list(range(1, 22))
    waiting = scenes.created(alice)
    assert api.get(f"{ALL}{waiting.pk}/settings").status_code == 409


def test_an_estimate_begins_nothing(alice: User, api_for: Api) -> None:
    answer = api_for(alice).post(f"{ALL}estimate", body(), format="json")
    assert answer.status_code == 200
    assert answer.json()["settings"] == 6
    assert not Sweep.objects.exists()


def test_a_sweep_begins_from_an_earlier_back_test(alice: User, api_for: Api) -> None:
    run = created_run(alice, trigger_mode="both", start_cash="777")
    asked = {"backtest": run.pk, "vary": {"min_delta_pct": ["2", "4"]}, "windows": 0, "paths": 0}
    answer = api_for(alice).post(ALL, asked, format="json")
    assert answer.status_code == 201, answer.json()
    assert Sweep.objects.get().settings["start"] == {"USDT": "777"}


def test_a_sweep_begins_from_a_strategy(
    alice: User, api_for: Api, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]
) -> None:
    mine = strategy(paper_account(alice), {"BTC": 60, "ETH": 20}, name="Mine")
    asked = {"strategy": mine.pk, "vary": {"min_delta_pct": "1:3:1"}, "windows": 0, "paths": 0}
    answer = api_for(alice).post(ALL, asked, format="json")
    assert answer.status_code == 201, answer.json()
    assert (answer.json()["strategy"], answer.json()["name"]) == (mine.pk, "Mine")


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("min_delta_pct", {"vary": {"min_delta_pct": "9:2:1"}}),
        ("min_delta_pct", {"vary": {"min_delta_pct": [2, 2]}}),
        ("min_delta_pct", {"vary": {"min_delta_pct": [[2]]}}),
        ("hodl", {"vary": {"hodl": [2]}}),
        ("parameters", {"vary": {}}),
        ("held_out_pct", {"held_out_pct": 90}),
        ("objective", {"objective": "luck"}),
        ("count", {"count": 7}),
        ("targets", {"targets": [{"asset": "DOGE", "weight_pct": "50"}]}),
    ],
)
def test_what_is_wrong_is_said_at_its_field(alice: User, api_for: Api, field: str, more: dict[str, Any]) -> None:
    answer = api_for(alice).post(ALL, body(**more), format="json")
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == [field]


def test_a_sweep_is_cancelled_and_deleted(alice: User, api_for: Api) -> None:
    api, sweep = api_for(alice), scenes.created(alice)
    assert api.post(f"{ALL}{sweep.pk}/cancel").json()["state"] == "cancelled"
    assert api.post(f"{ALL}{sweep.pk}/cancel").json()["state"] == "cancelled"
    assert api.delete(f"{ALL}{sweep.pk}/").status_code == 204
    assert not Sweep.objects.exists()
    done = scenes.done(alice, search=scenes.search(min_delta_pct="3"))
    assert api.post(f"{ALL}{done.pk}/cancel").json()["error"]["code"] == "sweep_over"


def test_charlie_sees_nothing_and_changes_nothing(alice: User, bob: User, charlie: User, api_for: Api) -> None:
    mine, running = scenes.done(alice), scenes.created(alice)
    bobs = created_run(bob)
    api = api_for(charlie)
    assert api.get(ALL).json()["results"] == []
    for method, path in (
        ("get", f"{ALL}{mine.pk}/"),
        ("get", f"{ALL}{mine.pk}/settings"),
        ("post", f"{ALL}{running.pk}/cancel"),
        ("delete", f"{ALL}{mine.pk}/"),
    ):
        answer = getattr(api, method)(path)
        assert answer.status_code == 404
        assert "Alice" not in answer.content.decode()
    asked = {"backtest": bobs.pk, "vary": {"min_delta_pct": ["2", "4"]}}
    assert api.post(ALL, asked, format="json").status_code == 404
    running.refresh_from_db()
    assert running.state == Sweep.State.QUEUED
    assert APIClient().get(ALL).status_code == 401


def test_a_message_that_cannot_be_sent_does_not_stop_a_sweep_from_being_created(alice: User, api_for: Api) -> None:
    assert api_for(alice).post(ALL, body(), format="json").status_code == 201
    assert selectors.next_sweep() == Sweep.objects.get().pk
