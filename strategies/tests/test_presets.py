"""Targets to begin with: presets, equal parts of what is held, and lists that are pasted."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import User
from exchanges.models import ExchangeAccount
from strategies.models import Allocation, Strategy
from strategies.presets import TEN_LARGE, Unit, pasted
from strategies.tests.test_page_strategies import typed

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal
NEW = "/strategies/new/"


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 1000, "BTC": "0.01", "ETH": "0.2", "SOL": 3, "DOGE": "0.5", "USDC": 50})


@pytest.fixture
def browser(alice: User, client_for: Callable[[User], Client]) -> Client:
    return client_for(alice)


def press(browser: Client, account: ExchangeAccount, preset: str, **more: str) -> tuple[int, dict[str, str], str]:
    """Status, weights in the rows, and the page after a preset's button."""
    rows = [("LTC", "12")]
    answer = browser.post(NEW, typed(rows, account=account.pk, preset=preset, unit="percent") | more)
    shown = {form["asset"].value(): str(form["weight_pct"].value()) for form in answer.context["rows"].forms}
    return answer.status_code, shown, answer.content.decode()


# --- presets ---------------------------------------------------------------------------------------------


def test_a_preset_fills_the_rows_and_saves_nothing(browser: Client, account: ExchangeAccount) -> None:
    status, rows, page = press(browser, account, "60-40")
    assert (status, rows) == (200, {"BTC": "60", "ETH": "40"})
    assert "Nothing was saved yet." in page
    assert not Strategy.objects.exists()


def test_ten_large_coins_are_a_tenth_each(browser: Client, account: ExchangeAccount) -> None:
    _status, rows, page = press(browser, account, "ten-large")
    assert rows == dict.fromkeys(TEN_LARGE, "10")
    assert "not a ranking" in page


def test_a_coin_that_the_quote_does_not_buy_is_left_out(
    browser: Client, alice: User, paper_account: Callable[..., ExchangeAccount]
) -> None:
    account = paper_account(alice, {"FDUSD": 1000}, quote="FDUSD")
    _status, rows, _page = press(browser, account, "ten-large")
    assert set(rows) < set(TEN_LARGE)
    assert sum(map(D, rows.values())) == 100


def test_what_is_held_in_equal_parts_without_stablecoins_and_dust(browser: Client, account: ExchangeAccount) -> None:
    _status, rows, _page = press(browser, account, "held")
    assert sorted(rows) == ["BTC", "ETH", "SOL"]
    assert sorted(rows.values()) == ["33.3333", "33.3333", "33.3334"]


def test_who_holds_nothing_is_told_and_keeps_their_rows(
    browser: Client, alice: User, paper_account: Callable[..., ExchangeAccount]
) -> None:
    _status, rows, page = press(browser, paper_account(alice, {"USDT": 10}), "held")
    assert rows == {"LTC": "12"}
    assert "holds no coin that could be a target yet" in page


def test_another_users_account_gives_nothing_away(
    account: ExchangeAccount, charlie: User, client_for: Callable, paper_account: Callable
) -> None:
    paper_account(charlie, {"USDT": 10})
    _status, rows, _page = press(client_for(charlie), account, "held")
    assert rows == {"LTC": "12"}


def test_nonsense_leaves_the_rows_alone(browser: Client, account: ExchangeAccount) -> None:
    assert press(browser, account, "no-such-preset")[:2] == (200, {"LTC": "12"})


# --- pasting on the page -----------------------------------------------------------------------------------


def test_a_pasted_list_fills_the_rows(browser: Client, account: ExchangeAccount) -> None:
    status, rows, page = press(browser, account, "pasted", pasted="asset;weight\nbtc;60,5 %\nETH;20")
    assert (status, rows) == (200, {"BTC": "60.5", "ETH": "20"})
    assert "btc;60,5" not in page


def test_what_cannot_be_read_is_named_by_its_line_and_stays(browser: Client, account: ExchangeAccount) -> None:
    status, rows, page = press(browser, account, "pasted", pasted="BTC,60\nETH,<b>many</b>")
    assert (status, rows) == (400, {"LTC": "12"})
    assert "Line 2: &lt;b&gt;many&lt;/b&gt; is no number." in page
    assert "BTC,60\nETH,&lt;b&gt;many&lt;/b&gt;</textarea>" in page


def test_pasted_capitalisations_become_weights(browser: Client, account: ExchangeAccount) -> None:
    _status, rows, _page = press(browser, account, "pasted", pasted="BTC,1.5T\nETH,500B", unit="market_cap")
    assert rows == {"BTC": "75", "ETH": "25"}


def test_the_model_of_capitalisations_gets_the_figures_too(browser: Client, account: ExchangeAccount) -> None:
    data = typed([], account=account.pk, preset="pasted", pasted="BTC,1.5T\nETH,500B", unit="market_cap")
    answer = browser.post(NEW, data | {"target_model": "market_cap", "shown_model": "market_cap"})
    forms = answer.context["rows"].forms
    assert [form["market_cap"].value() for form in forms] == ["1500000000000", "500000000000"]


@pytest.mark.parametrize(
    ("typed_figure", "stored"), [("0,5", "0.5"), ("1 234,56", "1234.56"), ("12.5", "12.5"), ("1,234", None)]
)
def test_figures_take_a_decimal_comma_where_it_can_be_nothing_else(
    typed_figure: str, stored: str | None, browser: Client, account: ExchangeAccount
) -> None:
    form = typed([("BTC", "33,5")], account=account.pk) | {"targets-0-keep": typed_figure}
    assert browser.post(NEW, form).status_code == (302 if stored else 400)
    rows = [(row.weight_pct, row.keep) for row in Allocation.objects.all()]
    assert rows == ([(D("33.5"), D(stored))] if stored else [])


# --- reading -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("BTC,60\nETH,40", {"BTC": "60", "ETH": "40"}),
        ("BTC;60\r\nETH;40\r\n", {"BTC": "60", "ETH": "40"}),
        ("BTC\t60\nETH\t40", {"BTC": "60", "ETH": "40"}),
        ("BTC 60 %\n\n  eth   39.5%  ", {"BTC": "60", "ETH": "39.5"}),
        ("BTC;33,5\nETH,33,5", {"BTC": "33.5", "ETH": "33.5"}),
        ("Coin,Weight %\nBTC,60", {"BTC": "60"}),
        ('"Монета";"Доля"\n"BTC";"60"', {"BTC": "60"}),
        ("BTC,60,\n,,\nETH,40,", {"BTC": "60", "ETH": "40"}),
        ("1INCH,5", {"1INCH": "5"}),
        ("BTC,33.33339\nETH,33.33339\nSOL,33.33322", {"BTC": "33.3333", "ETH": "33.3333", "SOL": "33.3332"}),
        ("BTC,0", {"BTC": "0"}),
    ],
)
def test_lists_as_people_have_them(text: str, rows: dict[str, str]) -> None:
    found = pasted(text, Unit.PERCENT, "USDT")
    assert found.problems == []
    assert {row.asset: str(row.weight_pct) for row in found.rows} == rows
    assert sum(row.weight_pct for row in found.rows) <= 100


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "There is nothing to read"),
        ("asset,weight", "There is nothing to read"),
        ("BTC,60\nETH", "Line 2: write an asset and a number"),
        ("BTC,60\nETH,x", "Line 2: x is no number."),
        ("BTC,60\nname,weight", "Line 2: weight is no number."),
        ("BTC,-5", "Line 1: a weight is between 0 and 100%."),
        ("BTC,100.1", "Line 1: a weight is between 0 and 100%."),
        ("BTC,1e1", "Line 1: 1e1 is no number."),
        ("BTC,NaN", "There is nothing to read"),
        ("BTC,5\nETH,NaN", "Line 2: NaN is no number."),
        ("BTC/USDT,5", "Line 1: BTC/USDT is no asset."),
        ("BTC,60\n\nbtc,40", "Line 3: BTC stands on line 1 already."),
        ("BTC,60\nETH,40.0001", "The weights add up to 100.0001%; the most is 100%."),
        ("BTC,1,2,3", "Line 1: 1,2,3 is no number."),
        ("BTC" + " " * 5000 + "60", "Line 1: write an asset and a number"),
        ("\n".join(f"C{number},1" for number in range(51)), "51 assets are too many; the most is 50."),
        ("x" * 20_001, "This list is too long."),
    ],
)
def test_what_is_wrong_is_said_and_gives_no_rows(text: str, problem: str) -> None:
    found = pasted(text, Unit.PERCENT, "USDT")
    assert found.rows == []
    assert found.problems[0].startswith(problem)


def test_a_line_that_was_taken_for_titles_is_said() -> None:
    found = pasted("BTC,sixty\nETH,40", Unit.PERCENT, "USDT")
    assert [row.asset for row in found.rows] == ["ETH"]
    assert found.remarks == ["Line 1 has no number and was taken for titles: BTC,sixty"]


def test_every_wrong_line_is_named() -> None:
    assert len(pasted("BTC,x1\nETH,x2\nSOL,3", Unit.PERCENT, "USDT").problems) == 2


def test_the_line_of_the_quote_is_left_out_and_said() -> None:
    found = pasted("BTC,60\nUSDT,40", Unit.PERCENT, "USDT")
    assert [row.asset for row in found.rows] == ["BTC"]
    assert found.remarks == ["USDT is the quote: its line is left out, and it gets what the other targets leave."]


@pytest.mark.parametrize(
    ("figure", "read"),
    [
        ("1200000000000", "1200000000000"),
        ("1.2T", "1200000000000"),
        ("1,2 t", "1200000000000"),
        ("$350 B", "350000000000"),
        ("1,234,567", "1234567"),
        ("1.234.567", "1234567"),
        ("1 234 567,89", "1234567.89"),
        ("1,234,567.89", "1234567.89"),
        ("1.234.567,89", "1234567.89"),
        ("0.123", "0.123"),
    ],
)
def test_capitalisations_as_people_write_them(figure: str, read: str) -> None:
    found = pasted(f"BTC;{figure}", Unit.MARKET_CAP, "USDT")
    assert found.problems == []
    assert [row.market_cap for row in found.rows] == [D(read)]
    assert [row.weight_pct for row in found.rows] == [100]


@pytest.mark.parametrize("figure", ["1,234", "1.234", "12,34,567", "1,2.3,4", "0", "-5", "1.2X", "1" * 29])
def test_a_capitalisation_that_could_mean_two_things_is_refused(figure: str) -> None:
    found = pasted(f"BTC;{figure}", Unit.MARKET_CAP, "USDT")
    assert found.rows == []
    assert found.problems


def test_capitalisations_always_make_exactly_a_hundred() -> None:
    for count in (1, 3, 7, 49):
        found = pasted("\n".join(f"C{number};{number * 7 + 1}M" for number in range(count)), Unit.MARKET_CAP, "USDT")
        assert sum(row.weight_pct for row in found.rows) == 100
