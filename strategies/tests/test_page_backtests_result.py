"""The page of a back-test's result, several side by side, and its limits applied to a strategy."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from botbalance.lib.numbers import money
from exchanges.candles import keeping
from exchanges.models import ExchangeAccount
from strategies import services as strategies
from strategies.backtest.models import BacktestRun
from strategies.backtest.selectors.runs import trades_of
from strategies.backtest.services import rename_run
from strategies.models import Strategy
from strategies.selectors import strategy_of
from strategies.tests.backtest_scenes import DAY_MS, created, finished, plain_values, store_candles, wavy

pytestmark = [
    pytest.mark.django_db(databases=["default", "paper"]),
]

ClientFor = Callable[[User], Client]
PaperAccount = Callable[..., ExchangeAccount]
MakeStrategy = Callable[..., Strategy]


@pytest.fixture(autouse=True)
def candles(settings: Any, tmp_path: Path) -> None:
    store_candles(settings, tmp_path, wavy("BTC", 400), wavy("ETH", 400))


@pytest.fixture
def browser(alice: User, client_for: ClientFor) -> Client:
    return client_for(alice)


@pytest.fixture
def account(alice: User, paper_account: PaperAccount) -> ExchangeAccount:
    return paper_account(alice)


def content(answer: Any) -> str:
    return str(answer.content.decode())


def figures(answer: Any) -> dict[str, Any]:
    return {figure.key: figure for group in answer.context["groups"] for figure in group.figures}


# --- figures -----------------------------------------------------------------------------------------------------


def test_every_figure_is_shown_with_what_it_means(browser: Client, alice: User) -> None:
    run = finished(alice)
    answer = browser.get(f"/backtests/{run.pk}/")
    page, shown, summary = content(answer), figures(answer), run.summary
    assert summary is not None
    assert all(figure.meaning and figure.name for figure in shown.values())
    assert f"{money(Decimal(summary['end_value']))} USDT" in page
    assert shown["end_value"].number == Decimal(summary["end_value"])
    assert shown["time_weighted"].number == Decimal(summary["time_weighted_return"]) * 100
    assert shown["fees"].number == Decimal(summary["fees"]) > 0
    assert shown["cost_of_trading"].number + shown["cost_of_drift"].number == pytest.approx(shown["behind"].number)
    assert "Orders kept the rules that the paper exchange has now." in page
    assert [figure.key for figure in answer.context["headline"]][:2] == ["end_value", "time_weighted"]


def test_what_cannot_be_known_is_a_dash_with_its_reason(browser: Client, alice: User) -> None:
    run = finished(alice, **{"from": "2023-01-01", "to": "2023-01-01T20:00"})
    shown = figures(browser.get(f"/backtests/{run.pk}/"))
    assert shown["sharpe"].text == "–"
    assert shown["sharpe"].reason


def test_every_reason_of_a_rebalance_has_words(browser: Client, alice: User) -> None:
    flows = [{"amount": "900", "every": "day"}, {"amount": "-400", "every": "week"}]
    run = finished(alice, flows=flows, deploy_deposits=True)
    meaning = figures(browser.get(f"/backtests/{run.pk}/"))["rebalances"].meaning
    assert "at the first candle: 1" in meaning
    assert "for a deposit: " in meaning
    assert "_" not in meaning


# --- charts ------------------------------------------------------------------------------------------------------


def test_charts_are_drawn_without_a_style_attribute_and_say_what_they_show(browser: Client, alice: User) -> None:
    run = finished(alice)
    page = content(browser.get(f"/backtests/{run.pk}/"))
    drawn = re.findall(r'<svg class="plot-body".*?role="img"', page)
    assert len(drawn) == 5  # value, fall, weights, candles, sizes
    assert page.count("<desc ") == 5
    assert " style=" not in page
    assert "nan" not in " ".join(re.findall(r' d="([^"]*)"', page))
    ids = re.findall(r' id="([^"]+)"', page)
    assert sorted(ids) == sorted(set(ids))


def test_the_value_is_drawn_beside_holding_bitcoin_and_the_ideal(browser: Client, alice: User) -> None:
    run = finished(alice)
    plot = browser.get(f"/backtests/{run.pk}/").context["equity"]
    assert [shape.css for shape in plot.legend] == ["line bitcoin", "line ideal", "line held", "line c0"]


def test_trades_stand_on_the_candles_of_the_chosen_asset(browser: Client, alice: User) -> None:
    run = finished(alice)
    assert browser.get(f"/backtests/{run.pk}/").context["candle_asset"] == "BTC"
    answer = browser.get(f"/backtests/{run.pk}/?asset=ETH")
    assert answer.context["candle_asset"] == "ETH"
    assert answer.context["dealt"] == sum(trade.asset == "ETH" for trade in trades_of(run)) > 0
    first = next(trade for trade in trades_of(run) if trade.asset == "ETH")
    marks = "\n".join(mark.title for mark in answer.context["candles"].marks)
    assert f"at {first.price}" in re.sub(r"(?<=\d),(?=\d{3})", "", marks)
    assert browser.get(f"/backtests/{run.pk}/?asset=DOGE").context["candle_asset"] == "BTC"


def test_a_trade_stands_on_the_candle_it_took_place_in(browser: Client, alice: User) -> None:
    run = finished(alice, **{"from": "2023-01-01", "to": "2023-01-02"})
    first = trades_of(run)[0]
    begins_ms = int(run.from_at.timestamp()) * 1000
    candle = (first.at_ms - begins_ms) // 3_600_000 - 1  # told at the end of its candle
    plot = browser.get(f"/backtests/{run.pk}/?asset={first.asset}").context["candles"]
    assert plot.marks[0].x == f"{(candle + 0.5) / 24 * 100:.2f}".rstrip("0").rstrip(".") + "%"


def test_candles_of_one_year_are_shown_with_the_trades_of_that_year(
    browser: Client, alice: User, settings: Any, tmp_path: Path
) -> None:
    store_candles(settings, tmp_path / "days", *(wavy(asset, 500, step_ms=DAY_MS) for asset in ("BTC", "ETH")))
    run = finished(alice, interval="1d")
    answer = browser.get(f"/backtests/{run.pk}/?asset=BTC&year=2024")
    assert (answer.context["candle_years"], answer.context["candle_year"]) == (["2023", "2024"], "2024")
    begins_ms = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1000
    in_year = [trade for trade in trades_of(run) if trade.asset == "BTC" and trade.at_ms > begins_ms]
    assert answer.context["dealt"] == len(in_year) > 0
    marks = "\n".join(mark.title for mark in answer.context["candles"].marks)
    assert "2024-" in marks
    assert "2023-" not in marks
    assert browser.get(f"/backtests/{run.pk}/?year=1999").context["candle_year"] == ""


def test_without_its_candles_the_result_still_stands(browser: Client, alice: User) -> None:
    run = finished(alice)
    keeping.remove("BTCUSDT", "1h")
    answer = browser.get(f"/backtests/{run.pk}/")
    assert answer.status_code == 200
    assert answer.context["candles"] is None
    assert "manage.py candles fetch BTCUSDT" in content(answer)
    assert answer.context["equity"] is not None


# --- tables and notes ------------------------------------------------------------------------------------------


def test_fills_come_in_pages_with_every_number(browser: Client, alice: User) -> None:
    run = finished(alice, min_delta_pct="0.5")
    trades = trades_of(run)
    assert len(trades) > 25
    answer = browser.get(f"/backtests/{run.pk}/")
    assert len(answer.context["trades"]) == 25
    row = answer.context["trades"][0]
    assert (row["price"], row["quantity"], row["fee"]) == (
        Decimal(trades[0].price), Decimal(trades[0].quantity), Decimal(trades[0].fee),
    )  # fmt: skip
    second = browser.get(f"/backtests/{run.pk}/?page=2")
    assert second.context["trades"][0]["quantity"] == Decimal(trades[25].quantity)
    last = browser.get(f"/backtests/{run.pk}/?page=999999")
    assert last.context["trades"][-1]["quantity"] == Decimal(trades[-1].quantity)
    assert browser.get(f"/backtests/{run.pk}/?page=nonsense").context["page"].number == 1


def test_tax_lots_and_profits_are_those_of_the_summary(browser: Client, alice: User) -> None:
    run = finished(alice)
    assert run.summary is not None
    answer = browser.get(f"/backtests/{run.pk}/")
    (year,) = answer.context["tax_years"]
    assert year["gain_fifo"] == Decimal(run.summary["tax_years"][0]["gain_fifo"])
    assert [row["asset"] for row in answer.context["assets"]] == [row["asset"] for row in run.summary["assets"]]


def test_what_was_not_as_it_should_be_is_said(browser: Client, alice: User, settings: Any, tmp_path: Path) -> None:
    store_candles(settings, tmp_path, wavy("ZZZ", 400))
    keeping.add(wavy("BNB", 100), "paper walk seed 1 x1")
    targets = [{"asset": asset, "weight_pct": "20"} for asset in ("BTC", "ZZZ", "BNB")]
    run = finished(
        alice,
        targets=targets,
        start_holdings={"GONE": "5"},
        flows=[{"amount": "-1000000", "at": "2023-01-10"}],
        **{"from": "2023-01-01", "to": "2023-01-15"},
    )
    notes = " ".join(browser.get(f"/backtests/{run.pk}/").context["notes"])
    assert "does not know ZZZUSDT" in notes
    assert "no candles of GONE" in notes
    assert "BNB has no candles after 2023-01-05" in notes
    assert "BNBUSDT are not the market's" in notes
    assert "could not be paid" in notes


def test_it_can_be_downloaded(browser: Client, alice: User) -> None:
    run = finished(alice)
    answer = browser.get(f"/backtests/{run.pk}/")
    for file in answer.context["files"]:
        assert f'href="{file["url"]}"' in content(answer)
        download = browser.get(file["url"])
        assert download.status_code == 200
        assert "attachment" in download.headers["Content-Disposition"]


def test_names_are_escaped_everywhere(browser: Client, alice: User, account: ExchangeAccount, strategy: Any) -> None:
    strategy(account, {"BTC": 50}, name="<u>mine</u>")
    first, second = finished(alice), finished(alice)
    rename_run(first, '<script>"x"</script>')
    for path in ("", f"{first.pk}/", f"{first.pk}/apply/", f"compare/?run={first.pk}&run={second.pk}"):
        page = content(browser.get(f"/backtests/{path}"))
        assert '<script>"x"' not in page
        assert "<u>mine" not in page
        assert "&lt;script&gt;" in page


# --- comparison --------------------------------------------------------------------------------------------------


def test_several_are_shown_side_by_side(browser: Client, alice: User) -> None:
    narrow, wide = finished(alice, min_delta_pct="1"), finished(alice, min_delta_pct="15")
    answer = browser.get(f"/backtests/compare/?run={narrow.pk}&run={wide.pk}")
    rows = {row["name"]: row["cells"] for group in answer.context["groups"] for row in group["rows"]}
    fees = rows["Fees"]
    assert [cell.figure.number for cell in fees] == [Decimal(run.summary["fees"]) for run in (narrow, wide)]  # type: ignore[index]
    assert [cell.is_best for cell in fees] == [False, True]
    assert not any(cell.is_best for cell in rows["Value at the start"])
    differing = {row["label"]: row["texts"] for row in answer.context["settings"] if row["differs"]}
    assert differing == {"Band, %": ["1", "15"]}
    assert answer.context["settings"][0]["differs"]
    assert [shape.css for shape in answer.context["growth"].legend] == ["line c0", "line c1"]
    assert 'class="differs"' in content(answer)


def test_other_times_and_payments_are_pointed_out(browser: Client, alice: User) -> None:
    whole, part = finished(alice), finished(alice, **{"from": "2023-01-05"}, flows=[{"amount": "9", "every": "day"}])
    page = content(browser.get(f"/backtests/compare/?run={whole.pk}&run={part.pk}"))
    assert "They are not of the same time" in page
    assert "Deposits and withdrawals are in these lines" in page


def test_it_takes_two_to_five_that_are_done(browser: Client, alice: User) -> None:
    done, waiting = finished(alice), created(alice)
    for query in ("", f"run={done.pk}", f"run={done.pk}&run={done.pk}", "&".join(f"run={n}" for n in range(6))):
        answer = browser.get(f"/backtests/compare/?{query}")
        assert answer.headers["Location"] == "/backtests/"
    assert browser.get(f"/backtests/compare/?run={done.pk}&run={waiting.pk}").status_code == 409
    assert browser.get(f"/backtests/compare/?run={done.pk}&run=x").status_code == 404


# --- applying ----------------------------------------------------------------------------------------------------


def applied(browser: Client, run: BacktestRun, row: Strategy) -> Any:
    path = f"/backtests/{run.pk}/apply/?strategy={row.pk}"
    return browser.post(path, {"seen": browser.get(path).context["seen"]}, follow=False)


def test_its_limits_become_the_strategys_and_the_targets_stay(
    browser: Client, alice: User, account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    row = strategy(account, {"BTC": 25, "SOL": 5}, worst_price_pct="3")
    run = finished(alice, min_delta_pct="6", trigger_mode="both", interval_minutes=720)
    answer = browser.get(f"/backtests/{run.pk}/apply/")
    changes = {change.name: (change.before, change.after) for change in answer.context["changes"]}
    assert changes["min_delta_pct"] == ("1", "6")
    assert changes["worst_price_pct"] == ("3", "–")
    assert changes["interval_minutes"] == ("1 day", "12 hours")
    assert "other targets than this strategy" in content(answer)
    unchanged = strategy_of(alice, row.pk)
    assert unchanged.min_delta_pct == 1

    assert applied(browser, run, row).headers["Location"] == f"/orders/preview/{row.pk}/"
    changed = strategy_of(alice, row.pk)
    assert (changed.min_delta_pct, changed.trigger_mode, changed.interval_minutes) == (6, "both", 720)
    assert changed.worst_price_pct is None
    assert (changed.name, changed.quote) == (row.name, row.quote)
    assert {one.asset: one.weight_pct for one in changed.allocations.all()} == {"BTC": 25, "SOL": 5}
    assert "Nothing: the strategy has these limits already." in content(browser.get(f"/backtests/{run.pk}/apply/"))


def test_the_strategy_it_was_begun_from_is_offered_first(
    browser: Client, alice: User, account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    strategy(account, {"BTC": 25}, name="First")
    second = strategy(account, {"BTC": 50}, name="Second")
    run = finished(alice)
    BacktestRun.objects.filter(pk=run.pk).update(strategy=second)
    assert browser.get(f"/backtests/{run.pk}/apply/").context["strategy"] == second


def test_a_strategy_that_was_changed_meanwhile_is_looked_at_again(
    browser: Client, alice: User, account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    row = strategy(account, {"BTC": 25})
    run = finished(alice, min_delta_pct="6")
    path = f"/backtests/{run.pk}/apply/?strategy={row.pk}"
    seen = browser.get(path).context["seen"]
    strategies.update_strategy(strategy_of(alice, row.pk), {"min_delta_pct": Decimal(2)}, None)
    answer = browser.post(path, {"seen": seen}, follow=True)
    assert "changed meanwhile" in content(answer)
    assert strategy_of(alice, row.pk).min_delta_pct == 2
    assert browser.post(path).headers["Location"] == path
    assert strategy_of(alice, row.pk).min_delta_pct == 2


def test_its_calendar_and_its_way_with_the_whole_portfolio_are_taken_over(
    browser: Client, alice: User, account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    targets = {row["asset"]: row["weight_pct"] for row in plain_values()["targets"]}
    row = strategy(account, targets)
    run = finished(alice, trigger_mode="periodic", calendar="month", whole_portfolio=True)
    assert "other targets" not in content(browser.get(f"/backtests/{run.pk}/apply/"))
    applied(browser, run, row)
    changed = strategy_of(alice, row.pk)
    assert (changed.trigger_mode, changed.calendar, changed.whole_portfolio) == ("periodic", "month", True)


def test_limits_are_not_applied_to_another_users_strategy(
    browser: Client, alice: User, bob: User, account: ExchangeAccount, paper_account: Any, strategy: MakeStrategy
) -> None:
    strategy(account, {"BTC": 25})
    theirs = strategy(paper_account(bob), {"BTC": 25}, name="Bobs recipe")
    run = finished(alice, min_delta_pct="6")
    assert "Bobs recipe" not in content(browser.get(f"/backtests/{run.pk}/apply/"))
    path = f"/backtests/{run.pk}/apply/?strategy={theirs.pk}"
    assert browser.get(path).status_code == 404
    assert browser.post(path, {"seen": ""}).status_code == 404
    assert strategy_of(bob, theirs.pk).min_delta_pct == 1


def test_without_a_result_or_a_strategy_there_is_nothing_to_apply(browser: Client, alice: User) -> None:
    waiting, done = created(alice), finished(alice)
    assert browser.get(f"/backtests/{waiting.pk}/apply/").status_code == 409
    assert "You have no strategy yet." in content(browser.get(f"/backtests/{done.pk}/apply/", follow=True))
    assert "Apply these limits" not in content(browser.get(f"/backtests/{done.pk}/"))
