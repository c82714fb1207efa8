"""A model is asked when its time has come: what it gives is proposed, and nothing changes until its owner says so."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import responses
import time_machine
from django.utils import timezone

from accounts import services as accounts
from accounts.models import Notice, User
from botbalance.lib.errors import AppError, Conflict
from exchanges.errors import Unavailable
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from strategies import selectors, services, tasks
from strategies.models import Strategy, TargetProposal
from strategies.tests.model_scenes import (
    CAPS,
    NO_KLINES,
    SOURCE,
    WEEK,
    again,
    entries,
    make,
    make_due,
    source,
    weights,
)

__all__ = ["source"]  # a fixture
pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 10_000})


def proposed(strategy: Strategy) -> TargetProposal:
    proposal = selectors.open_proposal(strategy)
    assert proposal is not None
    return proposal


def states(strategy: Strategy) -> list[str]:
    return [proposal.state for proposal in reversed(selectors.proposals_of(strategy))]


# --- proposals -------------------------------------------------------------------------------------------


def test_new_weights_are_proposed_and_their_owner_is_told(account: ExchangeAccount, alice: User) -> None:
    row = make(account, entries(("BTC", 60), ("ETH", 20)), **WEEK, model_total_pct=D(90), model_refresh_days=7)
    assert row.model_due_at is not None
    assert tasks.refresh_targets() == 1
    assert weights(row) == {"BTC": D(60), "ETH": D(20)}
    proposal = proposed(row)
    assert {each.asset: each.before_pct for each in proposal.rows.all()} == {"BTC": D(60), "ETH": D(20)}
    assert sum(each.after_pct for each in proposal.rows.all()) == 90
    assert {each.code for each in proposal.rows.all()} == {"inverse_volatility"}
    assert proposal.closes_until == (timezone.now() - timedelta(days=1)).date()
    after = again(row)
    assert timedelta(days=6.9) < after.model_due_at - timezone.now() <= timedelta(days=7)  # type: ignore[operator]
    notice = Notice.objects.get(user=alice)
    assert notice.title == "New weights for Modelled are proposed"
    assert "BTC 60 → " in notice.text
    assert notice.link == f"/strategies/{row.pk}/model/"
    assert tasks.refresh_targets() == 0  # not due any more


def test_applied_weights_are_the_targets_and_are_applied_once(account: ExchangeAccount) -> None:
    row = make(account, entries(("BTC", 60), ("ETH", 20)), **WEEK)
    proposal = services.refresh(row, by_hand=True)
    assert proposal is not None
    services.apply_proposal(proposal)
    assert weights(row) == {each.asset: each.after_pct for each in proposal.rows.all()}
    assert selectors.open_proposal(row) is None
    for decide in (services.apply_proposal, services.dismiss_proposal):
        with pytest.raises(Conflict) as refused:
            decide(TargetProposal.objects.get(pk=proposal.pk))
        assert refused.value.code == "proposal_closed"
    assert states(row) == ["applied"]


def test_dismissed_weights_change_nothing(account: ExchangeAccount) -> None:
    row = make(account, entries(("BTC", 60), ("ETH", 20)), target_model="equal")
    proposal = services.refresh(row, by_hand=True)
    assert proposal is not None
    services.dismiss_proposal(proposal)
    assert weights(row) == {"BTC": D(60), "ETH": D(20)}
    assert states(row) == ["dismissed"]


def test_weights_that_need_no_change_are_not_proposed(account: ExchangeAccount, alice: User) -> None:
    row = make(account, entries(("BTC", 50), ("ETH", 50)), target_model="equal")
    assert tasks.refresh_targets() == 1
    assert selectors.open_proposal(row) is None
    assert again(row).model_refreshed_at is not None
    assert not Notice.objects.filter(user=alice).exists()


def test_a_newer_proposal_takes_the_place_of_an_open_one(account: ExchangeAccount) -> None:
    row = make(account, entries(("BTC", 60), ("ETH", 20)), target_model="equal")
    for _time in range(2):
        assert services.refresh(again(row), by_hand=True)
    assert states(row) == ["superseded", "open"]


@pytest.mark.parametrize(
    ("values", "rows"),
    [
        ({"model_total_pct": D(80)}, None),
        ({"target_model": "fixed"}, None),
        ({}, entries(("BTC", 55), ("ETH", 20))),
        ({}, entries(("BTC", 60), ("SOL", 20))),
    ],
)
def test_what_was_proposed_for_other_settings_or_rows_is_out_of_date(
    account: ExchangeAccount, values: dict[str, Any], rows: Any
) -> None:
    row = make(account, entries(("BTC", 60), ("ETH", 20)), target_model="equal")
    proposal = services.refresh(row, by_hand=True)
    assert proposal is not None
    services.update_strategy(again(row), values, rows)
    assert states(row) == ["superseded"]
    with pytest.raises(Conflict):
        services.apply_proposal(proposal)


def test_limits_and_names_may_change_while_weights_are_proposed(account: ExchangeAccount) -> None:
    row = make(account, entries(("BTC", 60), ("ETH", 20)), target_model="equal")
    proposal = services.refresh(row, by_hand=True)
    assert proposal is not None
    due = again(row).model_due_at
    services.update_strategy(again(row), {"name": "Other", "min_delta_pct": D(3)}, None)
    assert again(row).model_due_at == due
    services.apply_proposal(proposal)
    assert weights(row) == {"BTC": D(50), "ETH": D(50)}


def test_without_asking_weights_are_applied_and_it_is_said(account: ExchangeAccount, alice: User) -> None:
    row = make(account, entries(("BTC", 60), ("ETH", 20)), target_model="equal", model_auto_apply=True)
    tasks.refresh_targets()
    assert weights(row) == {"BTC": D(50), "ETH": D(50)}
    (proposal,) = selectors.proposals_of(row)
    assert (proposal.state, proposal.is_automatic) == ("applied", True)
    assert Notice.objects.get(user=alice).title == "New weights for Modelled were applied"


def test_by_hand_nothing_is_applied_without_its_owner(account: ExchangeAccount, alice: User) -> None:
    row = make(account, entries(("BTC", 60), ("ETH", 20)), target_model="equal", model_auto_apply=True)
    services.refresh(row, by_hand=True)
    assert weights(row) == {"BTC": D(60), "ETH": D(20)}
    assert not Notice.objects.filter(user=alice).exists()


def test_the_plan_of_proposed_targets_is_made_without_applying_them(account: ExchangeAccount) -> None:
    rows = [services.Entry("BTC", D(60), keep=D(1)), services.Entry("ETH", D(0))]
    row = make(account, rows, target_model="equal", model_total_pct=D(50))
    proposal = services.refresh(row, by_hand=True)
    assert proposal is not None
    targets = selectors.proposed_targets(row, proposal)
    assert [(target.asset, target.keep) for target in targets] == [("BTC", 1), ("ETH", 0)]
    plan = services.plan_strategy(again(row), targets=targets).plan
    assert {leg.asset for leg in plan.legs} == {"BTC", "ETH"}
    assert {leg.asset for leg in services.plan_strategy(again(row)).plan.legs} == {"BTC"}


# --- saving ----------------------------------------------------------------------------------------------


def test_weights_left_empty_are_the_models_from_the_start(account: ExchangeAccount) -> None:
    row = make(account, entries(("BTC", None), ("ETH", None)), **WEEK)
    assert sum(weights(row).values()) == 100
    assert states(row) == ["applied"]
    assert row.model_refreshed_at is not None
    assert tasks.refresh_targets() == 0  # the next look is a month away


def test_a_row_added_without_a_weight_has_all_weights_worked_out(account: ExchangeAccount) -> None:
    row = make(account, entries(("BTC", 60), ("ETH", 20)), target_model="equal")
    services.update_strategy(row, {}, entries(("BTC", 60), ("ETH", 20), ("SOL", None)))
    assert sorted(weights(row).values()) == [D("33.3333"), D("33.3333"), D("33.3334")]


def test_where_the_model_cannot_answer_nothing_is_saved(account: ExchangeAccount) -> None:
    with faults.plan(NO_KLINES), pytest.raises(AppError) as refused:
        make(account, entries(("BTC", None), ("ETH", 20)), **WEEK)
    assert set(refused.value.fields) == {"allocations"}
    assert not Strategy.objects.exists()


def test_fixed_weights_are_asked_of_nobody(account: ExchangeAccount) -> None:
    row = make(account, entries(("BTC", 60)))
    assert row.model_due_at is None
    with pytest.raises(Conflict) as refused:
        services.refresh(row, by_hand=True)
    assert refused.value.code == "no_model"
    assert again(row).model_problem == ""
    assert tasks.refresh_targets() == 0


@pytest.mark.parametrize(
    ("values", "rows", "field"),
    [
        ({"target_model": "minimum_variance", "model_cap_pct": D(30)}, [("BTC", 1), ("ETH", 1)], "model_cap_pct"),
        ({"target_model": "momentum", "model_top_k": 3}, [("BTC", 1), ("ETH", 1)], "model_top_k"),
        (
            {"target_model": "risk_parity", "model_lookback_days": 7},
            [("BTC", 1), ("ETH", 1), ("SOL", 1), ("ADA", 1)],
            "model_lookback_days",
        ),
        ({"target_model": "equal", "model_lookback_days": 6}, [("BTC", 1)], "model_lookback_days"),
        ({"target_model": "equal", "model_refresh_days": 0}, [("BTC", 1)], "model_refresh_days"),
        ({"target_model": "equal", "model_total_pct": D("100.01")}, [("BTC", 1)], "model_total_pct"),
        ({"target_model": "tarot"}, [("BTC", 1)], "target_model"),
        ({"target_model": "market_cap"}, [("BTC", 1)], "allocations"),
        ({"target_model": "market_cap"}, [("BTC", 1, 0)], "allocations"),
        ({"target_model": "market_cap"}, [("BTC", 1, None, "bitcoin")], "allocations"),  # nobody may ask there
        ({"target_model": "fixed"}, [("BTC", None)], "allocations"),
    ],
)
def test_settings_that_do_not_go_together_are_refused_by_field(
    account: ExchangeAccount, values: dict[str, Any], rows: Any, field: str
) -> None:
    with pytest.raises(AppError) as refused:
        make(account, entries(*rows), **values)
    assert field in refused.value.fields
    assert not Strategy.objects.exists()


# --- failures --------------------------------------------------------------------------------------------


def test_an_exchange_that_is_away_leaves_the_weights_says_why_and_is_asked_again_later_and_later(
    account: ExchangeAccount, alice: User
) -> None:
    row = make(account, entries(("BTC", 60), ("ETH", 20)), **WEEK)
    pauses = []
    with faults.plan(NO_KLINES):
        for failures in (1, 2, 3, 4):
            make_due(row)
            tasks.refresh_targets()
            after = again(row)
            assert after.model_failures == failures
            assert after.model_problem
            assert after.model_due_at is not None
            pauses.append(after.model_due_at - timezone.now())
    assert [round(pause / timedelta(minutes=1)) for pause in pauses] == [5, 15, 60, 360]
    assert weights(row) == {"BTC": D(60), "ETH": D(20)}
    assert [notice.title for notice in Notice.objects.filter(user=alice)] == ["No new weights for Modelled"]
    make_due(row)
    tasks.refresh_targets()
    after = again(row)
    assert (after.model_failures, after.model_problem) == (0, "")
    assert selectors.open_proposal(row) is not None


def test_too_little_history_changes_nothing_and_is_said(account: ExchangeAccount) -> None:
    row = make(account, entries(("BTC", 60)), **WEEK)
    early = time_machine.travel("2026-01-05T12:00:00+00:00", tick=False)  # the paper market began with the year
    with early, pytest.raises(Conflict) as refused:
        services.refresh(row, by_hand=True)
    assert refused.value.code == "no_weights"
    assert again(row).model_problem == "No asset has the closing prices of 8 days that the model needs."
    assert weights(row) == {"BTC": D(60)}


def test_a_failure_by_hand_does_not_put_off_the_next_try(account: ExchangeAccount) -> None:
    row = make(account, entries(("BTC", 60)), **WEEK)
    due = row.model_due_at
    with faults.plan(NO_KLINES), pytest.raises(Unavailable):
        services.refresh(row, by_hand=True)
    after = again(row)
    assert (after.model_due_at, after.model_failures) == (due, 0)
    assert after.model_problem


# --- who is asked, and when ------------------------------------------------------------------------------


def test_only_strategies_that_are_followed_and_may_trade_are_asked(
    alice: User, bob: User, paper_account: Callable[..., ExchangeAccount]
) -> None:
    account = paper_account(alice)
    row = make(account, entries(("BTC", 60)), target_model="equal")
    unused = make(account, entries(("ETH", 60)), target_model="equal")
    gone = make(paper_account(alice, label="Gone"), entries(("BTC", 60)), target_model="equal")
    services.delete_strategy(gone)
    suspended = make(paper_account(bob), entries(("BTC", 60)), target_model="equal")
    accounts.suspend(bob)
    assert tasks.refresh_targets() == 1
    assert [selectors.open_proposal(each) is not None for each in (row, unused, suspended)] == [True, False, False]
    services.activate(unused)
    assert tasks.refresh_targets() == 1
    assert selectors.open_proposal(unused) is not None


def test_a_strategy_that_is_being_refreshed_is_left_alone_by_others(
    account: ExchangeAccount, source: responses.RequestsMock
) -> None:
    row = make(account, entries(("BTC", 60, None, "bitcoin"), ("ETH", 20, 100)), **CAPS)
    others: list[int] = []

    def meanwhile(_request: Any) -> tuple[int, dict[str, str], str]:
        others.append(tasks.refresh_targets())
        return 200, {}, '[{"id": "bitcoin", "symbol": "btc", "name": "Bitcoin", "market_cap": 300}]'

    source.add_callback("GET", f"{SOURCE}/coins/markets", meanwhile)
    assert tasks.refresh_targets() == 1
    assert others == [0]
    assert {each.asset: each.after_pct for each in proposed(row).rows.all()} == {"BTC": D(75), "ETH": D(25)}


def test_what_is_changed_while_the_model_is_asked_is_not_undone(
    account: ExchangeAccount, source: responses.RequestsMock
) -> None:
    row = make(account, entries(("BTC", 60, None, "bitcoin"), ("ETH", 20, 100)), **CAPS, model_auto_apply=True)

    def meanwhile(_request: Any) -> tuple[int, dict[str, str], str]:
        services.update_strategy(again(row), {}, entries(("BTC", 10, 5), ("SOL", 5, 5)))
        return 200, {}, '[{"id": "bitcoin", "symbol": "btc", "name": "Bitcoin", "market_cap": 300}]'

    source.add_callback("GET", f"{SOURCE}/coins/markets", meanwhile)
    with pytest.raises(Conflict) as refused:
        services.refresh(row, by_hand=False)
    assert refused.value.code == "strategy_changed"
    assert weights(row) == {"BTC": D(10), "SOL": D(5)}
    assert states(row) == []


def test_one_strategys_trouble_is_not_anothers(
    alice: User, bob: User, paper_account: Callable[..., ExchangeAccount], source: responses.RequestsMock
) -> None:
    troubled = make(paper_account(alice), entries(("BTC", 60, None, "bitcoin")), **CAPS)
    well = make(paper_account(bob), entries(("BTC", 60)), target_model="equal")
    source.get(f"{SOURCE}/coins/markets", status=500)
    assert tasks.refresh_targets() == 2
    assert again(troubled).model_failures == 1
    assert selectors.open_proposal(well) is not None
    assert not Notice.objects.filter(user=alice).exists()
    assert Notice.objects.filter(user=bob).count() == 1
