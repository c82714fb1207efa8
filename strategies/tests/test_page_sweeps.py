"""The pages of sweeps: choosing what to vary, what it would take, progress, the result, and settings as back-tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from exchanges.models import ExchangeAccount
from strategies.backtest.models import BacktestRun, Sweep
from strategies.backtest.services import sweep_claims, sweeps
from strategies.models import Strategy
from strategies.tests import sweep_scenes as scenes
from strategies.tests.backtest_scenes import created as created_run

pytestmark = [
    pytest.mark.django_db(databases=["default", "paper"]),
]

Browser = Callable[[User], Client]
ALL = "/backtests/sweeps/"
JUDGED = {"objective": "sharpe", "held_out_pct": "20", "windows": "0", "paths": "0", "seed": "1"}


@pytest.fixture(autouse=True)
def _candles(settings: Any, tmp_path: Path) -> None:
    scenes.stocked(settings, tmp_path)
    settings.CELERY_BROKER_URL = "memory://localhost/"


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


@pytest.fixture
def mine(alice: User, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]) -> Strategy:
    return strategy(paper_account(alice), {"BTC": 50, "ETH": 30}, name="My <b>targets</b>", trigger_mode="both")


def test_without_a_sweep_the_list_explains_what_one_is(alice: User, client_for: Browser) -> None:
    page = text_of(client_for(alice).get(ALL))
    assert "how much of the best one is luck" in page
    assert f"{ALL}new/" in page


def test_what_is_varied_is_chosen_among_ones_own(alice: User, bob: User, mine: Strategy, client_for: Browser) -> None:
    created_run(alice, start_cash="5")
    created_run(bob)
    page = text_of(client_for(alice).get(f"{ALL}new/"))
    assert f"?strategy={mine.pk}" in page
    assert "My &lt;b&gt;targets" in page
    assert page.count("?run=") == 1


def test_how_long_it_takes_is_told_before_it_begins(alice: User, mine: Strategy, client_for: Browser) -> None:
    browser, path = client_for(alice), f"{ALL}new/?strategy={mine.pk}"
    assert "2:20:0.5" in text_of(browser.get(path))
    typed = {
        **JUDGED, "vary-min_delta_pct": "3:6:0.5", "vary-interval_minutes": "1440,2880",
        "interval": "1h", "start": "", "end": "", "start_cash": "10 000", "key": "k",
    }  # fmt: skip
    reviewed = browser.post(path, {**typed, "review": "1"})
    assert reviewed.status_code == 200
    assert "14 settings" in text_of(reviewed)
    assert "It takes about" in text_of(reviewed)
    assert not Sweep.objects.exists()
    begun = browser.post(path, {**typed, "begin": "1"})
    sweep = Sweep.objects.get()
    assert begun["Location"] == f"{ALL}{sweep.pk}/"
    assert (sweep.settings_total, sweep.user, sweep.strategy) == (14, alice, mine)
    browser.post(path, {**typed, "begin": "1"})
    assert Sweep.objects.count() == 1


def test_what_is_wrong_stands_at_its_field_and_nothing_begins(alice: User, mine: Strategy, client_for: Browser) -> None:
    browser, path = client_for(alice), f"{ALL}new/?strategy={mine.pk}"
    rest = {**JUDGED, "interval": "1h", "start_cash": "100", "begin": "1"}
    for typed, said in (
        ({}, "There is nothing to try"),
        ({"vary-min_delta_pct": "9:2:1"}, "the end must not be below the beginning"),
        ({"vary-min_delta_pct": "2,3", "held_out_pct": "70"}, "less than or equal to 50"),
        ({"vary-min_delta_pct": "2,3", "start": "2031-01-01"}, "There is no time with candles"),
        ({"vary-min_delta_pct": "2,3", "windows": "1"}, "One window tells nothing"),
        ({"vary-min_delta_pct": "2,3", "start_cash": "0"}, "nothing to begin with"),
    ):
        answer = browser.post(path, {**rest, **typed})
        assert answer.status_code == 400
        assert said in text_of(answer)
    assert not Sweep.objects.exists()


def test_a_sweep_of_a_back_test_takes_all_other_settings_from_it(alice: User, client_for: Browser) -> None:
    run = created_run(alice, trigger_mode="both", start_cash="777", spread_pct="0.3")
    path = f"{ALL}new/?run={run.pk}"
    browser = client_for(alice)
    assert run.name in text_of(browser.get(path))
    answer = browser.post(path, {**JUDGED, "vary-min_delta_pct": "3,4", "begin": "1"})
    assert answer.status_code == 302
    sweep = Sweep.objects.get()
    assert sweep.settings == run.settings


def test_progress_is_polled_and_the_page_reloads_at_the_end(alice: User, client_for: Browser) -> None:
    browser, sweep = client_for(alice), scenes.created(alice)
    path = f"{ALL}{sweep.pk}/"
    chunk = sweep_claims.claim(sweep.pk, "one")
    assert chunk is not None
    sweep_claims.complete(chunk, "one", b"")
    page = text_of(browser.get(path))
    assert 'data-live="jobs"' in page
    assert 'http-equiv="refresh"' in page
    assert "10 of 21 settings" in page
    fragment = browser.get(path, headers={"HX-Request": "true"})
    assert "<html" not in fragment.content.decode()
    assert "HX-Refresh" not in fragment
    assert browser.post(f"{path}cancel/")["Location"] == path
    assert browser.get(path, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    assert "Cancel" not in text_of(browser.get(path)).replace("Cancelled", "")


def test_the_result_shows_what_the_best_is_worth(alice: User, client_for: Browser) -> None:
    sweep = scenes.done(alice, windows=2, paths=5)
    page = text_of(client_for(alice).get(f"{ALL}{sweep.pk}/"))
    for said in (
        "The best setting", "independent ones, would show about", "On what was held out", "Walk forward",
        "which no choice has seen",
        "Sharpe ratio by Band, % and Interval", "On other pasts", 'class="fan fan0"', "Value at the end",
    ):  # fmt: skip
        assert said in page, said
    assert page.count('class="h') + page.count('class="none') >= 21
    assert 'class="best"' in page or ' best"' in page
    assert page.count("/settings/") == 21  # one for the best at the top, twenty rows
    assert " style=" not in page


def test_a_setting_is_opened_as_a_back_test_of_its_own(alice: User, client_for: Browser) -> None:
    sweep = scenes.done(alice, search=scenes.search(min_delta_pct="3,4"))
    browser = client_for(alice)
    answer = browser.post(f"{ALL}{sweep.pk}/settings/1/")
    run = BacktestRun.objects.get()
    assert answer["Location"] == f"/backtests/{run.pk}/"
    assert run.settings["limits"]["min_delta_pct"] == "4"
    assert {**run.settings, "limits": None} == {**sweep.settings, "limits": None}
    assert browser.post(f"{ALL}{sweep.pk}/settings/2/").status_code == 404


def test_a_sweep_that_has_failed_says_why_and_can_go_on(alice: User, client_for: Browser) -> None:
    sweep = scenes.created(alice)
    sweep_claims.fail(sweep.pk, "It was too large.")
    browser = client_for(alice)
    assert "It was too large." in text_of(browser.get(f"{ALL}{sweep.pk}/"))
    browser.post(f"{ALL}{sweep.pk}/again/")
    sweep.refresh_from_db()
    assert sweep.state == Sweep.State.RUNNING


def test_a_sweep_is_deleted(alice: User, client_for: Browser) -> None:
    sweep = scenes.created(alice)
    assert client_for(alice).post(f"{ALL}{sweep.pk}/delete/")["Location"] == ALL
    assert not Sweep.objects.exists()


def test_charlie_sees_nothing_and_changes_nothing(
    alice: User, charlie: User, mine: Strategy, client_for: Browser
) -> None:
    sweep, run = scenes.created(alice, search=scenes.search(min_delta_pct="3,4")), created_run(alice)
    browser = client_for(charlie)
    assert f"{ALL}{sweep.pk}/" not in text_of(browser.get(ALL))
    for path in (f"{ALL}{sweep.pk}/", f"{ALL}new/?strategy={mine.pk}", f"{ALL}new/?run={run.pk}"):
        assert browser.get(path).status_code == 404
    for action in ("cancel", "delete", "again", "settings/0"):
        assert browser.post(f"{ALL}{sweep.pk}/{action}/").status_code == 404
    sweep.refresh_from_db()
    assert sweep.state == Sweep.State.QUEUED
    assert sweeps.cancel_sweep(sweep).state == Sweep.State.CANCELLED
