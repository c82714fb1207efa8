"""The form of a back-test: every setting, filled in from a strategy or an earlier one, and the candles there are."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from exchanges.candles import keeping
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from strategies.backtest.models import BacktestRun
from strategies.backtest.selectors.runs import settings_of
from strategies.backtest.services import defaults
from strategies.domain import Target
from strategies.models import Strategy
from strategies.tests.backtest_scenes import BEGIN, DAY_MS, later, store_candles, wavy

pytestmark = [
    pytest.mark.django_db(databases=["default", "paper"]),
]

ClientFor = Callable[[User], Client]
PaperAccount = Callable[..., ExchangeAccount]
MakeStrategy = Callable[..., Strategy]


@pytest.fixture(autouse=True)
def candles(settings: Any, tmp_path: Path) -> None:
    store_candles(settings, tmp_path, wavy("BTC", 400), wavy("ETH", 300))


@pytest.fixture
def browser(alice: User, client_for: ClientFor) -> Client:
    return client_for(alice)


def content(answer: Any) -> str:
    return str(answer.content.decode())


def as_shown(answer: Any, **changes: Any) -> dict[str, Any]:
    """What a browser sends when nothing but `changes` was typed; None is a box that is not ticked."""
    data: dict[str, Any] = {"key": answer.context["key"]}
    for form in (
        answer.context["form"],
        answer.context["model_form"],
        *answer.context["rows"].forms,
        *answer.context["flows"].forms,
    ):
        for field in form:
            value = field.value()
            if value is not False and value is not None:
                data[field.html_name] = "on" if value is True else value
    for formset in (answer.context["rows"], answer.context["flows"]):
        for field in formset.management_form:
            data[field.html_name] = field.value()
    return {name: value for name, value in {**data, **changes}.items() if value is not None}


def complaints(answer: Any) -> str:
    """Everything the form objects to, in one text."""
    context = answer.context
    texts = [text for texts in context["form"].errors.values() for text in texts]
    texts += [text for rows in (context["rows"], context["flows"]) for text in rows.non_form_errors()]
    texts += [
        text
        for rows in (context["rows"], context["flows"])
        for row in rows.errors
        for all in row.values()
        for text in all
    ]
    return " ".join([*texts, *context.get("target_errors", []), *context.get("flow_errors", [])])


# --- filling in ------------------------------------------------------------------------------------------------


def test_a_new_form_offers_every_setting_the_engine_knows(browser: Client) -> None:
    answer = browser.get("/backtests/new/")
    named = {*answer.context["form"].fields, *answer.context["model_form"].base_fields, "targets", "flows"}
    assert set(defaults()) <= named
    page = content(answer)
    groups = answer.context["form"].limit_groups
    shown = {field.name for group in groups for field in group.fields}
    shown |= {
        field.name for name in ("basics", "start", "fills") for field in getattr(answer.context["form"], name).fields
    }
    assert shown | {"quote"} == set(answer.context["form"].fields)
    for name in answer.context["form"].fields:
        assert f'name="{name}"' in page


def test_it_is_filled_in_from_a_strategy(
    browser: Client, alice: User, paper_account: PaperAccount, strategy: MakeStrategy
) -> None:
    account = paper_account(alice)
    row = strategy(account, {"BTC": "40", "ETH": "12.5"}, min_delta_pct="7", trigger_mode="both", interval_minutes=720)
    answer = browser.get(f"/backtests/new/?strategy={row.pk}")
    form = answer.context["form"]
    assert (form["min_delta_pct"].value(), form["trigger_mode"].value()) == ("7", "both")
    assert (form["interval"].value(), form["account"].value()) == ("1h", account.pk)
    assert [form["weight_pct"].value() for form in answer.context["rows"]] == ["40", "12.5"]
    made = browser.post(f"/backtests/new/?strategy={row.pk}", as_shown(answer))
    run = BacktestRun.objects.get()
    assert made.headers["Location"] == f"/backtests/{run.pk}/"
    assert (run.user, run.strategy, run.account, run.name) == (alice, row, account, "Targets")
    settings = settings_of(run)
    assert settings.targets == (Target("BTC", Decimal(40)), Target("ETH", Decimal("12.5")))
    assert settings.limits["min_delta_pct"] == Decimal(7)
    assert settings.limits["interval_minutes"] == 720
    # Empty times: of which there are candles of both.
    assert (settings.begins, settings.ends) == (BEGIN, datetime.fromtimestamp(BEGIN.timestamp() + 300 * 3600, tz=UTC))


def test_coarser_candles_are_offered_where_a_strategys_coins_have_no_finer_ones(
    browser: Client, alice: User, paper_account: PaperAccount, strategy: MakeStrategy, settings: Any, tmp_path: Path
) -> None:
    store_candles(settings, tmp_path, wavy("SOL", 50, step_ms=DAY_MS))
    row = strategy(paper_account(alice), {"SOL": "40"})
    assert browser.get(f"/backtests/new/?strategy={row.pk}").context["form"]["interval"].value() == "1d"


def test_what_is_typed_is_what_is_tried(browser: Client) -> None:
    answer = browser.get("/backtests/new/")
    data = as_shown(
        answer,
        **{
            "name": "All of it", "targets-0-asset": "btc", "targets-0-weight_pct": "60,5", "targets-0-keep": "0.5",
            "interval": "4h", "from": "2023-01-02", "to": "2023-01-08T12:00",
            "start_cash": "1 234,5", "start_holdings": "0.25 eth, 3 BTC", "begins_by_hand": None,
            "min_delta_pct": "20", "band_type": "relative", "trade_to": "edge", "quote_reserve_pct": "2",
            "sell_unlisted": "on", "whole_portfolio": "on", "trigger_mode": "both", "calendar": "week",
            "deploy_deposits": "on", "max_turnover_pct": "150", "fill_mode": "close", "fill_reach": "through",
            "participation_pct": "", "spread_pct": "0.05", "maker_fee_pct": "0.02", "taker_fee_pct": "0.04",
            "fees_in_bnb": "on", "flows-0-amount": "500", "flows-0-way": "out", "flows-0-every": "month",
            "flows-1-amount": "0.1", "flows-1-asset": "btc", "flows-1-way": "in", "flows-1-every": "once",
            "flows-1-at": "2023-01-05",
        },
    )  # fmt: skip
    assert browser.post("/backtests/new/", data).status_code == 302, complaints(browser.post("/backtests/new/", data))
    settings = settings_of(BacktestRun.objects.get())
    written = settings.to_json()
    assert settings.targets == (Target("BTC", Decimal("60.5"), keep=Decimal("0.5")),)
    assert (settings.interval, settings.begins, settings.calendar) == ("4h", later(1), "week")
    assert written["start"] == {"USDT": "1234.5", "ETH": "0.25", "BTC": "3"}
    assert written["fills"] == {"mode": "close", "reach": "through", "participation_pct": None, "spread_pct": "0.05"}
    assert written["fees"] == {"maker": "0.0002", "taker": "0.0004", "in_bnb": True}
    limits = written["limits"]
    assert (limits["band_type"], limits["trade_to"], limits["max_turnover_pct"]) == ("relative", "edge", "150")
    assert (limits["sell_unlisted"], limits["deploy_deposits"], settings.begins_by_hand) == (True, True, False)
    assert [(flow.asset, flow.amount, flow.every, flow.at) for flow in settings.flows] == [
        ("USDT", Decimal(-500), "month", None),
        ("BTC", Decimal("0.1"), None, later(4)),
    ]


def test_an_earlier_one_is_changed_and_tried_again(browser: Client) -> None:
    typed = {
        "targets-0-asset": "BTC", "targets-0-weight_pct": "60", "min_delta_pct": "4", "start_holdings": "2 ETH",
        "targets-0-keep": "0.25",
        "from": "2023-01-02T03:00", "flows-0-amount": "50", "flows-0-way": "out", "flows-0-every": "week",
        "interval": "2h",
    }  # fmt: skip
    browser.post("/backtests/new/", as_shown(browser.get("/backtests/new/"), **typed))
    first = BacktestRun.objects.get()
    answer = browser.get(f"/backtests/new/?run={first.pk}")
    browser.post("/backtests/new/", as_shown(answer, min_delta_pct="9"))
    second = BacktestRun.objects.latest("pk")
    before, after = settings_of(first), settings_of(second)
    assert after.limits["min_delta_pct"] == 9
    assert before.with_limits({"min_delta_pct": Decimal(9)}) == after


def test_it_begins_with_what_an_account_holds(browser: Client, alice: User, paper_account: PaperAccount) -> None:
    account = paper_account(alice, {"USDT": "77.5", "BTC": "0.125"})
    typed = {"targets-0-asset": "BTC", "targets-0-weight_pct": "60", "account": account.pk, "with_holdings": "on"}
    browser.post("/backtests/new/", as_shown(browser.get("/backtests/new/"), **typed))
    assert settings_of(BacktestRun.objects.get()).start == {"USDT": Decimal("77.5"), "BTC": Decimal("0.125")}


def test_sending_the_form_twice_starts_one(browser: Client) -> None:
    data = as_shown(browser.get("/backtests/new/"), **{"targets-0-asset": "BTC", "targets-0-weight_pct": "60"})
    assert (
        browser.post("/backtests/new/", data).headers["Location"]
        == browser.post("/backtests/new/", data).headers["Location"]
    )
    assert BacktestRun.objects.count() == 1


# --- candles ---------------------------------------------------------------------------------------------------


def test_it_says_which_candles_there_are_and_how_to_bring_the_others(browser: Client) -> None:
    data = as_shown(
        browser.get("/backtests/new/"),
        **{
            "targets-TOTAL_FORMS": 3, "targets-0-asset": "BTC", "targets-1-asset": "eth", "targets-2-asset": "SOL",
            "targets-1-weight_pct": "not a number", "from": "2022-06-01", "check": "1", "start_cash": "1e400",
        },
    )  # fmt: skip
    answer = browser.post("/backtests/new/", data)
    page = content(answer)
    assert answer.status_code == 200
    assert [(row.symbol, row.stored is not None) for row in answer.context["candles"]] == [
        ("BTCUSDT", True), ("ETHUSDT", True), ("SOLUSDT", False),
    ]  # fmt: skip
    assert "manage.py candles fetch SOLUSDT --interval 1h --from 2022-06-01" in page
    assert 'value="not a number"' in page
    assert 'value="1e400"' in page
    assert "errorlist" not in page
    assert not BacktestRun.objects.exists()


def test_the_time_all_of_them_have_candles_of_is_named(browser: Client) -> None:
    data = as_shown(
        browser.get("/backtests/new/"),
        **{"targets-TOTAL_FORMS": 2, "targets-0-asset": "BTC", "targets-1-asset": "ETH", "check": "1"},
    )
    assert "All of them: from 2023-01-01 to 2023-01-13." in content(browser.post("/backtests/new/", data))


def test_nothing_typed_reaches_the_command_that_is_no_symbol_or_date(browser: Client) -> None:
    typed = {"targets-0-asset": "BTC;rm", "from": "2022; rm -rf /", "check": "1"}
    answer = browser.post("/backtests/new/", as_shown(browser.get("/backtests/new/"), **typed))
    assert answer.context["candles"] == []
    assert answer.context["command"] == ""
    typed = {"targets-0-asset": "XRP", "from": "2022; rm -rf /", "check": "1"}
    answer = browser.post("/backtests/new/", as_shown(browser.get("/backtests/new/"), **typed))
    assert answer.context["command"] == "manage.py candles fetch XRPUSDT --interval 1h --from 2020-01-01"


def test_prices_that_are_not_the_markets_are_marked(browser: Client) -> None:
    keeping.add(wavy("SOL", 30), "paper walk seed 1 x1")
    typed = {"targets-0-asset": "SOL", "check": "1"}
    page = content(browser.post("/backtests/new/", as_shown(browser.get("/backtests/new/"), **typed)))
    assert "paper walk seed 1 x1" in page


def test_rows_are_added_and_removed_without_script(browser: Client) -> None:
    data = as_shown(browser.get("/backtests/new/"), **{"targets-0-asset": "BTC", "add": "1"})
    answer = browser.post("/backtests/new/", data)
    assert [row["asset"].value() or "" for row in answer.context["rows"]] == ["BTC", ""]
    answer = browser.post("/backtests/new/", {**as_shown(answer), "remove": "0"})
    assert [row["asset"].value() or "" for row in answer.context["rows"]] == [""]


def test_boxes_that_were_not_ticked_stay_so(browser: Client) -> None:
    data = as_shown(browser.get("/backtests/new/"), begins_by_hand=None, whole_portfolio="on", check="1")
    form = browser.post("/backtests/new/", data).context["form"]
    assert not form["begins_by_hand"].value()
    assert form["whole_portfolio"].value()


# --- bad input -------------------------------------------------------------------------------------------------


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"targets-0-asset": "", "targets-0-weight_pct": ""}, "Add at least one asset."),
    ({"targets-0-weight_pct": "101"}, "less than or equal to 100"),
    ({"targets-0-asset": "USDT"}, "USDT is the quote"),
    ({"targets-0-asset": "DOGE"}, "There are no candles of DOGEUSDT"),
    ({"quote": ""}, "required"),
    ({"quote": "<b>"}, "Name the quote stablecoin"),
    ({"interval": "1w"}, "not one of the available"),
    ({"from": "yesterday"}, "A date, or a date and time in UTC"),
    ({"from": "2023-02-01"}, "There is no time with candles"),
    ({"from": "2023-01-05", "to": "2023-01-04"}, "The end is not after the beginning."),
    ({"start_cash": "0"}, "There is nothing to begin with"),
    ({"start_cash": "-1"}, "greater than or equal to 0"),
    ({"start_cash": "NaN"}, "Enter a number."),
    ({"start_holdings": "many"}, "Write amounts like"),
    ({"start_holdings": "1 BTC, 2 btc"}, "BTC is there twice."),
    ({"start_holdings": "1..2 BTC"}, "Write amounts like"),
    ({"with_holdings": "on"}, "Choose the account"),
    ({"account": "999999"}, "not one of the available"),
    ({"min_delta_pct": "0"}, "greater than or equal to 0.05"),
    ({"order_step_pct": "1", "reprice_distance_pct": "0.5"}, "this must be more"),
    ({"maker_fee_pct": "9"}, "From 0 to 5."),
    ({"fill_mode": "dream"}, "not one of the available"),
    ({"participation_pct": "0"}, "From 0.0001 to 100."),
    ({"flows-0-amount": "100", "flows-0-every": "once"}, "On which day?"),
    ({"flows-0-amount": "100", "flows-0-asset": "DOGE"}, "DOGE can neither be paid in nor out"),
    ({"flows-0-amount": "-5"}, "greater than or equal to 0"),
    ({"name": "n" * 81}, "at most 80"),
]


def test_bad_input_is_explained_and_nothing_is_started(browser: Client, subtests: pytest.Subtests) -> None:
    form = browser.get("/backtests/new/")
    right = as_shown(form, **{"targets-0-asset": "BTC", "targets-0-weight_pct": "60"})
    for changes, text in WRONG:
        with subtests.test(str(changes)):
            answer = browser.post("/backtests/new/", {**right, **changes})
            assert answer.status_code == 400
            assert text in complaints(answer)
            assert "Nothing was started." in content(answer) or answer.context["form"].non_field_errors()
            assert not BacktestRun.objects.exists()


def test_what_was_typed_is_kept_and_its_group_is_opened(browser: Client) -> None:
    data = as_shown(browser.get("/backtests/new/"), min_delta_pct="wide", spread_pct="x<y")
    page = content(browser.post("/backtests/new/", data))
    assert 'value="wide"' in page
    assert 'value="x&lt;y"' in page
    assert page.count('<details class="card limits" open>') == 3  # the band's, the fills', and the last, always open


def test_too_many_at_once_are_refused(browser: Client, settings: Any) -> None:
    settings.BACKTESTS_WAITING_PER_USER = 1
    typed = {"targets-0-asset": "BTC", "targets-0-weight_pct": "60"}
    browser.post("/backtests/new/", as_shown(browser.get("/backtests/new/"), **typed))
    answer = browser.post("/backtests/new/", as_shown(browser.get("/backtests/new/"), **typed))
    assert answer.status_code == 409
    assert "Wait, or cancel one." in complaints(answer)


def test_an_account_that_cannot_be_asked_is_named_and_the_form_is_kept(
    browser: Client, alice: User, paper_account: PaperAccount
) -> None:
    account = paper_account(alice, {"USDT": 10})
    typed = {"targets-0-asset": "BTC", "targets-0-weight_pct": "60", "account": account.pk, "with_holdings": "on"}
    data = as_shown(browser.get("/backtests/new/"), **typed)
    with faults.plan([{"kind": "refuse", "times": 100}]):
        answer = browser.post("/backtests/new/", data)
    assert answer.status_code == 503
    assert "The exchange cannot be reached." in complaints(answer)
    assert 'value="BTC"' in content(answer)
    assert not BacktestRun.objects.exists()


# --- who may -----------------------------------------------------------------------------------------------------


def test_another_users_strategy_and_account_do_not_exist(
    browser: Client, bob: User, paper_account: PaperAccount, strategy: MakeStrategy
) -> None:
    account = paper_account(bob, label="Bobs own")
    row = strategy(account, name="Bobs recipe")
    page = content(browser.get("/backtests/new/"))
    assert "Bobs own" not in page
    assert "Bobs recipe" not in page
    assert browser.get(f"/backtests/new/?strategy={row.pk}").status_code == 404
    data = as_shown(browser.get("/backtests/new/"), **{"targets-0-asset": "BTC", "targets-0-weight_pct": "60"})
    assert browser.post(f"/backtests/new/?strategy={row.pk}", data).status_code == 404
    answer = browser.post("/backtests/new/", {**data, "account": account.pk})
    assert "not one of the available" in complaints(answer)
    assert browser.get("/backtests/new/?strategy=nonsense").status_code == 404
    assert not BacktestRun.objects.exists()


def test_every_setting_of_the_form_has_a_name_a_person_reads(browser: Client) -> None:
    for name, field in browser.get("/backtests/new/").context["form"].fields.items():
        assert str(field.label)[:1].isupper(), name
