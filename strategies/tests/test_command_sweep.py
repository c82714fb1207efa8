"""manage.py sweep: begins, shows, goes on, cancels; its JSON is one object on the last line."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from strategies.backtest.models import Sweep
from strategies.tests import sweep_scenes as scenes

pytestmark = pytest.mark.django_db(databases=["default", "paper"], transaction=True)

START = ("--targets", "BTC=50,ETH=30", "--set", "trigger_mode=both", "--set", "order_size_pct=100", "--windows", "0")


@pytest.fixture(autouse=True)
def _ground(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenes.stocked(settings, tmp_path)
    monkeypatch.setenv("DATABASE_URL", scenes.database_url())
    monkeypatch.setenv("CANDLES_DIR", str(settings.CANDLES_DIR))
    settings.SETTINGS_MODULE = "botbalance.settings_test"


def sweep(*arguments: str) -> str:
    said = StringIO()
    call_command("sweep", *arguments, stdout=said, stderr=StringIO())
    return said.getvalue()


def test_start_works_on_the_sweep_and_tells_what_was_found() -> None:
    said = sweep("start", *START, "--vary", "min_delta_pct=2:5:1", "--workers", "2", "--json")
    body = json.loads(said.splitlines()[-1])
    assert body["state"] == "done"
    assert body["progress"]["percent"] == 100
    assert [row["rank"] for row in body["settings"]] == [1, 2, 3, 4]
    assert {row["setting"]["min_delta_pct"] for row in body["settings"]} == {"2", "3", "4", "5"}
    assert body["result"]["best"] == body["settings"][0]
    assert isinstance(body["result"]["held_out"]["best"]["total_return"], str)
    shown = sweep("show", str(body["id"]))
    assert "Sharpe" in shown
    assert "which no choice has seen" in shown
    assert f"{body['id']:6} done" in sweep("list")


def test_resume_goes_on_where_a_sweep_was_interrupted() -> None:
    waiting = scenes.created(None, search=scenes.search(min_delta_pct="2:9:0.5"))
    assert scenes.work_on_one_piece(waiting, "interrupted") == 1
    body = json.loads(sweep("resume", str(waiting.pk), "--workers", "1", "--json").splitlines()[-1])
    assert body["state"] == "done"
    assert len(body["settings"]) == 15
    again = json.loads(sweep("resume", str(waiting.pk), "--json").splitlines()[-1])
    assert again == body


def test_cancel_ends_it() -> None:
    waiting = scenes.created(None)
    assert sweep("cancel", str(waiting.pk)) == f"Sweep {waiting.pk} is cancelled.\n"
    assert Sweep.objects.get(pk=waiting.pk).state == Sweep.State.CANCELLED
    with pytest.raises(CommandError, match="has ended already"):
        sweep("resume", str(waiting.pk))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("start", *START, "--vary", "min_delta_pct=9:2:1"), "begins at 9 and ends at 2"),
        (("start", *START, "--vary", "hodl=1,2"), "hodl cannot be tried"),
        (("start", *START, "--vary", "min_delta_pct"), "is not NAME=VALUE"),
        (("start", *START, "--vary", "min_delta_pct=2,3", "--held-out", "80"), "From 0 to 50"),
        (("start", *START, "--vary", "min_delta_pct=2,3", "--set", "hodl=1"), "There is no such setting"),
        (("start", "--targets", "DOGE=50", "--vary", "min_delta_pct=2,3"), "no candles of DOGEUSDT"),
        (("start", "--strategy", "4711", "--vary", "min_delta_pct=2,3"), "There is no strategy 4711"),
        (("start", *START, "--vary", "min_delta_pct=2,3", "--workers", "0"), "At least one worker"),
        (("show", "4711"), "There is no such sweep"),
    ],
)
def test_what_is_wrong_is_said(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        sweep(*arguments)
    assert not Sweep.objects.exists()
