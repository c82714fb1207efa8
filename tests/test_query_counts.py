"""What a page or an answer costs does not grow with users, accounts, strategies, orders or history."""

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import services as accounts
from accounts.models import User
from accounts.notifications.models import Channel, Delivery, Event, Kind
from accounts.tokens.services import issue_token
from botbalance.lib import system_settings
from botbalance.status import remembering
from exchanges import services as exchanges
from exchanges.models import ExchangeAccount
from orders import services as orders
from orders.models import Autopilot, Fill, Order, OrderEvent, Round, Run, StrangerOrder, Tick, Watch
from portfolio import services as portfolio
from portfolio.models import CashFlow, PortfolioSnapshot
from strategies import services as strategies
from strategies.backtest.models import BacktestRun, Sweep
from strategies.domain import Target
from strategies.models import Strategy, TargetProposal

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal

FEW, MANY = 2, 7
PAGES = [
    "/",
    "/strategies/",
    "/orders/",
    "/orders/?status=open",
    "/orders/runs/",
    "/orders/runs/{run}/",
    "/orders/{order}/",
    "/orders/autopilot/{strategy}/",
    "/exchange-accounts/",
    "/performance/{account}/",
    "/assets/{account}/BTC/",
    "/api/me/portfolio/performance?account={account}",
    "/api/me/portfolio/tax-lots?account={account}",
    "/strategies/{strategy}/model/",
    "/auth/account/notices/",
    "/auth/account/tokens/",
    "/auth/account/notifications/",
    "/auth/account/notifications/{channel}/",
    "/live/?orders=&looks=&money=&jobs=",
    "/api/me/status",
    "/api/me/accounts/",
    "/api/me/balances",
    "/api/me/portfolio/summary",
    "/api/me/portfolio/history",
    "/api/me/cash-flows",
    "/api/me/stranger-orders",
    "/api/me/strategies/",
    "/api/me/strategies/{strategy}/autopilot",
    "/api/me/strategies/{strategy}/ticks",
    "/api/me/runs",
    "/api/me/orders",
    "/api/me/orders/{order}",
    "/api/me/orders?status=open&account={account}&strategy={strategy}&run={run}",
    "/api/me/fills",
    "/api/me/fills?account={account}&run={run}&symbol=BTCUSDT",
    "/api/me/runs?account={account}&state=complete",
    "/api/docs/",
    "/api/me/notices",
    "/api/me/tokens",
    "/api/me/channels",
    "/api/me/channels/{channel}/deliveries",
]
ADMIN = [
    "/admin/accounts/user/",
    "/admin/accounts/notice/",
    "/admin/notifications/channel/",
    "/admin/notifications/delivery/",
    "/admin/exchanges/exchangeaccount/",
    "/admin/portfolio/portfoliosnapshot/",
    "/admin/portfolio/cashflow/",
    "/admin/strategies/strategy/",
    "/admin/strategies/targetproposal/",
    "/admin/backtest/backtestrun/",
    "/admin/backtest/sweep/",
    "/admin/orders/order/",
    "/admin/orders/run/",
    "/admin/orders/autopilot/",
    "/admin/orders/tick/",
    "/admin/orders/watch/",
    "/admin/orders/strangerorder/",
]


def grow(user: User, size: int) -> None:
    """So many accounts, strategies, runs, orders, ticks and notices of a user; most of it at the first account."""
    now = timezone.now()
    for number in range(ExchangeAccount.objects.filter(user=user).count(), size):
        account = exchanges.connect_account(user, label=f"Paper {number}", venue="paper")
        strategy = strategies.create_strategy(user, account, {"name": f"Targets {number}"}, [Target("BTC", D(40))])
        orders.start_autopilot(user, strategy)
    account = ExchangeAccount.objects.filter(user=user).earliest("pk")
    strategy = Strategy.objects.get(account=account)
    for _number in range(Run.objects.filter(user=user).count(), size):
        run = Run.objects.create(
            user=user, account=account, strategy=strategy, trigger="autopilot", state="complete", finished_at=now
        )
        last = Round.objects.filter(user=user).count()
        for number in range(size):
            one = Round.objects.create(run=run, user=user, number=number + 1, tick_ts=last + number, nav=D(1))
            order = Order.objects.create(
                user=user, account=account, round=one, index=0, client_order_id=f"{user.pk}-{one.pk}", symbol="BTCUSDT",
                base_asset="BTC", quote_asset="USDT", side="BUY", price=D(1), quantity=D(1), status="CANCELED",
            )  # fmt: skip
            OrderEvent.objects.bulk_create(OrderEvent(order=order, kind="report", status="NEW") for _ in range(size))
            Fill.objects.bulk_create(
                Fill(
                    user=user, order=order, trade_id=trade, price=D(1), quantity=D(1), quote_quantity=D(1),
                    commission=D(0), commission_asset="BTC", is_maker=True, at=now,
                )
                for trade in range(size)
            )  # fmt: skip
        Tick.objects.create(
            user=user, strategy=strategy, run=run, status="acted", code="run_ended", started_at=now, ended_at=now
        )
        accounts.tell(user, "Look at this")
        issue_token(user)
        channel = Channel.objects.create(user=user, type="webhook", name=f"Hook {run.pk}", address="x", hint="x")
        for _number in range(size):
            event = Event.objects.create(user=user, kind=Kind.FILLS, title="3 fills")
            Delivery.objects.create(event=event, channel=channel, problem="It answered with status 500.")
        StrangerOrder.objects.create(
            account=account, exchange_order_id=run.pk, symbol="BTCUSDT", side="BUY", type="LIMIT", price=D(1),
            quantity=D(1), seen_at=now,
        )  # fmt: skip
        CashFlow.objects.create(account=account, at=now, kind="deposit", asset="USDT", amount=D(1), value=D(1))
        PortfolioSnapshot.objects.create(
            account=account, at=now - timedelta(hours=run.pk), reason="hourly", quote="USDT", nav=D(1)
        )
        TargetProposal.objects.create(strategy=strategy, state="dismissed", target_model="equal", created_at=now)
        BacktestRun.objects.create(
            user=user, strategy=strategy, name="A year", settings={}, interval="1h", from_at=now, to_at=now
        )
        Sweep.objects.create(
            user=user, strategy=strategy, name="Bands", settings={}, space={}, rules={}, notes={}, fingerprint="",
            objective="sharpe", held_out_ms=0, windows=0, paths=0, seed=1, settings_total=20, created_at=now,
        )  # fmt: skip


def queries(browser: Client, address: str) -> list[str]:
    system_settings.forget()
    system_settings.current()  # remembered for seconds of the real clock: now, and not in one size by chance
    remembering.forget()  # as is what open pages are told by
    with CaptureQueriesContext(connection) as asked:
        answer = browser.get(address)
    assert answer.status_code == 200, address
    # What is kept in the cache lives in the database here, and elsewhere is no query.
    return [query["sql"] for query in asked.captured_queries if "cache_entries" not in query["sql"]]


def costs(browser: Client, addresses: list[str], user: User) -> dict[str, list[str]]:
    run = Run.objects.filter(user=user).latest("pk")
    ids = {
        "account": ExchangeAccount.objects.filter(user=user).earliest("pk").pk,
        "run": run.pk,
        "order": Order.objects.filter(user=user).latest("pk").pk,
        "strategy": Strategy.objects.filter(user=user).earliest("pk").pk,
        "channel": Channel.objects.filter(user=user).latest("pk").pk,
    }
    for account in ExchangeAccount.objects.filter(user=user):
        portfolio.read_balances(account)  # fresh, so that no page reads them in one size and not in the other
    return {address: queries(browser, address.format(**ids)) for address in addresses}


def shape(query: str) -> str:
    """A query without its numbers."""
    return re.sub(r"\d+", "N", query)


def assert_alike(few: dict[str, list[str]], many: dict[str, list[str]]) -> None:
    grown = {
        address: sorted((Counter(map(shape, many[address])) - Counter(map(shape, few[address]))).elements())
        for address in few
        if len(many[address]) > len(few[address])
    }
    assert not grown, json.dumps(grown, indent=1)


def test_a_users_pages_cost_the_same_with_much_and_with_little(
    alice: User, client_for: Callable[[User], Client]
) -> None:
    browser = client_for(alice)
    with time_machine.travel(timezone.now(), tick=False):
        grow(alice, FEW)
        costs(browser, PAGES, alice)  # what a process remembers, it remembers in both
        few = costs(browser, PAGES, alice)
        grow(alice, MANY)
        costs(browser, PAGES, alice)
        many = costs(browser, PAGES, alice)
    assert_alike(few, many)


def test_a_users_pages_and_the_admins_lists_cost_the_same_with_many_users(
    alice: User, client_for: Callable[[User], Client]
) -> None:
    admin, _created = accounts.ensure_superadmin("admin@example.org", "correct horse battery")
    browser, office = client_for(alice), client_for(admin)
    with time_machine.travel(timezone.now(), tick=False):
        grow(alice, FEW)
        costs(browser, PAGES, alice)
        costs(office, ADMIN, alice)
        few, few_admin = costs(browser, PAGES, alice), costs(office, ADMIN, alice)
        for number in range(MANY - FEW):
            grow(accounts.register(f"user{number}@example.org", "correct horse battery"), FEW)
        many, many_admin = costs(browser, PAGES, alice), costs(office, ADMIN, alice)
    assert_alike(few, many)
    assert_alike(few_admin, many_admin)


def test_the_scene_has_rows_of_everything(alice: User) -> None:
    grow(alice, FEW)
    for model in (Autopilot, Watch, Tick, Run, Round, Order, Fill, OrderEvent, StrangerOrder, CashFlow):
        assert model.objects.count() >= FEW, model
