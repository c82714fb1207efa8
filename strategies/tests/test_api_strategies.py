"""/api/me/strategies/: what is accepted, what is refused with a message per field; a refusal changes nothing."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from exchanges.models import ExchangeAccount
from strategies.models import Allocation, Strategy
from tests.refusals import refusal

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
URL = "/api/me/strategies/"


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 10_000})


@pytest.fixture
def api(alice: User, api_for: Callable[[User], APIClient]) -> APIClient:
    return api_for(alice)


def weights(**targets: Any) -> list[dict[str, Any]]:
    return [{"asset": asset, "weight_pct": weight} for asset, weight in targets.items()]


def shown(**targets: Any) -> list[dict[str, Any]]:
    return [{**row, "keep": "0"} for row in weights(**targets)]


def body(of: ExchangeAccount, **changes: Any) -> dict[str, Any]:
    return {"name": "Mine", "account": of.pk, "allocations": weights(BTC="60", ETH="30"), **changes}


def rows() -> tuple[list[Any], list[Any]]:
    return list(Strategy.objects.order_by("pk").values()), list(Allocation.objects.order_by("pk").values())


def test_a_strategy_is_created_with_sensible_defaults(api: APIClient, account: ExchangeAccount) -> None:
    answer = api.post(URL, body(account), format="json")
    assert answer.status_code == 201, answer.json()
    made = answer.json()
    assert made["allocations"] == shown(BTC="60.0000", ETH="30.0000")
    assert (made["quote"], made["is_active"], made["account"]) == ("USDT", True, account.pk)
    assert {name: Decimal(made[name]) for name in ("min_delta_pct", "order_size_pct", "order_step_pct")} == {
        "min_delta_pct": 1,
        "order_size_pct": 25,
        "order_step_pct": 0,
    }
    assert api.get(f"{URL}{made['id']}/").json() == made
    assert api.get(URL).json()["results"] == [made]


def test_only_one_strategy_of_an_account_is_active(api: APIClient, account: ExchangeAccount) -> None:
    first = api.post(URL, body(account), format="json").json()
    second = api.post(URL, body(account), format="json").json()
    assert (first["is_active"], second["is_active"]) == (True, False)
    answer = api.patch(f"{URL}{second['id']}/", {"is_active": True}, format="json")
    assert answer.json()["is_active"]
    assert not api.get(f"{URL}{first['id']}/").json()["is_active"]
    third = api.post(URL, body(account, is_active=True), format="json").json()
    assert third["is_active"]
    assert Strategy.objects.filter(is_active=True).count() == 1


def test_a_strategy_is_changed_in_part_and_as_a_whole(api: APIClient, account: ExchangeAccount) -> None:
    made = api.post(URL, body(account), format="json").json()
    path = f"{URL}{made['id']}/"
    changed = api.patch(path, {"min_delta_pct": "0.5"}, format="json").json()
    assert changed["min_delta_pct"] == "0.5000"
    assert changed["allocations"] == made["allocations"]
    changed = api.patch(path, {"allocations": weights(sol="12.5")}, format="json").json()
    assert changed["allocations"] == shown(SOL="12.5000")
    answer = api.put(path, body(account, name="Whole"), format="json")
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["allocations"]) == ("Whole", made["allocations"])
    assert set(refusal(api.put(path, {"name": "Half"}, format="json"), 400)) == {"account", "allocations"}


def test_a_deleted_strategy_is_gone(api: APIClient, account: ExchangeAccount) -> None:
    made = api.post(URL, body(account), format="json").json()
    assert api.delete(f"{URL}{made['id']}/").status_code == 204
    refusal(api.get(f"{URL}{made['id']}/"), 404, "not_found")
    refusal(api.delete(f"{URL}{made['id']}/"), 404, "not_found")
    assert api.get(URL).json()["results"] == []


def test_a_strategy_stays_with_its_account(
    api: APIClient, alice: User, account: ExchangeAccount, paper_account: Callable[..., ExchangeAccount]
) -> None:
    made = api.post(URL, body(account), format="json").json()
    other = paper_account(alice, label="Other")
    fields = refusal(api.patch(f"{URL}{made['id']}/", {"account": other.pk}, format="json"), 400)
    assert set(fields) == {"account"}


REFUSED_TARGETS: dict[str, tuple[Any, str]] = {
    "100.01 % in one": (weights(BTC="100.01"), "allocations"),
    "100.01 % together": (weights(BTC="60", ETH="40.01"), "allocations"),
    "the smallest step above 100 %": (weights(BTC="60", ETH="40.0001"), "allocations"),
    "60 allocations": ([{"asset": f"A{number}", "weight_pct": "1"} for number in range(60)], "allocations"),
    "10,000 allocations": ([{"asset": f"A{number}", "weight_pct": "0"} for number in range(10_000)], "allocations"),
    "a duplicate": (weights(BTC="10") * 2, "allocations"),
    "a duplicate in other letters": ([*weights(BTC="10"), *weights(btc="10")], "allocations"),
    "a duplicate with spaces": ([*weights(BTC="10"), {"asset": " BTC ", "weight_pct": "10"}], "allocations"),
    "the quote as its own target": (weights(USDT="10"), "allocations"),
    "a pair that does not exist": (weights(NOPE="10"), "allocations"),
    "a stablecoin without a pair": (weights(EUR="10"), "allocations"),
    "an empty list": ([], "allocations"),
    "null": (None, "allocations"),
    "a sentence": ("BTC 60", "allocations"),
    "a mapping": ({"BTC": 60}, "allocations"),
    "numbers": ([1, 2], "allocations.0"),
    "nothing in a row": ([{}], "allocations.0"),
    "a null asset": ([{"asset": None, "weight_pct": "10"}], "allocations.0.asset"),
    "a list as asset": ([{"asset": ["BTC"], "weight_pct": "10"}], "allocations.0.asset"),
    "a truth as asset": ([{"asset": True, "weight_pct": "10"}], "allocations.0.asset"),
    "an empty asset": (weights(**{"": "10"}), "allocations.0.asset"),
    "a null byte": (weights(**{"B\x00TC": "10"}), "allocations.0.asset"),
    "a huge asset": (weights(**{"B" * 100_000: "10"}), "allocations.0.asset"),
    "NaN": (weights(BTC="NaN"), "allocations.0.weight_pct"),
    "signalling NaN": (weights(BTC="sNaN"), "allocations.0.weight_pct"),
    "infinity": (weights(BTC="Infinity"), "allocations.0.weight_pct"),
    "1e400": (weights(BTC="1e400"), "allocations.0.weight_pct"),
    "1e-400": (weights(BTC="1e-400"), "allocations.0.weight_pct"),
    "1e999999999": (weights(BTC="1e999999999"), "allocations.0.weight_pct"),
    "negative": (weights(BTC="-1"), "allocations.0.weight_pct"),
    "30 digits": (weights(BTC="1" * 30), "allocations.0.weight_pct"),
    "30 decimals": (weights(BTC="1." + "1" * 30), "allocations.0.weight_pct"),
    "10,000 digits": (weights(BTC="1" * 10_000), "allocations.0.weight_pct"),
    "a word": (weights(BTC="half"), "allocations.0.weight_pct"),
    "a comma": (weights(BTC="12,5"), "allocations.0.weight_pct"),
    "an empty weight": (weights(BTC=""), "allocations.0.weight_pct"),
    "a null weight": (weights(BTC=None), "allocations.0.weight_pct"),
    "a list as weight": (weights(BTC=["10"]), "allocations.0.weight_pct"),
    "a truth as weight": (weights(BTC=True), "allocations.0.weight_pct"),
}


def test_wrong_targets_are_refused_where_they_stand(
    api: APIClient, account: ExchangeAccount, subtests: pytest.Subtests
) -> None:
    made = api.post(URL, body(account), format="json").json()
    before = rows()
    for case, (targets, place) in REFUSED_TARGETS.items():
        with subtests.test(case):
            for answer in (
                api.post(URL, body(account, allocations=targets), format="json"),
                api.patch(f"{URL}{made['id']}/", {"allocations": targets, "name": "Changed"}, format="json"),
            ):
                assert [field for field in refusal(answer, 400, "invalid") if field.startswith(place)]
            assert rows() == before


@pytest.mark.parametrize("number", ["NaN", "-NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_are_no_json_are_refused(number: str, api: APIClient, account: ExchangeAccount) -> None:
    text = json.dumps(body(account, allocations=weights(BTC="?"))).replace('"?"', number)
    refusal(api.post(URL, text, content_type="application/json"), 400)
    assert rows() == ([], [])


REFUSED_FIELDS: dict[str, dict[str, Any]] = {
    "no name": {"name": ""},
    "a name of spaces": {"name": "   "},
    "a long name": {"name": "n" * 61},
    "a null byte in the name": {"name": "a\x00b"},
    "a list as name": {"name": ["Mine"]},
    "another quote than the account's": {"quote": "USDC"},
    "a quote that is none": {"quote": "EUR"},
    "a null quote": {"quote": None},
    "an account that is a word": {"account": "mine"},
    "an account that is null": {"account": None},
    "an account that is a list": {"account": [1]},
    "no account at all": {"account": ""},
    "an order size of 0": {"order_size_pct": "0"},
    "an order size above 100 %": {"order_size_pct": "100.0001"},
    "a negative order size": {"order_size_pct": "-25"},
    "an order size that is NaN": {"order_size_pct": "NaN"},
    "an order size of 1e400": {"order_size_pct": "1e400"},
    "an order size of 30 digits": {"order_size_pct": "9" * 30},
    "a band of 0": {"min_delta_pct": "0"},
    "a band above 50 %": {"min_delta_pct": "51"},
    "a band that is infinite": {"min_delta_pct": "Infinity"},
    "a price step above 5 %": {"order_step_pct": "5.1"},
    "a price step below -5 %": {"order_step_pct": "-5.1"},
    "a reserve above 100 %": {"quote_reserve_pct": "101"},
    "a negative reserve": {"quote_reserve_pct": "-1"},
    "an unknown band type": {"band_type": "sideways"},
    "an unknown goal": {"trade_to": "the moon"},
    "no orders": {"max_orders": 0},
    "a thousand orders": {"max_orders": 1000},
    "orders beyond 64 bit": {"max_orders": 2**70},
    "half an order": {"max_orders": "1.5"},
    "a turnover of 0": {"max_turnover_pct": "0"},
    "a turnover beyond all": {"max_turnover_pct": "1001"},
    "a lifetime of no time": {"order_lifetime_seconds": 0},
    "a lifetime of a year": {"order_lifetime_seconds": 31_536_000},
    "a lifetime beyond 64 bit": {"order_lifetime_seconds": 2**70},
    "perhaps": {"sell_unlisted": "perhaps"},
    "perhaps active": {"is_active": "perhaps"},
}


def test_a_wrong_field_is_refused_by_its_name(
    api: APIClient, account: ExchangeAccount, subtests: pytest.Subtests
) -> None:
    for case, wrong in REFUSED_FIELDS.items():
        with subtests.test(case):
            fields = refusal(api.post(URL, body(account, **wrong), format="json"), 400, "invalid")
            assert set(fields) - {"allocations"} == set(wrong)
            assert rows() == ([], [])


def test_everything_that_is_wrong_is_said_at_once(api: APIClient, account: ExchangeAccount) -> None:
    wrong = body(account, name="", min_delta_pct="NaN", allocations=weights(BTC="x", ETH="y"))
    fields = refusal(api.post(URL, wrong, format="json"), 400)
    assert set(fields) == {"name", "min_delta_pct", "allocations.0.weight_pct", "allocations.1.weight_pct"}


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**63, 2**64, 10**30])
def test_ids_of_any_size_are_simply_not_there(number: int, api: APIClient, account: ExchangeAccount) -> None:
    answer = api.post(URL, body(account, account=number), format="json")
    assert answer.status_code in (400, 404)
    refusal(answer, answer.status_code)
    if number >= 0:
        for path in (f"{URL}{number}/", f"{URL}{number}/plan"):
            refusal(api.get(path), 404, "not_found")
    assert rows() == ([], [])


def test_fields_that_are_not_the_callers_to_set_are_passed_over(api: APIClient, account: ExchangeAccount) -> None:
    given = body(account, id=77, user=1, archived_at="2020-01-01T00:00:00Z", created_at="2020-01-01T00:00:00Z")
    made = api.post(URL, given, format="json").json()
    assert made["id"] != 77
    assert made["created_at"] > "2020-02"
    assert Strategy.objects.get().archived_at is None


def test_text_is_kept_as_it_is(api: APIClient, account: ExchangeAccount) -> None:
    name = "<b>½ Bitcoin</b> 🚀 'quoted' \\ {{ braces }} %s"
    made = api.post(URL, body(account, name=name), format="json").json()
    assert made["name"] == name
