"""manage.py backtest: tries here and now, prints what a person or a program reads, and ends with a stable code."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from exchanges.models import ExchangeAccount
from strategies.backtest.models import BacktestRun
from strategies.models import Strategy
from strategies.tests.backtest_scenes import finished, plain_values, stocked
from tests.support import SHARED, skip_or_fail

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
TARGETS = "BTC=50,ETH=30"


@pytest.fixture(autouse=True)
def candles(settings: Any, tmp_path: Path) -> None:
    stocked(settings, tmp_path)


def said(*options: Any) -> str:
    out = io.StringIO()
    call_command("backtest", *options, stdout=out)
    return out.getvalue()


def body(*options: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(*options, "--json"))
    return found


def refused(*options: Any) -> CommandError:
    with pytest.raises(CommandError) as caught:
        said(*options)
    return caught.value


def test_it_prints_figures_a_person_can_read() -> None:
    text = said("--targets", TARGETS, "--band", "3")
    for word in ("Time-weighted", "Sharpe ratio", "Deepest drawdown", "Fees", "BTC", "ETH", "plans"):
        assert word in text
    assert "\r" not in text  # no progress where there is no terminal
    assert not BacktestRun.objects.exists()


def test_json_says_the_same_as_a_run_of_a_user(alice: User) -> None:
    run = finished(alice, spread_pct="0.02")
    found = body("--targets", TARGETS, "--band", "3", "--order-size", "100", "--spread", "0.02")
    assert found["summary"] == run.summary
    assert found["settings"] == run.settings
    assert found["settings"]["targets"] == [{**row, "keep": "0"} for row in plain_values()["targets"]]


def test_options_become_settings() -> None:
    found = body(
        "--targets", "btc=60", "--interval", "4h", "--from", "2023-01-05", "--to", "2023-01-20T12:00",
        "--start", "2500", "--holdings", "ETH=2", "--band", "10", "--band-type", "relative", "--trade-to", "edge",
        "--every", "month", "--order-size", "20", "--fees", "0.08/0.1", "--participation", "none", "--fill", "close",
        "--deposit", "500/month", "--withdraw", "100@2023-01-10", "--set", "quote_reserve_pct=5", "--whole-portfolio",
        "--no-first-rebalance", "--model", "equal", "--set", "model_total_pct=80", "--set", "max_order_nav_pct=50",
    )["settings"]  # fmt: skip
    assert found["start"] == {"USDT": "2500", "ETH": "2"}
    assert (found["interval"], found["begins_by_hand"]) == ("4h", False)
    assert found["fees"] == {"maker": "0.0008", "taker": "0.001", "in_bnb": False}
    assert (found["fills"]["mode"], found["fills"]["participation_pct"]) == ("close", None)
    assert found["model"] == {"target_model": "equal", "model_total_pct": "80", "model_refresh_days": 30}
    assert found["max_order_nav_pct"] == "50"
    limits = found["limits"]
    assert (limits["trigger_mode"], limits["calendar"], limits["whole_portfolio"]) == ("periodic", "month", True)
    assert (limits["quote_reserve_pct"], limits["band_type"], limits["trade_to"]) == ("5", "relative", "edge")
    assert [(flow["amount"], flow["every"]) for flow in found["flows"]] == [("500", "month"), ("-100", None)]


def test_it_tries_a_strategy_with_what_its_account_holds(
    alice: User, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]
) -> None:
    mine = strategy(paper_account(alice, {"USDT": 70, "ETH": "2"}), {"BTC": 40}, name="Forty", min_delta_pct="6")
    found = body("--strategy", mine.pk, "--holdings")
    assert found["name"] == "Forty"
    assert found["settings"]["start"] == {"USDT": "70", "ETH": "2"}
    assert found["settings"]["limits"]["min_delta_pct"] == "6"
    assert body("--strategy", mine.pk, "--every", "1d")["settings"]["limits"]["interval_minutes"] == 1440


def test_files_are_written(tmp_path: Path) -> None:
    page, trades, equity = tmp_path / "report.html", tmp_path / "trades.csv", tmp_path / "equity.csv"
    found = body("--targets", TARGETS, "--html", page, "--csv", trades, "--equity-csv", equity, "--name", "<b>Mine")
    assert "&lt;b&gt;Mine" in page.read_text()
    with trades.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == found["summary"]["trades"]["fills"]
    assert equity.read_text().startswith("at,equity,drawdown")


def test_a_file_that_cannot_be_written_is_code_1_and_the_figures_are_there(tmp_path: Path) -> None:
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("backtest", "--targets", TARGETS, "--csv", tmp_path / "none" / "t.csv", stdout=out)
    assert caught.value.returncode == 1
    assert "Time-weighted" in out.getvalue()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--targets", "BTC=50", "--band", "0"), "min_delta_pct"),
        (("--targets", "DOGE=50"), "candles fetch"),
        (("--targets", "BTC=50", "--from", "soon"), "from:"),
        (("--targets", "BTC=50", "--every", "sometimes"), "--every"),
        (("--targets", "BTC=50", "--holdings"), "--strategy"),
        (("--strategy", "999"), "no such strategy"),
    ],
)
def test_what_cannot_be_tried_is_code_2(options: tuple[str, ...], word: str) -> None:
    error = refused(*options)
    assert error.returncode == 2
    assert word in str(error)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--targets", "BTC"),
        ("--targets", "BTC=50,BTC=20"),
        ("--targets", "BTC=50", "--strategy", "1"),
        ("--targets", "BTC=50", "--deposit", "500"),
        ("--targets", "BTC=50", "--set", "name=x"),
        ("--targets", "BTC=50", "--fill", "wishful"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        said(*options)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_there_is_a_bar_that_goes_away() -> None:
    out = Terminal()
    call_command("backtest", "--targets", TARGETS, "--band", "3", stdout=out)
    drawn = out.getvalue()
    assert drawn.startswith("\r[")
    assert "100 %" in drawn.split("Time-weighted")[0]
    assert "\r[" not in drawn[drawn.index("Back-test:") :]


class Stopped(Terminal):
    """Somebody presses Ctrl-C as soon as the bar is drawn."""

    def write(self, text: str) -> int:
        if "[" in text:
            raise KeyboardInterrupt
        return super().write(text)


def test_whoever_stops_it_gets_code_3() -> None:
    with pytest.raises(CommandError) as caught:
        call_command("backtest", "--targets", TARGETS, "--band", "3", stdout=Stopped())
    assert caught.value.returncode == 3


@pytest.mark.needs_shared
def test_real_candles_of_the_crash_of_may_2021(settings: Any, tmp_path: Path) -> None:
    """Figures that follow from the candles alone: what was held, and bitcoin, by their first and last closes."""
    source = SHARED / "market" / "1h"
    if not source.is_dir():
        skip_or_fail("../shared/market is not there")
    settings.CANDLES_DIR = tmp_path / "real"
    for symbol in ("BTCUSDT", "ETHUSDT"):
        call_command("candles", "import", str(source / f"{symbol}.csv.gz"), stdout=io.StringIO())
    summary = body("--targets", TARGETS, "--from", "2021-05-01", "--to", "2021-06-01", "--band", "5")["summary"]
    assert summary["rows"] == 744
    closes = _closes(source / "BTCUSDT.csv.gz", "2021-05-01", "2021-06-01")
    expected = closes[-1] / closes[0] - 1
    assert Decimal(summary["against"]["bitcoin"]["time_weighted_return"]) == round(expected, 8)
    assert Decimal(summary["max_drawdown"]) < Decimal("-0.3")
    assert Decimal(summary["end_value"]) - 10_000 == Decimal(summary["earned"])
    assert sum(Decimal(row["earned"]) for row in summary["assets"]) == pytest.approx(Decimal(summary["earned"]))


def _closes(path: Path, begins: str, ends: str) -> list[Decimal]:
    low, high = (int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000 for text in (begins, ends))
    with gzip.open(path, "rt") as file:
        rows = csv.DictReader(file)
        first = (rows.fieldnames or [""])[0]
        return [Decimal(row["close"]) for row in rows if low <= int(row[first]) < high]
