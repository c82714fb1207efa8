"""The page "Performance", and the chart on the dashboard."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from botbalance.tests.recorded_scene import NOW, ago, came, filled, record, valued
from exchanges.models import ExchangeAccount
from portfolio.models import PortfolioSnapshot
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

PaperAccount = Callable[..., ExchangeAccount]
MakeStrategy = Callable[..., Strategy]


@pytest.fixture
def browser(alice: User, client_for: Callable[[User], Client]) -> Client:
    return client_for(alice)


@pytest.fixture
def account(alice: User, paper_account: PaperAccount) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 1000})


@pytest.fixture
def recorded(account: ExchangeAccount, strategy: MakeStrategy) -> ExchangeAccount:
    record(strategy(account))
    return account


def visit(browser: Client, account: ExchangeAccount, query: str = "") -> Any:
    with time_machine.travel(NOW, tick=False):
        return browser.get(f"/performance/{account.pk}/{query}")


def text(answer: Any) -> str:
    """What can be read on a page, in one line."""
    page = re.sub(r"(?<=\d),(?=\d{3})", "", answer.content.decode())
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def row(answer: Any, name: str) -> list[str]:
    """The figures of one row of the table, by period."""
    found = next(row for row in answer.context["rows"] if row.name == name)
    return ["–" if cell.reason else shown(cell) for cell in found.cells]


def shown(cell: Any) -> str:
    number = next(value for value in (cell.percent, cell.share, cell.money, cell.ratio) if value is not None)
    return str(round(number, 1))


def test_it_shows_what_was_earned_beside_holding_and_bitcoin(browser: Client, recorded: ExchangeAccount) -> None:
    answer = visit(browser, recorded)
    assert answer.status_code == 200
    assert row(answer, "All in BTC") == ["6.2", "33.3", "–", "–", "50.0"]
    assert row(answer, "Paid in") == ["0.0", "1000.0", "–", "–", "1000.0"]
    assert row(answer, "Return")[2:4] == ["–", "–"]
    assert "What is recorded does not reach back that far." in text(answer)
    assert "from 2026-05-02 12:30 to the last valuation, 2026-06-01 12:30" in text(answer)


@pytest.mark.parametrize("period", ["7d", "30d", "all"])
def test_the_chart_has_three_lines_without_a_style_attribute(
    period: str, browser: Client, recorded: ExchangeAccount
) -> None:
    answer = visit(browser, recorded, f"?period={period}")
    page = answer.content.decode()
    assert len(re.findall(r'<path class="line (?:bitcoin|held|c0)" d="M[\d.,ML]+"/>', page)) == 3
    assert " style=" not in page
    assert answer.context["missing"] == []


def test_a_period_nobody_knows_is_not_found(browser: Client, recorded: ExchangeAccount) -> None:
    assert visit(browser, recorded, "?period=2w").status_code == 404


def test_profit_by_asset_says_what_is_estimated(browser: Client, recorded: ExchangeAccount) -> None:
    page = text(visit(browser, recorded, "?period=all"))
    assert "BTC estimated" in page
    assert re.search(r"Together 1498\.00 523\.28 3\.72", page)


def test_what_is_not_known_is_said(browser: Client, account: ExchangeAccount, strategy: MakeStrategy) -> None:
    for hours in (3, 2, 1):
        valued(account, ago(0, hours), {"USDT": 1000, "AIRDROP": 5}, {})
    filled(strategy(account), ago(0), "SELL", "ETH/USDT", 1, 2_500, "0.001", "BNB")
    page = text(visit(browser, account, "?period=all"))
    assert (
        "BTC – A price it takes was not recorded: prices are recorded of what the account holds, and of bitcoin."
        in page
    )
    assert "1 with an unknown gain" in page
    assert "5 of unknown cost" in page
    assert "1 fee could not be valued." in page
    assert "left out of the sums, never counted as nothing" in page


def test_a_history_that_breaks_is_said_to(browser: Client, account: ExchangeAccount) -> None:
    for hours in range(12, 0, -1):
        valued(account, ago(0, hours), {"BTC": 1} if hours > 4 else {"USDT": 10_000}, {"BTC": 60_000})
    assert "changed before 2026-06-01 08:30 in a way that no trade, deposit or withdrawal" in text(
        visit(browser, account)
    )


def test_before_anything_is_recorded_it_says_so(browser: Client, account: ExchangeAccount) -> None:
    page = text(visit(browser, account))
    assert "Nothing is recorded yet" in page
    assert "Tax lots" not in page


def test_nobody_elses_account_is_found(
    recorded: ExchangeAccount, charlie: User, client_for: Callable[[User], Client]
) -> None:
    assert visit(client_for(charlie), recorded).status_code == 404
    assert visit(client_for(charlie), recorded, "tax-lots").status_code == 404
    assert Client().get(f"/performance/{recorded.pk}/").status_code == 302


def test_the_page_costs_the_same_with_much_and_with_little(
    browser: Client, account: ExchangeAccount, strategy: MakeStrategy
) -> None:
    targets = strategy(account)
    counts = []
    for day in (3, 30):
        for number in range(day, 0, -1):
            valued(account, ago(number), {"USDT": 1000 + number}, {})
            filled(targets, ago(number), "BUY", "BTC/USDT", "0.00001", 60_000, "0.000001")
            came(account, ago(number), "USDT", 1, 1)
        visit(browser, account)  # what a process remembers, it remembers in both
        with CaptureQueriesContext(connection) as asked:
            assert visit(browser, account, "?period=all").status_code == 200
        counts.append(len([query for query in asked.captured_queries if "cache_entries" not in query["sql"]]))
    assert counts[0] == counts[1]


# --- The dashboard ---------------------------------------------------------------------------------------


def test_the_dashboard_draws_holding_and_bitcoin_beside_the_value(browser: Client, recorded: ExchangeAccount) -> None:
    with time_machine.travel(NOW, tick=False):
        answer = browser.get("/")
    assert [shape.name for shape in answer.context["history"].plot.legend] == ["BTC", "Held", "This account"]
    assert f'href="/performance/{recorded.pk}/"' in answer.content.decode()


def test_on_a_first_day_it_says_once_when_there_will_be_something_to_compare_with(
    browser: Client, account: ExchangeAccount
) -> None:
    valued(account, ago(0, hours=1), {"USDT": 1000}, {})
    with time_machine.travel(NOW, tick=False):
        said = text(browser.get("/"))
    assert said.count("is drawn beside it from the next hourly valuation on.") == 1
    assert "There is only one valuation" not in said


def test_the_dashboards_percentage_leaves_deposits_out(browser: Client, account: ExchangeAccount) -> None:
    for day in range(5, 0, -1):
        valued(account, ago(day), {"USDT": 100 if day > 2 else 1000}, {})
    came(account, ago(2, 1), "USDT", 900, 900)
    with time_machine.travel(NOW, tick=False):
        answer = browser.get("/")
    assert answer.context["earned_pct"] == 0


def test_without_valuations_the_dashboard_has_no_chart(browser: Client, account: ExchangeAccount) -> None:
    PortfolioSnapshot.objects.filter(account=account).delete()
    assert browser.get("/").context["history"] is None
