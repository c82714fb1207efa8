"""The report is one file that needs nothing else, says what the summary says, and runs nothing."""

import csv
import io
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone, translation

from accounts.models import User
from strategies.backtest.models import BacktestRun
from strategies.backtest.selectors import runs as selectors
from strategies.backtest.selectors.runs import StoredTrade
from strategies.backtest.services import create_run, execute_run, reports
from strategies.tests.backtest_scenes import finished, plain_values, stocked

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
NASTY = '<script>alert(1)</script>"&'


@pytest.fixture(autouse=True)
def candles(settings: Any, tmp_path: Path) -> None:
    stocked(settings, tmp_path)


class Page(HTMLParser):
    """Tags, attributes and text of a page; raises where a tag is closed that is not open."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in ("meta", "path", "line"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "line"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def page_of(run: BacktestRun) -> tuple[str, Page]:
    text = reports.html_report(reports.report_of(run), timezone.now())
    return text, Page(text)


def test_the_page_asks_for_nothing_and_runs_nothing(alice: User) -> None:
    text, page = page_of(finished(alice))
    assert page.open == []
    assert not {"script", "link", "img", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    names = {name for name, _value in page.attributes}
    assert not {"src", "href", "xlink:href", "srcset", "action"} & names
    assert not {name for name in names if name.startswith("on")}
    assert "url(" not in text
    assert "@import" not in text
    assert "http://" not in text
    assert "https://" not in text


def test_everything_is_escaped(alice: User) -> None:
    run = create_run(alice, plain_values(), name=NASTY[:80]).run
    execute_run(run.pk)
    text, page = page_of(selectors.run_of(alice, run.pk))
    assert "script" not in page.tags
    assert "<script" not in text
    assert NASTY in page.texts  # as text, to the letter


def test_it_says_what_the_summary_says(alice: User) -> None:
    run = finished(alice, flows=[{"amount": "500", "every": "week"}, {"amount": "-90000", "at": "2023-02-01"}])
    text, page = page_of(run)
    summary = run.summary
    assert summary is not None
    shown = " ".join(page.texts)
    for _title, rows in reports.figure_groups(summary):
        for label, value in rows:
            assert label in shown
            assert value in shown
    assert Decimal(summary["owed"]) > 0
    assert "could never be paid" in shown
    assert "500 USDT, week" in shown
    assert text.count("<figure>") == 3


def test_a_back_test_without_a_trade_has_a_report(alice: User) -> None:
    run = finished(alice, begins_by_hand=False, trigger_mode="periodic", interval_minutes=40_320, to="2023-01-03")
    _text, page = page_of(run)
    assert run.summary is not None
    assert run.summary["trades"]["fills"] == 0
    assert "Nothing was traded." in page.texts


def test_it_speaks_the_language_of_its_reader(alice: User) -> None:
    run = finished(alice)
    with translation.override("ru"):
        text, _page = page_of(run)
    assert '<html lang="ru">' in text


def test_trades_are_all_in_the_csv(alice: User) -> None:
    run = finished(alice)
    trades = selectors.trades_of(run)
    rows = list(csv.reader(io.StringIO(reports.trades_csv(trades))))
    assert tuple(rows[0]) == reports.TRADE_COLUMNS
    assert len(rows) == len(trades) + 1
    assert rows[1][0].endswith("Z")
    assert [row[4] for row in rows[1:]] == [trade.price for trade in trades]


@pytest.mark.parametrize("text", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_computes_nothing_of_it(text: str) -> None:
    trade = StoredTrade(0, 1, text, text, "BUY", "1", "1", "1", "0", text, is_maker=True)
    (_names, row) = csv.reader(io.StringIO(reports.trades_csv([trade])))
    assert row[2] == row[8] == f"'{text}"


def test_equity_comes_with_what_it_is_compared_with(alice: User) -> None:
    run = finished(alice)
    rows = list(csv.DictReader(io.StringIO(reports.equity_csv(selectors.series_of(run)))))
    assert run.summary is not None
    assert len(rows) == 960
    assert Decimal(rows[-1]["equity"]) == pytest.approx(Decimal(run.summary["end_value"]), rel=Decimal("1e-8"))
    assert Decimal(rows[0]["hold_targets"]) == 10_000
    assert all(Decimal(row["drawdown"]) <= 0 for row in rows)
