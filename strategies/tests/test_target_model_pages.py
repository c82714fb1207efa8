"""The pages of target models: what concerns the chosen model and nothing else, a proposal with its orders, its owner's
word; all of it without JavaScript.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import responses
from django.test import Client

from accounts.models import User
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from strategies import selectors, services
from strategies.models import Strategy
from strategies.tests.model_scenes import CAPS, NO_KLINES, SOURCE, WEEK, D, again, coin, entries, make, source, weights
from strategies.tests.test_page_strategies import LIMITS, complaints

__all__ = ["source"]  # a fixture
pytestmark = pytest.mark.django_db(databases=["default", "paper"])
COMMON = {"model_total_pct": "100", "model_refresh_days": "30"}
MOMENTUM = {**COMMON, "model_lookback_days": "7", "model_skip_days": "0", "model_top_k": "1"}


@pytest.fixture
def browser(alice: User, client_for: Callable[[User], Client]) -> Client:
    return client_for(alice)


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 10_000})


def typed(kind: str, rows: Sequence[Sequence[str]], **changes: Any) -> dict[str, Any]:
    """The form of a model as a browser sends it: rows are asset, weight, market capitalisation, coin."""
    data = {
        "name": "Mine", "target_model": kind, "shown_model": kind, **LIMITS,
        "targets-TOTAL_FORMS": len(rows), "targets-INITIAL_FORMS": 0, **changes,
    }  # fmt: skip
    for index, row in enumerate(rows):
        for name, value in zip(("asset", "weight_pct", "market_cap", "coin_id"), row, strict=False):
            data[f"targets-{index}-{name}"] = value
    return data


def shown_settings(page: Any) -> set[str]:
    return {name for name in page.context["model_form"].fields if name.startswith("model_")}


# --- the form ----------------------------------------------------------------------------------------------


def test_a_form_of_fixed_weights_shows_no_settings_of_a_model(browser: Client, account: ExchangeAccount) -> None:
    page = browser.get("/strategies/new/")
    assert shown_settings(page) == set()
    assert "market_cap" not in page.context["rows"].forms[0].fields


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        ("equal", set()),
        ("market_cap", {"model_square_root", "model_cap_pct"}),
        ("inverse_volatility", {"model_lookback_days", "model_cap_pct"}),
        ("risk_parity", {"model_lookback_days"}),
        ("minimum_variance", {"model_lookback_days", "model_cap_pct"}),
        (
            "momentum",
            {"model_lookback_days", "model_skip_days", "model_top_k", "model_volatility_scaled",
             "model_negative_to_quote"},
        ),
    ],
)  # fmt: skip
def test_choosing_a_model_shows_its_settings_and_saves_nothing(
    browser: Client, account: ExchangeAccount, kind: str, own: set[str]
) -> None:
    data = typed("fixed", [("btc", "60")], account=account.pk, choose="1") | {"target_model": kind}
    page = browser.post("/strategies/new/", data)
    assert page.status_code == 200
    assert shown_settings(page) == own | {"model_total_pct", "model_refresh_days", "model_auto_apply"}
    assert page.context["rows"].forms[0]["asset"].value() == "btc"
    assert page.context["model_form"]["model_refresh_days"].value() == 30
    assert not Strategy.objects.exists()


def test_a_model_whose_settings_nobody_has_seen_is_not_saved(browser: Client, account: ExchangeAccount) -> None:
    row = make(account, entries(("BTC", 60)), model_top_k=1)
    data = typed("fixed", [("BTC", "60")]) | {"target_model": "momentum"}
    page = browser.post(f"/strategies/{row.pk}/", data, follow=True)
    assert "Nothing was saved yet" in page.content.decode()
    assert page.context["model_form"]["model_top_k"].value() == 1
    assert again(row).target_model == "fixed"


def test_weights_left_empty_are_worked_out_and_the_plan_is_shown(
    browser: Client, alice: User, account: ExchangeAccount
) -> None:
    data = typed("momentum", [("BTC", ""), ("ETH", ""), ("", "")], account=account.pk, **MOMENTUM)
    answer = browser.post("/strategies/new/", data)
    (row,) = selectors.strategies_of(alice)
    assert answer.url == f"/orders/preview/{row.pk}/"
    assert sorted(weights(row).values()) == [D(0), D(100)]
    assert (row.target_model, row.model_lookback_days, row.model_top_k) == ("momentum", 7, 1)


def test_typed_weights_stay_and_the_models_page_is_shown(
    browser: Client, alice: User, account: ExchangeAccount
) -> None:
    answer = browser.post(
        "/strategies/new/", typed("equal", [("BTC", "60"), ("ETH", "")[:2]], **COMMON, account=account.pk)
    )
    assert answer.status_code == 302
    (row,) = selectors.strategies_of(alice)
    assert weights(row) == {"BTC": D(50), "ETH": D(50)}
    answer = browser.post(f"/strategies/{row.pk}/", typed("equal", [("BTC", "60"), ("SOL", "5")], **COMMON))
    assert answer.url == f"/strategies/{row.pk}/model/"
    assert weights(row) == {"BTC": D(60), "SOL": D(5)}


def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(browser: Client, account: ExchangeAccount) -> None:
    data = typed("momentum", [("BTC", "60")], account=account.pk, **{**MOMENTUM, "model_top_k": "4"})
    page = browser.post("/strategies/new/", data)
    assert page.status_code == 400
    assert "There is only 1 asset" in str(page.context["model_form"].errors["model_top_k"])
    assert page.context["model_form"]["model_top_k"].value() == "4"
    with faults.plan(NO_KLINES):
        page = browser.post("/strategies/new/", typed("momentum", [("BTC", "")], account=account.pk, **MOMENTUM))
    assert page.status_code == 400
    assert page.context["target_errors"]
    assert "BTC: give it a weight" not in complaints(page)
    assert not Strategy.objects.exists()


def test_settings_that_are_not_shown_are_not_changed(browser: Client, account: ExchangeAccount) -> None:
    row = make(
        account, entries(("BTC", 60, 700, "bitcoin")), **CAPS, model_square_root=True, model_volatility_scaled=True
    )
    answer = browser.post(f"/strategies/{row.pk}/", typed("equal", [("BTC", "60")], **COMMON))
    assert answer.status_code == 302
    after = again(row)
    assert (after.target_model, after.model_square_root, after.model_volatility_scaled) == ("equal", True, True)
    assert [(each.market_cap, each.coin_id) for each in after.allocations.all()] == [(D(700), "bitcoin")]


def test_market_capitalisations_are_typed_with_their_assets(
    browser: Client, alice: User, account: ExchangeAccount
) -> None:
    rows = [("BTC", "", "1 200 000 000 000"), ("ETH", "", "400000000000.5")]
    data = typed("market_cap", rows, **COMMON, account=account.pk, model_cap_pct="")
    assert browser.post("/strategies/new/", data).status_code == 302
    (row,) = selectors.strategies_of(alice)
    assert {each.asset: each.market_cap for each in row.allocations.all()} == {
        "BTC": D("1200000000000"), "ETH": D("400000000000.5"),
    }  # fmt: skip
    page = browser.get(f"/strategies/{row.pk}/")
    assert 'value="400000000000.5"' in page.content.decode()
    assert "Look up coins" not in page.content.decode()  # this server asks nobody


def test_coins_are_looked_up_offered_and_never_chosen_for_their_owner(
    browser: Client, alice: User, account: ExchangeAccount, source: responses.RequestsMock
) -> None:
    twins = [coin("bitcoin", "btc", None, market_cap_rank=1), coin("batcat", "btc", None, market_cap_rank=4000)]
    asked = source.get(f"{SOURCE}/search", json={"coins": twins})
    rows = [("btc", "60", "", ""), ("ETH", "20", "5", ""), ("SOL", "1", "", "solana")]
    data = typed("market_cap", rows, **COMMON, account=account.pk, model_cap_pct="")
    page = browser.post("/strategies/new/", {**data, "lookup": "1"})
    assert asked.call_count == 1
    choices = page.context["rows"].forms[0].fields["coin_id"].widget.choices
    assert [value for value, _label in choices] == ["", "bitcoin", "batcat"]
    assert page.context["rows"].forms[0]["coin_id"].value() == ""
    assert not Strategy.objects.exists()
    refused = browser.post("/strategies/new/", data)
    assert "BTC: type its market capitalisation, or say which coin it is" in complaints(refused)
    data["targets-0-coin_id"] = "bitcoin"
    assert browser.post("/strategies/new/", data).status_code == 302
    (row,) = selectors.strategies_of(alice)
    assert {each.asset: each.coin_id for each in row.allocations.all()} == {
        "BTC": "bitcoin",
        "ETH": "",
        "SOL": "solana",
    }


def test_a_source_that_is_away_is_said_and_the_form_stays(
    browser: Client, account: ExchangeAccount, source: responses.RequestsMock
) -> None:
    source.get(f"{SOURCE}/search", status=503)
    data = typed("market_cap", [("BTC", "60", "", "")], **COMMON, account=account.pk, lookup="1")
    page = browser.post("/strategies/new/", data).content.decode()
    assert "answered with an error (503)" in page
    assert 'value="BTC"' in page


# --- the model's page ----------------------------------------------------------------------------------------


def test_new_weights_are_shown_with_their_reasons_and_the_orders_they_mean(
    browser: Client, account: ExchangeAccount
) -> None:
    row = make(account, entries(("BTC", 0), ("ETH", 0)), target_model="equal", model_total_pct=D(40))
    answer = browser.post(f"/strategies/{row.pk}/model/refresh/", follow=True)
    page = answer.content.decode()
    assert "One of 2 equal shares." in page
    assert [leg.asset for leg in answer.context["plan"].legs] == ["BTC", "ETH"]
    rows = [(each["asset"], each["before"], each["after"]) for each in answer.context["rows"]]
    assert rows == [("BTC", D(0), D(20)), ("ETH", D(0), D(20)), ("USDT", D(100), D(60))]
    assert weights(row) == {"BTC": D(0), "ETH": D(0)}
    listed = browser.get("/strategies/").content.decode()
    assert "new weights proposed" in listed
    proposal = answer.context["proposal"]
    answer = browser.post(f"/strategies/{row.pk}/model/proposals/{proposal.pk}/apply/")
    assert answer.url == f"/orders/preview/{row.pk}/"
    assert weights(row) == {"BTC": D(20), "ETH": D(20)}
    again_ = browser.post(f"/strategies/{row.pk}/model/proposals/{proposal.pk}/apply/", follow=True)
    assert "not open any more" in again_.content.decode()


def test_a_proposal_is_dismissed_and_stays_readable(browser: Client, account: ExchangeAccount) -> None:
    row = make(account, entries(("BTC", 60)), target_model="equal")
    proposal = services.refresh(row, by_hand=True)
    assert proposal is not None
    answer = browser.post(f"/strategies/{row.pk}/model/proposals/{proposal.pk}/dismiss/", follow=True)
    assert answer.context["proposal"] is None
    assert [row["proposal"].state for row in answer.context["earlier"]] == ["dismissed"]
    assert weights(row) == {"BTC": D(60)}


def test_an_exchange_that_is_away_is_said_and_its_weights_are_shown_all_the_same(
    browser: Client, account: ExchangeAccount
) -> None:
    row = make(account, entries(("BTC", 60), ("ETH", 20)), **WEEK)
    with faults.plan(NO_KLINES):
        page = browser.post(f"/strategies/{row.pk}/model/refresh/", follow=True).content.decode()
    assert "There are no new weights; those you have stay as they are." in page
    services.refresh(again(row), by_hand=True)
    with faults.plan([{"match": "GET /api/v3/account", "kind": "refuse", "times": 1000}]):
        answer = browser.get(f"/strategies/{row.pk}/model/")
    assert answer.context["plan_error"]
    assert "Apply these weights" in answer.content.decode()


def test_the_page_of_fixed_weights_says_that_they_are(browser: Client, account: ExchangeAccount) -> None:
    row = make(account, entries(("BTC", 60)))
    page = browser.get(f"/strategies/{row.pk}/model/").content.decode()
    assert "The weights are fixed" in page
    assert "Refresh now" not in page


def test_every_model_is_put_into_words_without_a_loose_end(browser: Client, account: ExchangeAccount) -> None:
    for kind in ("equal", "market_cap", "inverse_volatility", "risk_parity", "minimum_variance", "momentum"):
        row = make(account, entries(("BTC", 60, 5)), target_model=kind, model_top_k=1, model_auto_apply=True)
        summary = browser.get(f"/strategies/{row.pk}/model/").context["summary"]
        assert "They are applied without asking." in summary
        assert "%(" not in summary


# --- others ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "refresh/", "proposals/{proposal}/apply/", "proposals/{proposal}/dismiss/"])
def test_nobody_else_sees_or_decides(
    alice: User,
    bob: User,
    charlie: User,
    account: ExchangeAccount,
    paper_account: Callable[..., ExchangeAccount],
    client_for: Callable[[User], Client],
    path: str,
) -> None:
    row = make(account, entries(("BTC", 60)), target_model="equal")
    others = make(paper_account(bob), entries(("BTC", 60)), target_model="equal")
    proposal = services.refresh(row, by_hand=True)
    assert proposal is not None
    method = "post" if path else "get"
    for user, strategy in ((bob, row), (charlie, row), (bob, others)):
        if strategy is others and "{" not in path:
            continue  # his own
        address = f"/strategies/{strategy.pk}/model/" + path.format(proposal=proposal.pk)
        answer = getattr(client_for(user), method)(address)
        assert answer.status_code == 404
        assert "Modelled" not in answer.content.decode()
    assert [each.state for each in selectors.proposals_of(row)] == ["open"]
    assert weights(row) == {"BTC": D(60)}
    assert "new weights proposed" not in client_for(bob).get("/strategies/").content.decode()
