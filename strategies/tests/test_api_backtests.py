"""/api/me/backtests/: begun, looked at, ended and downloaded by its owner alone."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from exchanges.models import ExchangeAccount
from strategies.backtest import services
from strategies.backtest.models import BacktestRun
from strategies.models import Strategy
from strategies.tests.backtest_scenes import created, finished, plain_values, stocked
from tests.refusals import refusal

pytestmark = [
    pytest.mark.django_db(databases=["default", "paper"]),
]
ROOT = "/api/me/backtests/"
ApiFor = Callable[[User], APIClient]
FILES = ("report.html", "trades.csv", "equity.csv")


@pytest.fixture(autouse=True)
def candles(settings: Any, tmp_path: Path) -> None:
    stocked(settings, tmp_path)


@pytest.fixture
def api(alice: User, api_for: ApiFor) -> APIClient:
    return api_for(alice)


def test_one_is_begun_and_its_figures_come_as_strings(api: APIClient) -> None:
    answer = api.post(ROOT, plain_values(name="Wide band", start_cash="5000"), format="json")
    assert answer.status_code == 201, answer.json()
    body = answer.json()
    assert (body["name"], body["state"], body["progress_pct"], body["summary"]) == ("Wide band", "queued", 0, None)
    assert body["settings"]["start"] == {"USDT": "5000"}
    assert (body["from"], body["to"]) == ("2023-01-01T00:00:00Z", "2023-02-10T00:00:00Z")
    services.execute_run(body["id"])
    body = api.get(f"{ROOT}{body['id']}/").json()
    assert body["state"] == "done"
    assert Decimal(body["summary"]["start_value"]) == 5000
    assert isinstance(body["summary"]["sharpe"], str)
    assert len(body["series"]["equity"]) == len(body["series"]["at_ms"]) == 960


def test_what_is_left_out_is_the_strategys(
    api: APIClient,
    alice: User,
    paper_account: Callable[..., ExchangeAccount],
    strategy: Callable[..., Strategy],
) -> None:
    mine = strategy(paper_account(alice, {"USDT": 70, "BTC": "0.5"}), {"BTC": 40}, name="Forty", min_delta_pct="7")
    answer = api.post(ROOT, {"strategy": mine.pk, "with_holdings": True, "band_type": "relative"}, format="json")
    assert answer.status_code == 201, answer.json()
    body = answer.json()
    assert (body["name"], body["strategy"], body["account"]) == ("Forty", mine.pk, mine.account_id)
    assert body["settings"]["limits"]["min_delta_pct"] == "7"
    assert body["settings"]["limits"]["band_type"] == "relative"
    assert body["settings"]["start"] == {"USDT": "70", "BTC": "0.5"}


def test_the_same_key_begins_one(api: APIClient) -> None:
    first = api.post(ROOT, plain_values(), format="json", headers={"Idempotency-Key": "abc"})
    second = api.post(ROOT, plain_values(), format="json", headers={"Idempotency-Key": "abc"})
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    refusal(api.post(ROOT, plain_values(), format="json", headers={"Idempotency-Key": "x" * 101}), 400)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"min_delta_ptc": "7"}, "min_delta_ptc"),
        ({"targets": []}, "targets"),
        ({"targets": [{"asset": "BTC", "weight_pct": "60"}, {"asset": "ETH", "weight_pct": "50"}]}, "targets"),
        ({"targets": [{"asset": "NOPE", "weight_pct": "60"}]}, "targets"),
        ({"min_delta_pct": "0"}, "min_delta_pct"),
        ({"min_delta_pct": "many"}, "min_delta_pct"),
        ({"trigger_mode": "whenever"}, "trigger_mode"),
        ({"interval": "7h"}, "interval"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2023-02-01", "to": "2023-01-01"}, "to"),
        ({"from": "2020-01-01", "to": "2020-02-01"}, "from"),
        ({"start_cash": "-1"}, "start_cash"),
        ({"start_cash": "0"}, "start_cash"),
        ({"flows": [{"amount": "5"}]}, "flows"),
        ({"flows": [{"amount": "5", "every": "fortnight"}]}, "flows"),
        ({"participation_pct": "0"}, "participation_pct"),
        ({"fill_mode": "magic"}, "fill_mode"),
        ({"name": "x" * 81}, "name"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(api: APIClient, values: dict[str, Any], field: str) -> None:
    fields = refusal(api.post(ROOT, plain_values(**values), format="json"), 400)
    assert field in {name.split(".")[0] for name in fields}, fields
    assert not BacktestRun.objects.exists()


def test_missing_candles_are_named_with_the_command_that_brings_them(api: APIClient) -> None:
    values = plain_values(targets=[{"asset": "DOGE", "weight_pct": "60"}])
    fields = refusal(api.post(ROOT, values, format="json"), 400)
    assert "DOGEUSDT" in fields["targets"][0]
    assert "candles fetch" in fields["targets"][0]


def test_too_many_at_once_are_refused(api: APIClient, settings: Any) -> None:
    settings.BACKTESTS_WAITING_PER_USER = 1
    assert api.post(ROOT, plain_values(), format="json").status_code == 201
    refusal(api.post(ROOT, plain_values(), format="json"), 409, "too_many_backtests")


def test_the_list_is_paged_and_newest_first(api: APIClient, alice: User) -> None:
    runs = [created(alice) for _run in range(3)]
    first = api.get(ROOT, {"limit": 2}).json()
    assert [row["id"] for row in first["results"]] == [runs[2].pk, runs[1].pk]
    second = api.get(first["next"]).json()
    assert ([row["id"] for row in second["results"]], second["next"]) == ([runs[0].pk], None)


def test_trades_come_in_pages(api: APIClient, alice: User) -> None:
    run = finished(alice)
    assert run.summary is not None
    count = run.summary["trades"]["fills"]
    seen: list[dict[str, Any]] = []
    url: str | None = f"{ROOT}{run.pk}/trades?limit=50"
    while url:
        page = api.get(url).json()
        assert page["count"] == count
        seen += page["results"]
        url = page["next"]
    assert len(seen) == count > 50
    assert [row["at"] for row in seen] == sorted(row["at"] for row in seen)
    turnover = sum((Decimal(row["notional"]) for row in seen), Decimal(0))
    assert round(turnover, 8) == Decimal(run.summary["turnover"])
    refusal(api.get(f"{ROOT}{run.pk}/trades?limit=0"), 400)


def test_it_is_cancelled_renamed_repeated_and_deleted(api: APIClient, alice: User) -> None:
    run = created(alice)
    assert api.post(f"{ROOT}{run.pk}/cancel").json()["state"] == "cancelled"
    done = finished(alice)
    refusal(api.post(f"{ROOT}{done.pk}/cancel"), 409, "backtest_over")
    assert api.patch(f"{ROOT}{done.pk}/", {"name": "Other"}, format="json").json()["name"] == "Other"
    again = api.post(f"{ROOT}{done.pk}/again")
    assert (again.status_code, again.json()["state"], again.json()["name"]) == (201, "queued", "Other")
    assert api.delete(f"{ROOT}{done.pk}/").status_code == 204
    refusal(api.get(f"{ROOT}{done.pk}/"), 404)


def test_files_are_downloaded(api: APIClient, alice: User) -> None:
    run = finished(alice)
    assert run.summary is not None
    for name in FILES:
        answer = api.get(f"{ROOT}{run.pk}/{name}")
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"] == f'attachment; filename="backtest-{run.pk}-{name}"'
    rows = list(csv.DictReader(io.StringIO(api.get(f"{ROOT}{run.pk}/trades.csv").content.decode())))
    assert len(rows) == run.summary["trades"]["fills"]


def test_what_is_not_done_has_no_outcome_to_download(api: APIClient, alice: User) -> None:
    run = created(alice)
    assert api.get(f"{ROOT}{run.pk}/").json()["series"] is None
    for name in ("trades", *FILES):
        refusal(api.get(f"{ROOT}{run.pk}/{name}"), 409, "backtest_not_done")


def test_others_see_nothing_of_it(
    alice: User,
    bob: User,
    charlie: User,
    api_for: ApiFor,
    paper_account: Callable[..., ExchangeAccount],
    strategy: Callable[..., Strategy],
) -> None:
    mine = strategy(paper_account(alice), {"BTC": 60}, name="Alices recipe")
    run = finished(alice)
    for other in (bob, charlie):
        api = api_for(other)
        assert api.get(ROOT).json()["results"] == []
        for name in ("", "trades", *FILES):
            refusal(api.get(f"{ROOT}{run.pk}/{name}"), 404)
        for path, method in (("", api.delete), ("", api.patch), ("cancel", api.post), ("again", api.post)):
            refusal(method(f"{ROOT}{run.pk}/{path}", {"name": "Stolen"}, format="json"), 404)
        refusal(api.post(ROOT, {"strategy": mine.pk}, format="json"), 404)
        refusal(api.post(ROOT, plain_values(account=mine.account_id, with_holdings=True), format="json"), 404)
    refusal(APIClient().get(ROOT), 401)
    run.refresh_from_db()
    assert run.name == "Back-test"
    assert BacktestRun.objects.count() == 1


def test_the_schema_describes_it(client: Any) -> None:
    text = client.get("/api/schema/").content.decode()
    for path in ("", "{backtest_id}/", "{backtest_id}/trades", "{backtest_id}/report.html", "{backtest_id}/cancel"):
        assert f"{ROOT.replace('/api/', '/api/v1/')}{path}:" in text
    assert "whole_portfolio" in text
