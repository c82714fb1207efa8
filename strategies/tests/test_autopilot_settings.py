"""When the autopilot acts, as its owner sets it: in the form, through the API, and in words."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from exchanges.models import ExchangeAccount
from strategies.models import Strategy
from strategies.presentation import interval_in_words, when_it_acts
from strategies.selectors import strategies_of
from strategies.tests.test_page_strategies import typed
from tests.refusals import refusal

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
URL = "/api/me/strategies/"
SETTINGS = {
    "trigger_mode": "both",
    "interval_minutes": 720,
    "reprice_distance_pct": "1.5000",
    "worst_price_pct": "2.0000",
    "deploy_deposits": True,
}


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice)


@pytest.fixture
def browser(alice: User, client_for: Callable[[User], Client]) -> Client:
    return client_for(alice)


@pytest.fixture
def api(alice: User, api_for: Callable[[User], APIClient]) -> APIClient:
    return api_for(alice)


def body(account: ExchangeAccount, **changes: Any) -> dict[str, Any]:
    return {"name": "Mine", "account": account.pk, "allocations": [{"asset": "BTC", "weight_pct": "60"}], **changes}


MakeStrategy = Callable[..., Strategy]


# --- the API ---------------------------------------------------------------------------------------------


def test_a_strategy_acts_by_its_band_until_its_owner_says_otherwise(api: APIClient, account: ExchangeAccount) -> None:
    made = api.post(URL, body(account), format="json").json()
    assert {name: made[name] for name in SETTINGS} == {
        "trigger_mode": "threshold",
        "interval_minutes": 1440,
        "reprice_distance_pct": None,
        "worst_price_pct": None,
        "deploy_deposits": False,
    }
    changed = api.patch(f"{URL}{made['id']}/", SETTINGS, format="json")
    assert changed.status_code == 200
    assert {name: changed.json()[name] for name in SETTINGS} == SETTINGS
    emptied = api.patch(f"{URL}{made['id']}/", {"worst_price_pct": None}, format="json").json()
    assert (emptied["worst_price_pct"], emptied["reprice_distance_pct"]) == (None, "1.5000")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("trigger_mode", "sometimes"),
        ("interval_minutes", 29),
        ("interval_minutes", 40_321),
        ("interval_minutes", "a day"),
        ("reprice_distance_pct", "0.04"),
        ("worst_price_pct", "51"),
        ("worst_price_pct", "0"),
        ("deploy_deposits", "perhaps"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(
    field: str, value: Any, api: APIClient, account: ExchangeAccount
) -> None:
    assert set(refusal(api.post(URL, body(account, **{field: value}), format="json"), 400)) == {field}
    assert not Strategy.objects.exists()


def test_an_order_must_not_be_too_far_away_from_the_moment_it_is_placed(
    api: APIClient, account: ExchangeAccount
) -> None:
    close = body(account, order_step_pct="0.5", reprice_distance_pct="0.5")
    assert set(refusal(api.post(URL, close, format="json"), 400)) == {"reprice_distance_pct"}
    made = api.post(URL, {**close, "reprice_distance_pct": "0.6"}, format="json").json()
    # Also where only the step is changed.
    answer = api.patch(f"{URL}{made['id']}/", {"order_step_pct": "0.7"}, format="json")
    assert set(refusal(answer, 400)) == {"reprice_distance_pct"}
    assert Strategy.objects.get().order_step_pct == Decimal("0.5")


# --- the form --------------------------------------------------------------------------------------------


def test_the_form_saves_when_the_autopilot_acts(browser: Client, alice: User, account: ExchangeAccount) -> None:
    changes = {**SETTINGS, "reprice_distance_pct": "1,5", "worst_price_pct": "2", "deploy_deposits": "on"}
    answer = browser.post("/strategies/new/", typed([("BTC", "60")], account=account.pk, **changes))
    assert answer.status_code == 302
    row = strategies_of(alice).get()
    assert {name: getattr(row, name) for name in SETTINGS} == {
        **SETTINGS,
        "reprice_distance_pct": Decimal("1.5"),
        "worst_price_pct": Decimal(2),
    }
    page = browser.get(f"/strategies/{row.pk}/").content.decode()
    assert 'value="1.5"' in page
    assert "= 12 hours." in page


def test_the_form_says_what_is_wrong_with_an_interval_and_opens_its_group(
    browser: Client, alice: User, account: ExchangeAccount
) -> None:
    answer = browser.post("/strategies/new/", typed([("BTC", "60")], account=account.pk, interval_minutes="5"))
    assert answer.status_code == 400
    assert answer.context["form"].errors == {"interval_minutes": ["Ensure this value is greater than or equal to 30."]}
    opened = [group.needs_attention for group in answer.context["form"].groups]
    assert opened == [False, False, True]
    assert answer.content.decode().count('<details class="card limits" open>') == 1
    assert not strategies_of(alice).exists()


def test_every_setting_is_in_one_group_of_the_form(browser: Client, account: ExchangeAccount) -> None:
    form = browser.get("/strategies/new/").context["form"]
    grouped = [field.name for group in form.groups for field in group.fields]
    assert sorted(grouped) == sorted(set(form.fields) - {"name"})
    assert len(grouped) == len(set(grouped))
    assert all(form[name].help_text for name in grouped)


def test_usual_intervals_are_offered_in_words(browser: Client, account: ExchangeAccount) -> None:
    page = browser.get("/strategies/new/").content.decode()
    assert '<option value="1440" label="1 day"></option>' in page
    assert '<option value="40320" label="28 days"></option>' in page
    assert 'list="intervals"' in page


# --- in words --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (30, "30 minutes"),
        ("60", "1 hour"),
        (61, "1 hour 1 minute"),
        (1440, "1 day"),
        (" 2190 ", "1 day 12 hours 30 minutes"),
        (40_320, "28 days"),
        (0, ""),
        (-5, ""),
        (None, ""),
        ("soon", ""),
        ("³", ""),
        ("9" * 5000, ""),
    ],
)
def test_an_interval_is_put_into_words(minutes: Any, words: str) -> None:
    assert interval_in_words(minutes) == words


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [
        ("threshold", "Whenever a weight leaves its band."),
        ("periodic", "Every 1 day, everything to its target."),
        ("both", "Every 1 day, if a weight is outside its band."),
    ],
)
def test_the_list_says_when_the_autopilot_acts(
    mode: str, sentence: str, browser: Client, account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    row = strategy(account, {"BTC": 60}, trigger_mode=mode)
    assert when_it_acts(row) == sentence
    assert f"The autopilot, when it is on: {sentence}" in browser.get("/strategies/").content.decode()
