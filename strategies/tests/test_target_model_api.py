"""Target models over the API: fields of the chosen model only, proposals, and a word on them; everybody's own."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from strategies import selectors, services
from strategies.models import Strategy
from strategies.tests.model_scenes import CAPS, NO_KLINES, WEEK, D, entries, make, weights
from tests.refusals import refusal

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
URL = "/api/me/strategies/"


@pytest.fixture
def api(alice: User, api_for: Callable[[User], APIClient]) -> APIClient:
    return api_for(alice)


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 10_000})


def body(of: ExchangeAccount, *rows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"name": "Mine", "account": of.pk, "allocations": list(rows), **changes}


def test_a_strategy_shows_the_settings_of_its_model_and_no_others(api: APIClient, account: ExchangeAccount) -> None:
    fixed = api.post(URL, body(account, {"asset": "BTC", "weight_pct": "60"}), format="json").json()
    assert {name for name in fixed if "model" in name} == {"target_model"}
    row = {"asset": "BTC", "weight_pct": "60", "market_cap": "1200.5"}
    made = api.post(URL, body(account, row, target_model="market_cap", model_cap_pct="100"), format="json").json()
    assert {name for name in made if "model" in name} == {
        "target_model", "model_square_root", "model_cap_pct", "model_total_pct", "model_refresh_days",
        "model_auto_apply", "model_refreshed_at", "model_due_at", "model_problem",
    }  # fmt: skip
    row = {"asset": "BTC", "weight_pct": "60.0000", "keep": "0", "market_cap": "1200.5", "coin_id": ""}
    assert made["allocations"] == [row]
    assert api.put(f"{URL}{made['id']}/", made, format="json").json()["allocations"] == made["allocations"]


def test_weights_left_out_are_the_models(api: APIClient, account: ExchangeAccount) -> None:
    rows = [{"asset": "BTC"}, {"asset": "ETH", "weight_pct": None}]
    answer = api.post(URL, body(account, *rows, target_model="equal", model_total_pct="90"), format="json")
    assert answer.status_code == 201, answer.json()
    assert {row["weight_pct"] for row in answer.json()["allocations"]} == {"45.0000"}


@pytest.mark.parametrize(
    ("changes", "rows", "field"),
    [
        ({}, [{"asset": "BTC"}], "allocations.0.weight_pct"),
        ({}, [{"asset": "BTC", "weight_pct": None}], "allocations.0.weight_pct"),
        ({}, [{"asset": "BTC", "weight_pct": "1", "market_cap": "5"}], "allocations.0.market_cap"),
        ({"target_model": "equal"}, [{"asset": "BTC", "coin_id": "bitcoin"}], "allocations.0.coin_id"),
        ({"target_model": "equal"}, [{"weight_pct": "1"}], "allocations.0.asset"),
        ({"target_model": "equal", "model_top_k": 2}, [{"asset": "BTC"}], "model_top_k"),
        ({"model_total_pct": "50"}, [{"asset": "BTC", "weight_pct": "1"}], "model_total_pct"),
        ({"target_model": "market_cap"}, [{"asset": "BTC", "market_cap": "0"}], "allocations.0.market_cap"),
        ({"target_model": "market_cap"}, [{"asset": "BTC"}], "allocations"),
        ({"target_model": "momentum"}, [{"asset": "BTC"}], "model_top_k"),
        ({"target_model": "horoscope"}, [{"asset": "BTC"}], "target_model"),
    ],
)
def test_what_does_not_belong_to_the_model_is_refused_by_field(
    api: APIClient, account: ExchangeAccount, changes: dict[str, Any], rows: list[dict[str, Any]], field: str
) -> None:
    assert set(refusal(api.post(URL, body(account, *rows, **changes), format="json"), 400)) == {field}
    assert not Strategy.objects.exists()


def test_figures_that_are_not_sent_are_what_they_were(api: APIClient, account: ExchangeAccount) -> None:
    row = make(account, entries(("BTC", 60, 700, "bitcoin"), ("ETH", 20, 300)), **CAPS)
    rows = [{"asset": "BTC", "weight_pct": "50"}, {"asset": "ETH", "weight_pct": "20", "market_cap": "400"}]
    changed = api.patch(f"{URL}{row.pk}/", {"allocations": rows}, format="json").json()
    assert {each["asset"]: (each["market_cap"], each["coin_id"]) for each in changed["allocations"]} == {
        "BTC": ("700", "bitcoin"), "ETH": ("400", ""),
    }  # fmt: skip


def test_new_weights_are_asked_for_looked_at_and_applied(api: APIClient, account: ExchangeAccount) -> None:
    row = make(account, entries(("BTC", 60), ("ETH", 20)), target_model="equal")
    proposal = api.post(f"{URL}{row.pk}/refresh/").json()["proposal"]
    assert (proposal["state"], proposal["target_model"], proposal["strategy"]) == ("open", "equal", row.pk)
    assert proposal["weights"][0] == {
        "asset": "BTC", "before_pct": "60.0000", "after_pct": "50.0000", "code": "equal", "values": {"count": "2"},
        "reason": "One of 2 equal shares.",
    }  # fmt: skip
    detail = api.get(f"{URL}{row.pk}/proposals/{proposal['id']}/").json()
    assert {order["symbol"] for order in detail["orders"]} == {"BTCUSDT", "ETHUSDT"}
    assert set(detail["orders"][0]) == {"symbol", "side", "price", "quantity", "notional", "fee", "reason"}
    assert detail["orders"][0]["side"] == "BUY"
    applied = api.post(f"{URL}{row.pk}/proposals/{proposal['id']}/apply/")
    assert (applied.status_code, applied.json()["state"]) == (200, "applied")
    assert weights(row) == {"BTC": D(50), "ETH": D(50)}
    refusal(api.post(f"{URL}{row.pk}/proposals/{proposal['id']}/dismiss/"), 409, "proposal_closed")
    assert api.post(f"{URL}{row.pk}/refresh/").json() == {"proposal": None}
    (listed,) = api.get(f"{URL}{row.pk}/proposals/").json()["results"]
    assert listed["id"] == proposal["id"]
    assert api.get(f"{URL}{row.pk}/proposals/{proposal['id']}/").json()["orders"] is None


def test_a_proposal_is_dismissed(api: APIClient, account: ExchangeAccount) -> None:
    row = make(account, entries(("BTC", 60)), target_model="equal")
    proposal = api.post(f"{URL}{row.pk}/refresh/").json()["proposal"]
    answer = api.post(f"{URL}{row.pk}/proposals/{proposal['id']}/dismiss/").json()
    assert (answer["state"], answer["is_automatic"]) == ("dismissed", False)
    assert weights(row) == {"BTC": D(60)}


def test_why_there_are_no_new_weights_is_answered_and_kept(api: APIClient, account: ExchangeAccount) -> None:
    row = make(account, entries(("BTC", 60)), **WEEK)
    with faults.plan(NO_KLINES):
        refusal(api.post(f"{URL}{row.pk}/refresh/"), 503, "exchange_unavailable")
    assert api.get(f"{URL}{row.pk}/").json()["model_problem"]
    fixed = make(account, entries(("BTC", 60)))
    refusal(api.post(f"{URL}{fixed.pk}/refresh/"), 409, "no_model")


def test_a_plan_that_cannot_be_made_now_hides_no_weights(api: APIClient, account: ExchangeAccount) -> None:
    row = make(account, entries(("BTC", 60)), target_model="equal")
    proposal = api.post(f"{URL}{row.pk}/refresh/").json()["proposal"]
    with faults.plan([{"match": "GET /api/v3/account", "kind": "refuse", "times": 1000}]):
        detail = api.get(f"{URL}{row.pk}/proposals/{proposal['id']}/").json()
    assert detail["orders"] is None
    assert detail["problem"]
    assert detail["weights"] == proposal["weights"]


def test_everybody_has_their_own(
    alice: User,
    bob: User,
    charlie: User,
    account: ExchangeAccount,
    paper_account: Callable[..., ExchangeAccount],
    api_for: Callable[[User], APIClient],
) -> None:
    row = make(account, entries(("BTC", 60)), target_model="equal")
    bobs = make(paper_account(bob), entries(("BTC", 60)), target_model="equal")
    proposal = services.refresh(row, by_hand=True)
    assert proposal is not None
    paths = [("post", "refresh/"), ("get", "proposals/"), ("get", f"proposals/{proposal.pk}/")]
    paths += [("post", f"proposals/{proposal.pk}/{deed}/") for deed in ("apply", "dismiss")]
    for user in (bob, charlie):
        for method, path in paths:
            refusal(getattr(api_for(user), method)(f"{URL}{row.pk}/{path}"), 404, "not_found")
    for method, path in paths[2:]:  # another's proposal under a strategy of his own
        refusal(getattr(api_for(bob), method)(f"{URL}{bobs.pk}/{path}"), 404, "not_found")
    assert [each.state for each in selectors.proposals_of(row)] == ["open"]
    assert weights(row) == weights(bobs) == {"BTC": D(60)}
