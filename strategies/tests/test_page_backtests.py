"""The pages of back-tests: the list, one under way, and what can be done with one; each for its owner alone."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from botbalance.lib.numbers import signed_percent
from exchanges.models import ExchangeAccount
from strategies.backtest.models import BacktestRun
from strategies.backtest.services import rename_run
from strategies.models import Strategy
from strategies.tests.backtest_scenes import created, finished, store_candles, wavy

pytestmark = [
    pytest.mark.django_db(databases=["default", "paper"]),
]

ClientFor = Callable[[User], Client]
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def candles(settings: Any, tmp_path: Path) -> None:
    store_candles(settings, tmp_path, wavy("BTC", 400), wavy("ETH", 400))


@pytest.fixture
def browser(alice: User, client_for: ClientFor) -> Client:
    return client_for(alice)


def content(answer: Any) -> str:
    return str(answer.content.decode())


def set_state(run: BacktestRun, state: str, **values: Any) -> None:
    BacktestRun.objects.filter(pk=run.pk).update(state=state, **values)


# --- the list ------------------------------------------------------------------------------------------------


def test_without_any_the_list_says_what_a_back_test_is(browser: Client) -> None:
    page = content(browser.get("/backtests/"))
    assert "What would it have done?" in page
    assert 'href="/backtests/new/"' in page
    assert "<table" not in page


def test_the_list_shows_state_and_key_figures(browser: Client, alice: User) -> None:
    done = finished(alice)
    waiting = created(alice)
    answer = browser.get("/backtests/")
    rows = {row["run"].pk: row for row in answer.context["rows"]}
    assert done.summary is not None
    assert rows[done.pk]["trades"] == done.summary["trades"]["orders_filled"] > 0
    assert signed_percent(Decimal(done.summary["time_weighted_return"]) * 100) in content(answer)
    assert "time_weighted" not in rows[waiting.pk]
    assert [row["run"].pk for row in answer.context["rows"]] == [waiting.pk, done.pk]


def test_the_list_updates_itself_only_while_something_is_under_way(browser: Client, alice: User) -> None:
    finished(alice)
    assert "data-live" not in content(browser.get("/backtests/"))
    created(alice)
    page = content(browser.get("/backtests/"))
    assert 'hx-get="/backtests/"' in page
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page
    fragment = content(browser.get("/backtests/", headers=HTMX))
    assert "<html" not in fragment
    assert 'id="backtests"' in fragment


def test_only_what_is_done_can_be_marked_for_comparison(browser: Client, alice: User) -> None:
    first, second = finished(alice), finished(alice)
    waiting = created(alice)
    page = content(browser.get("/backtests/"))
    assert f'id="compare-{first.pk}"' in page
    assert f'id="compare-{second.pk}"' in page
    assert f'id="compare-{waiting.pk}"' not in page


def test_a_long_list_comes_in_pages(browser: Client, alice: User) -> None:
    rows = BacktestRun.objects.bulk_create(
        [
            BacktestRun(
                user=alice, name=f"number {number}", settings={}, interval="1h", from_at=timezone.now(),
                to_at=timezone.now(), state=BacktestRun.State.FAILED,
            )
            for number in range(35)
        ]
    )  # fmt: skip
    first = browser.get("/backtests/")
    assert len(first.context["rows"]) == 30
    second = browser.get("/backtests/" + first.context["older"])
    assert [row["run"].pk for row in second.context["rows"]] == [row.pk for row in reversed(rows[:5])]
    assert browser.get("/backtests/?before=nonsense").status_code == 404
    assert browser.get("/backtests/?before=1" + "0" * 30).status_code == 404


# --- one under way -------------------------------------------------------------------------------------------


def test_one_that_waits_shows_its_settings_and_can_be_cancelled(browser: Client, alice: User) -> None:
    run = created(alice)
    page = content(browser.get(f"/backtests/{run.pk}/"))
    assert f'hx-get="/backtests/{run.pk}/"' in page
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in page
    assert "BTC 50%, ETH 30%" in page
    assert browser.post(f"/backtests/{run.pk}/cancel/").headers["Location"] == f"/backtests/{run.pk}/"
    run.refresh_from_db()
    assert run.state == BacktestRun.State.CANCELLED
    page = content(browser.get(f"/backtests/{run.pk}/"))
    assert "You have ended it." in page
    assert "data-live" not in page


def test_one_that_runs_shows_how_far_it_is(browser: Client, alice: User) -> None:
    run = created(alice)
    now = timezone.now()
    set_state(run, "running", rows_done=170, rows_total=400, started_at=now, beat_at=now)
    answer = browser.get(f"/backtests/{run.pk}/", headers=HTMX)
    assert "42% of the candles" in content(answer)
    assert '<progress max="100" value="42"' in content(answer)
    assert "<html" not in content(answer)
    assert "HX-Refresh" not in answer.headers


def test_when_it_has_ended_the_whole_page_is_shown(browser: Client, alice: User) -> None:
    run = finished(alice)
    assert browser.get(f"/backtests/{run.pk}/", headers=HTMX).headers["HX-Refresh"] == "true"


def test_one_that_failed_says_why_and_escapes_it(browser: Client, alice: User) -> None:
    run = created(alice)
    set_state(run, "failed", problem="No candles <b>there</b>.")
    page = content(browser.get(f"/backtests/{run.pk}/"))
    assert "No candles &lt;b&gt;there&lt;/b&gt;." in page
    assert "Change and try again" in page


def test_what_has_ended_cannot_be_cancelled(browser: Client, alice: User) -> None:
    run = finished(alice)
    answer = browser.post(f"/backtests/{run.pk}/cancel/", follow=True)
    assert "has ended already" in content(answer)


# --- what is done with one -------------------------------------------------------------------------------------


def test_it_runs_once_more_with_the_same_settings(browser: Client, alice: User) -> None:
    run = finished(alice)
    answer = browser.post(f"/backtests/{run.pk}/again/")
    newer = BacktestRun.objects.latest("pk")
    assert answer.headers["Location"] == f"/backtests/{newer.pk}/"
    assert newer.pk != run.pk
    assert newer.settings == run.settings
    assert newer.state == BacktestRun.State.QUEUED


def test_it_is_called_something_else(browser: Client, alice: User) -> None:
    run = finished(alice)
    browser.post(f"/backtests/{run.pk}/rename/", {"name": "Wide band <i>"})
    assert "Wide band &lt;i&gt;" in content(browser.get("/backtests/"))
    answer = browser.post(f"/backtests/{run.pk}/rename/", {"name": " "}, follow=True)
    assert "Give it a name" in content(answer)


def test_it_is_deleted(browser: Client, alice: User) -> None:
    run = finished(alice)
    assert browser.post(f"/backtests/{run.pk}/delete/").headers["Location"] == "/backtests/"
    assert not BacktestRun.objects.exists()
    assert browser.get(f"/backtests/{run.pk}/").status_code == 404


# --- who may -----------------------------------------------------------------------------------------------------


def test_another_users_back_test_does_not_exist(
    alice: User, charlie: User, client_for: ClientFor, paper_account: Any, strategy: Any
) -> None:
    run, other = rename_run(finished(alice), "Alices recipe"), finished(alice)
    stored = BacktestRun.objects.values().order_by("pk")
    before = list(stored)
    browser = client_for(charlie)
    strategy(paper_account(charlie))
    assert "Alices recipe" not in content(browser.get("/backtests/"))
    for path in ("", "apply/"):
        assert browser.get(f"/backtests/{run.pk}/{path}").status_code == 404
    assert browser.get(f"/backtests/new/?run={run.pk}").status_code == 404
    assert browser.get(f"/backtests/compare/?run={run.pk}&run={other.pk}").status_code == 404
    for path in ("cancel/", "again/", "rename/", "delete/", "apply/"):
        assert browser.post(f"/backtests/{run.pk}/{path}", {"name": "mine"}).status_code == 404
    assert list(stored.all()) == before


def test_whoever_is_not_signed_in_is_asked_to(alice: User) -> None:
    run = created(alice)
    for path in ("", "new/", "compare/", f"{run.pk}/", f"{run.pk}/apply/"):
        assert Client().get(f"/backtests/{path}").headers["Location"].startswith("/auth/sign-in/")


def test_methods_are_enforced(browser: Client, alice: User) -> None:
    run = created(alice)
    for path in ("cancel/", "again/", "rename/", "delete/"):
        assert browser.get(f"/backtests/{run.pk}/{path}").status_code == 405
    assert browser.post(f"/backtests/{run.pk}/").status_code == 405


# --- the way there ---------------------------------------------------------------------------------------------


def test_navigation_and_strategies_lead_to_back_tests(
    browser: Client,
    alice: User,
    paper_account: Callable[..., ExchangeAccount],
    strategy: Callable[..., Strategy],
) -> None:
    row = strategy(paper_account(alice))
    page = content(browser.get("/strategies/"))
    assert '<a href="/backtests/"' in page
    assert f'href="/backtests/new/?strategy={row.pk}"' in page
    assert f'href="/backtests/new/?strategy={row.pk}"' in content(browser.get(f"/strategies/{row.pk}/"))
    assert f'href="/backtests/new/?strategy={row.pk}"' not in content(browser.get("/strategies/new/"))
