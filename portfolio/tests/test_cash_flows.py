"""What came and went without us, as it is recorded."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from accounts.models import User
from exchanges.domain import Balance
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from portfolio import selectors, services
from portfolio.models import CashFlow, ExplainedBalances
from portfolio.selectors import KnownBalances

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

D = Decimal
START = datetime.fromisoformat("2026-03-02T10:00:00+00:00")


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": "1000"})


def read(seconds: int, **totals: str) -> KnownBalances:
    """Balances as read so many seconds after the start; a part of them is locked."""
    rows = tuple(Balance(asset, D(total) - D("0.5"), D("0.5")) for asset, total in totals.items())
    return KnownBalances(rows, START + timedelta(seconds=seconds), D(0), D(0))


def record(
    account: ExchangeAccount, known: KnownBalances, effect: dict[str, Decimal] | None = None, up_to: int = 0
) -> list[tuple[str, str, Decimal]]:
    baseline = selectors.explained(account)
    flows = services.record_balances_explained(account, known, baseline, effect or {}, up_to)
    return [(flow.kind, flow.asset, flow.amount) for flow in flows]


def test_fills_and_flows_add_up_to_the_last_digit(account: ExchangeAccount) -> None:
    assert record(account, read(0, USDT="1000.00000001", BTC="1")) == []
    effect = {"BTC": D("0.33333333"), "USDT": D("-20000.1"), "BNB": D("-0.1")}
    later = read(60, USDT="-18999.09999999", BTC="1.33333334", BNB="0.4")
    assert record(account, later, effect, up_to=7) == [
        ("deposit", "BNB", D("0.5")),
        ("deposit", "BTC", D("0.00000001")),
        ("deposit", "USDT", D("1")),
    ]
    baseline = selectors.explained(account)
    assert baseline is not None
    assert (baseline.fills_up_to, baseline.totals["BTC"]) == (7, "1.33333334")


def test_an_asset_that_is_gone_was_withdrawn(account: ExchangeAccount) -> None:
    record(account, read(0, USDT="1000", BTC="1"))
    assert record(account, read(60, USDT="1000")) == [("withdrawal", "BTC", D(-1))]


def test_coming_and_going_in_one_reading_is_a_trade(account: ExchangeAccount) -> None:
    record(account, read(0, USDT="1000", BTC="1"))
    assert record(account, read(60, USDT="900", BTC="2")) == [("trade", "BTC", D(1)), ("trade", "USDT", D(-100))]


def test_a_reading_that_is_not_newer_says_nothing(account: ExchangeAccount) -> None:
    record(account, read(60, USDT="1000"))
    assert record(account, read(60, USDT="900")) == []
    assert record(account, read(59, USDT="900")) == []


def test_nothing_new_costs_no_write(account: ExchangeAccount) -> None:
    record(account, read(0, USDT="1000"))
    record(account, read(60, USDT="1000"))
    assert ExplainedBalances.objects.get().at == START


def test_of_two_with_the_same_baseline_one_records(account: ExchangeAccount) -> None:
    record(account, read(0, USDT="1000"))
    baseline = selectors.explained(account)
    first = services.record_balances_explained(account, read(60, USDT="1100"), baseline, {}, 0)
    second = services.record_balances_explained(account, read(61, USDT="1100"), baseline, {}, 0)
    assert (len(first), second, CashFlow.objects.count()) == (1, [], 1)


def test_of_two_first_readings_one_is_the_beginning(account: ExchangeAccount) -> None:
    services.record_balances_explained(account, read(0, USDT="1000"), None, {}, 0)
    services.record_balances_explained(account, read(1, USDT="1100"), None, {}, 0)
    assert ExplainedBalances.objects.get().totals == {"USDT": "1000"}
    assert record(account, read(2, USDT="1100")) == [("deposit", "USDT", D(100))]


def test_a_flow_without_a_price_is_recorded_all_the_same(account: ExchangeAccount) -> None:
    record(account, read(0, USDT="1000"))
    with faults.plan([{"kind": "refuse", "times": 99}]):
        services.record_balances_explained(account, read(60, USDT="1000", BTC="1"), selectors.explained(account), {}, 0)
    assert CashFlow.objects.get().value is None


def test_what_nobody_has_a_price_for_has_no_value(account: ExchangeAccount) -> None:
    record(account, read(0, USDT="1000"))
    record(account, read(60, USDT="1001", LUNA2="5"))
    assert {flow.asset: flow.value for flow in CashFlow.objects.all()} == {"USDT": D(1), "LUNA2": None}


def test_flows_are_told_newest_first_within_bounds_and_of_one_account(
    account: ExchangeAccount, bob: User, paper_account: Callable[..., ExchangeAccount]
) -> None:
    other = paper_account(bob, {"USDT": "1000"})
    for seconds, total in enumerate(("1000", "1001", "1003", "1006")):
        record(account, read(seconds, USDT=total))
        record(other, read(seconds, USDT="7"))
    rows = selectors.cash_flows(account)
    assert [flow.amount for flow in rows] == [3, 2, 1]
    second = START + timedelta(seconds=2)
    assert [flow.amount for flow in selectors.cash_flows(account, second, second)] == [2]
    assert not selectors.cash_flows(other).exists()


def test_what_was_explained_can_be_forgotten(account: ExchangeAccount) -> None:
    record(account, read(0, USDT="1000"))
    services.forget_balances(account)
    assert record(account, read(1, USDT="5")) == []
    assert not CashFlow.objects.exists()


def test_the_time_of_a_flow_is_that_of_the_reading(account: ExchangeAccount) -> None:
    record(account, read(0, USDT="1000"))
    with time_machine.travel(START + timedelta(hours=1), tick=False):
        record(account, read(60, USDT="1001"))
    assert CashFlow.objects.get().at == START + timedelta(seconds=60)
