"""The pages of strategies: the list, the form with its rows, activating, deleting."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from strategies.models import Strategy
from strategies.selectors import strategies_of, strategy_of

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

LIMITS = {
    "order_size_pct": "25",
    "min_delta_pct": "1",
    "band_type": "absolute",
    "order_step_pct": "0",
    "trade_to": "target",
    "quote_reserve_pct": "0",
    "max_orders": "20",
    "max_turnover_pct": "",
    "order_lifetime_seconds": "60",
    "reprice_distance_pct": "",
    "worst_price_pct": "",
    "trigger_mode": "threshold",
    "interval_minutes": "1440",
}

ClientFor = Callable[[User], Client]
PaperAccount = Callable[..., ExchangeAccount]
MakeStrategy = Callable[..., Strategy]


@pytest.fixture
def browser(alice: User, client_for: ClientFor) -> Client:
    return client_for(alice)


@pytest.fixture
def account(alice: User, paper_account: PaperAccount) -> ExchangeAccount:
    return paper_account(alice)


def typed(rows: Sequence[tuple[str, str]], **changes: Any) -> dict[str, Any]:
    """The form as a browser sends it."""
    data = {"name": "Mine", **LIMITS, "targets-TOTAL_FORMS": len(rows), "targets-INITIAL_FORMS": 0, **changes}
    for index, (asset, weight) in enumerate(rows):
        data |= {f"targets-{index}-asset": asset, f"targets-{index}-weight_pct": weight}
    return data


def targets(strategy: Strategy) -> dict[str, Decimal]:
    return {row.asset: row.weight_pct for row in strategy.allocations.all()}


def complaints(answer: HttpResponse) -> str:
    """Everything the form objects to, in one text."""
    context = answer.context
    texts = [text for texts in context["form"].errors.values() for text in texts]
    texts += context.get("target_errors") or []
    texts += context["rows"].non_form_errors()
    texts += [text for row in context["rows"].errors for texts in row.values() for text in texts]
    if context.get("account_form") is not None:
        texts += [text for texts in context["account_form"].errors.values() for text in texts]
    return " ".join(texts)


# --- saving ----------------------------------------------------------------------------------------------


def test_it_saves_targets_and_limits_and_shows_the_plan(browser: Client, alice: User, account: ExchangeAccount) -> None:
    data = typed(
        [("btc ", "60"), ("", ""), ("ETH", "12,5")],
        account=account.pk,
        order_size_pct="20",
        max_turnover_pct="150",
        sell_unlisted="on",
    )
    answer = browser.post("/strategies/new/", data)
    strategy = strategies_of(alice).get()
    assert answer.url == f"/orders/preview/{strategy.pk}/"
    assert targets(strategy) == {"BTC": Decimal(60), "ETH": Decimal("12.5")}
    assert (strategy.order_size_pct, strategy.max_turnover_pct, strategy.sell_unlisted) == (20, 150, True)
    assert strategy.is_active


def test_a_new_form_starts_with_one_row_and_sensible_limits(browser: Client, account: ExchangeAccount) -> None:
    answer = browser.get("/strategies/new/")
    page = answer.content.decode()
    assert len(answer.context["rows"].forms) == 1
    assert {name: answer.context["form"][name].value() for name in ("order_size_pct", "min_delta_pct")} == {
        "order_size_pct": 25,
        "min_delta_pct": 1,
    }
    assert '<option value="BTC">' in page
    assert '<option value="USDT">' not in page
    assert "<details" in page


def test_editing_shows_what_is_stored_and_changes_it(
    browser: Client, account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    row = strategy(account, {"BTC": "40", "ETH": "30.25"})
    page = browser.get(f"/strategies/{row.pk}/").content.decode()
    assert 'value="30.25"' in page
    assert "29.75" in page  # what is left for the quote
    answer = browser.post(f"/strategies/{row.pk}/", typed([("", ""), ("ETH", "30.25"), ("SOL", "5")], name="Other"))
    assert answer.status_code == 302
    changed = strategy_of(account.user, row.pk)
    assert changed.name == "Other"
    assert targets(changed) == {"ETH": Decimal("30.25"), "SOL": Decimal(5)}


def test_of_several_accounts_the_named_one_is_offered(
    browser: Client, alice: User, account: ExchangeAccount, paper_account: PaperAccount
) -> None:
    other = paper_account(alice, label="Other", quote="USDC")
    page = browser.get(f"/strategies/new/?account={other.pk}").content.decode()
    assert f'<option value="{other.pk}" selected>' in page
    assert "stays in USDC" in page
    assert browser.get("/strategies/new/?account=nonsense").status_code == 200


def test_without_an_account_one_is_asked_for(browser: Client) -> None:
    assert browser.get("/strategies/new/").url == "/exchange-accounts/"
    assert "Start with a paper account" in browser.get("/strategies/").content.decode()


# --- rows without script ---------------------------------------------------------------------------------


def test_add_shows_one_row_more_and_judges_nothing(browser: Client, alice: User, account: ExchangeAccount) -> None:
    data = typed([("btc", "not a number")], account=account.pk, add="1", name="", order_size_pct="1e400")
    answer = browser.post("/strategies/new/", data)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert len(answer.context["rows"].forms) == 2
    assert 'value="not a number"' in page
    assert 'value="1e400"' in page
    assert "errorlist" not in page
    assert not strategies_of(alice).exists()


def test_remove_shows_one_row_less(browser: Client, account: ExchangeAccount) -> None:
    data = typed([("BTC", "10"), ("ETH", "20"), ("SOL", "30")], account=account.pk, remove="1")
    rows = browser.post("/strategies/new/", data).context["rows"]
    assert [form["asset"].value() for form in rows] == ["BTC", "SOL"]
    only = browser.post("/strategies/new/", typed([("BTC", "10")], account=account.pk, remove="0")).context["rows"]
    assert [form["asset"].value() for form in only] == [None]


# --- bad input -------------------------------------------------------------------------------------------


WRONG: list[tuple[list[tuple[str, str]], dict[str, str], str]] = [
    ([], {}, "Add at least one asset."),
    ([("", "")], {}, "Add at least one asset."),
    ([("BTC", "60"), ("ETH", "40.01")], {}, "The weights add up to 100.01%; the most is 100%."),
    ([("BTC", "60"), ("btc", "20")], {}, "BTC is in the list twice."),
    ([("USDT", "20")], {}, "USDT is the quote"),
    ([("NOSUCHCOIN", "20")], {}, "NOSUCHCOIN/USDT is not traded on this exchange."),
    ([("X" * 21, "20")], {}, "at most 20"),
    ([("BTC", "")], {}, "required"),
    ([("", "10")], {}, "required"),
    ([("BTC", "NaN")], {}, "Enter a number."),
    ([("BTC", "Infinity")], {}, "Enter a number."),
    ([("BTC", "1e400")], {}, "digits"),
    ([("BTC", "1" * 30)], {}, "digits"),
    ([("BTC", "-1")], {}, "greater than or equal to 0"),
    ([("BTC", "100.01")], {}, "less than or equal to 100"),
    ([("BTC", "1.00001")], {}, "decimal places"),
    ([(f"COIN{number}", "1") for number in range(60)], {}, "60 assets are too many; the most is 50."),
    ([("BTC", "10")], {"name": ""}, "required"),
    ([("BTC", "10")], {"name": "n" * 61}, "at most 60"),
    ([("BTC", "10")], {"account": ""}, "required"),
    ([("BTC", "10")], {"account": "9" * 30}, "not one of the available"),
    ([("BTC", "10")], {"order_size_pct": "0"}, "greater than or equal to 0.1"),
    ([("BTC", "10")], {"order_size_pct": "NaN"}, "Enter a number."),
    ([("BTC", "10")], {"min_delta_pct": "1e400"}, "digits"),
    ([("BTC", "10")], {"order_step_pct": "-5.01"}, "greater than or equal to -5"),
    ([("BTC", "10")], {"band_type": "sideways"}, "not one of the available"),
    ([("BTC", "10")], {"max_orders": "51"}, "less than or equal to 50"),
    ([("BTC", "10")], {"max_orders": "9" * 30}, "less than or equal to 50"),
    ([("BTC", "10")], {"order_lifetime_seconds": "1"}, "greater than or equal to 10"),
    ([("BTC", "10")], {"targets-TOTAL_FORMS": "many"}, "ManagementForm"),
    ([("BTC", "10")], {"targets-TOTAL_FORMS": "999999999"}, "at most 200"),
]


def test_bad_input_is_explained_and_nothing_is_saved(
    browser: Client, alice: User, account: ExchangeAccount, subtests: pytest.Subtests
) -> None:
    for rows, changes, text in WRONG:
        with subtests.test(f"{rows[:2]} {changes}"):
            answer = browser.post("/strategies/new/", typed(rows, **{"account": account.pk, **changes}))
            assert answer.status_code == 400
            assert text in complaints(answer)
            assert "Nothing was saved." in answer.content.decode()
            assert not strategies_of(alice).exists()


def test_what_was_typed_is_kept_and_its_limits_are_opened(browser: Client, account: ExchangeAccount) -> None:
    data = typed([("doge", "one hundred")], account=account.pk, min_delta_pct="wide", max_turnover_pct="7")
    page = browser.post("/strategies/new/", data).content.decode()
    for value in ("doge", "one hundred", "wide", "7"):
        assert f'value="{value}"' in page
    assert '<details class="card limits" open>' in page


def test_a_refused_change_changes_nothing(browser: Client, account: ExchangeAccount, strategy: MakeStrategy) -> None:
    row = strategy(account, {"BTC": 40})
    answer = browser.post(f"/strategies/{row.pk}/", typed([("BTC", "50"), ("ETH", "51")], name="Changed"))
    assert answer.status_code == 400
    stored = strategy_of(account.user, row.pk)
    assert (stored.name, targets(stored)) == ("Targets", {"BTC": Decimal(40)})


def test_an_exchange_that_is_down_is_named_and_the_form_is_kept(
    browser: Client, alice: User, account: ExchangeAccount
) -> None:
    with faults.plan([{"kind": "refuse", "times": 100}]):
        assert browser.get("/strategies/new/").status_code == 200
        answer = browser.post("/strategies/new/", typed([("BTC", "50")], account=account.pk))
    assert answer.status_code == 503
    assert 'value="BTC"' in answer.content.decode()
    assert not strategies_of(alice).exists()


# --- activating and deleting -----------------------------------------------------------------------------


def test_one_strategy_of_an_account_is_active(
    browser: Client, account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    first, second = strategy(account), strategy(account, {"BTC": 10}, name="Second")
    browser.post(f"/strategies/{second.pk}/activate/")
    assert [row.name for row in strategies_of(account.user) if row.is_active] == ["Second"]
    browser.post(f"/strategies/{second.pk}/deactivate/")
    assert not any(row.is_active for row in strategies_of(account.user))
    answer = browser.post(f"/strategies/{first.pk}/activate/", {"next": f"/orders/preview/{first.pk}/"})
    assert answer.url == f"/orders/preview/{first.pk}/"


def test_deleting_asks_first(browser: Client, account: ExchangeAccount, strategy: MakeStrategy) -> None:
    row = strategy(account)
    assert "Delete Targets?" in browser.get(f"/strategies/{row.pk}/delete/").content.decode()
    assert strategies_of(account.user).exists()
    assert browser.post(f"/strategies/{row.pk}/delete/").url == "/strategies/"
    assert not strategies_of(account.user).exists()


# --- who may ---------------------------------------------------------------------------------------------


def test_another_users_strategy_does_not_exist(
    charlie: User, account: ExchangeAccount, client_for: ClientFor, strategy: MakeStrategy
) -> None:
    row = strategy(account, name="Alices recipe")
    browser = client_for(charlie)
    assert "Alices recipe" not in browser.get("/strategies/").content.decode()
    for path in ("", "delete/"):
        assert browser.get(f"/strategies/{row.pk}/{path}").status_code == 404
    for path in ("", "delete/", "activate/", "deactivate/"):
        assert browser.post(f"/strategies/{row.pk}/{path}", typed([("ETH", "1")])).status_code == 404


def test_a_strategy_cannot_be_put_on_another_users_account(
    bob: User, account: ExchangeAccount, client_for: ClientFor, paper_account: PaperAccount
) -> None:
    paper_account(bob)
    answer = client_for(bob).post("/strategies/new/", typed([("BTC", "10")], account=account.pk))
    assert answer.status_code == 400
    assert "not one of the available" in complaints(answer)
    assert not Strategy.objects.exists()


def test_methods_are_enforced(browser: Client, account: ExchangeAccount, strategy: MakeStrategy) -> None:
    row = strategy(account)
    assert browser.get(f"/strategies/{row.pk}/activate/").status_code == 405
    assert browser.get(f"/strategies/{row.pk}/deactivate/").status_code == 405
    assert browser.delete(f"/strategies/{row.pk}/").status_code == 405
    assert browser.post("/strategies/").status_code == 405
