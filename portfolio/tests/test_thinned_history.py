"""Long histories are thinned by the database to what figures and curves depend on."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from exchanges.models import ExchangeAccount
from portfolio.models import CashFlow, PortfolioSnapshot
from portfolio.selectors import noticed_flows, thinned_history

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal
START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 1})


def hour(number: int, minutes: int = 0) -> datetime:
    return START + timedelta(hours=number, minutes=minutes)


def every_hour(account: ExchangeAccount, hours: int, minutes: tuple[int, ...] = (0, 30)) -> None:
    PortfolioSnapshot.objects.bulk_create(
        PortfolioSnapshot(account=account, at=hour(number, minute), reason="hourly", quote="USDT", nav=D(number))
        for number in range(hours)
        for minute in minutes
    )


def test_of_most_days_the_last_valuation_is_kept_and_the_last_days_are_told_by_the_hour(
    account: ExchangeAccount,
) -> None:
    every_hour(account, 24 * 10)
    moments = [valuation.at for valuation in thinned_history(account)]
    assert moments[:3] == [hour(0), hour(23, 30), hour(47, 30)]
    assert moments[-73:] == [hour(number, 30) for number in range(24 * 7 - 1, 24 * 10)]
    assert moments == sorted(set(moments))


def test_for_a_curve_about_so_many_of_the_last_of_every_hour_are_kept(account: ExchangeAccount) -> None:
    every_hour(account, 5)
    moments = [valuation.at for valuation in thinned_history(account, most=100)]
    assert moments == [hour(0), *(hour(number, 30) for number in range(5))]
    every_hour(account, 500, minutes=(31,))
    assert 20 <= len(list(thinned_history(account, most=20))) <= 22


def test_the_first_after_every_flow_and_after_every_beginning_is_kept(account: ExchangeAccount) -> None:
    every_hour(account, 24 * 10)
    CashFlow.objects.create(account=account, at=hour(50, 10), kind="deposit", asset="USDT", amount=D(1))
    moments = {valuation.at for valuation in thinned_history(account, begins=[hour(60, 1)])}
    assert {hour(50, 30), hour(60, 30)} <= moments
    assert hour(51) not in moments


def test_valuations_after_fills_are_kept_where_they_are_wanted(account: ExchangeAccount) -> None:
    PortfolioSnapshot.objects.create(account=account, at=hour(30, 7), reason="fill", quote="USDT", nav=D(1))
    every_hour(account, 24 * 10)
    assert hour(30, 7) in {valuation.at for valuation in thinned_history(account, with_fills=True)}
    assert hour(30, 7) not in {valuation.at for valuation in thinned_history(account)}


def test_only_what_lies_within_the_time_is_read(account: ExchangeAccount) -> None:
    every_hour(account, 48)
    moments = [valuation.at for valuation in thinned_history(account, hour(5, 1), hour(7), most=9)]
    assert moments == [hour(5, 30), hour(6, 30), hour(7)]


def test_a_price_is_the_value_over_the_amount_and_missing_where_there_is_none(account: ExchangeAccount) -> None:
    PortfolioSnapshot.objects.create(
        account=account, at=START, reason="hourly", quote="USDT", nav=D(30),
        holdings=[{"asset": "BTC", "total": "0.5", "value": "30"}, {"asset": "AIRDROP", "total": "5", "value": None}],
    )  # fmt: skip
    (valuation,) = thinned_history(account)
    assert (valuation.totals, valuation.prices) == ({"BTC": D("0.5"), "AIRDROP": D(5)}, {"BTC": D(60)})


def test_it_costs_the_same_however_much_there_is(account: ExchangeAccount) -> None:
    counts = []
    for hours in (3, 24 * 20):
        PortfolioSnapshot.objects.all().delete()
        every_hour(account, hours)
        with CaptureQueriesContext(connection) as asked:
            list(thinned_history(account, begins=[hour(1)]))
            noticed_flows(account)
        counts.append(len(asked))
    assert counts == [3, 3]


def test_another_account_has_a_history_of_its_own(
    account: ExchangeAccount, bob: User, paper_account: Callable[..., ExchangeAccount]
) -> None:
    every_hour(account, 3)
    theirs = paper_account(bob, {"USDT": 1})
    CashFlow.objects.create(account=account, at=hour(1), kind="deposit", asset="USDT", amount=D(1))
    assert (list(thinned_history(theirs)), noticed_flows(theirs)) == ([], [])
