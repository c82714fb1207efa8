"""A user with a paper account and a strategy, and what the exchange has in its books for comparison."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import time_machine

from accounts import services as accounts
from accounts.models import User
from exchanges import services as exchanges
from exchanges.models import ExchangeAccount
from exchanges.paper import services as paper
from exchanges.paper.models import PaperOrder, PaperTrade
from orders import selectors, services
from orders.models import Fill, Order, Run
from portfolio import services as portfolio
from strategies import services as strategies
from strategies.domain import Target
from strategies.models import Strategy

D = Decimal
START = "2026-03-02T10:00:00+00:00"
CROSSING = {"order_step_pct": D("-0.5")}  # takes what is offered: fills at once
RESTING = {"order_step_pct": D("2")}  # far from the market: rests
CALM = {"order_size_pct": D(100), "order_lifetime_seconds": 86_400}


@dataclass
class Trader:
    """One user, one account, one strategy."""

    user: User
    account: ExchangeAccount
    strategy: Strategy

    def execute(self, key: str = "", digest: str = "") -> Run:
        return services.execute(
            self.user, self.strategy, trigger=Run.Trigger.API, idempotency_key=key, plan_digest=digest
        ).run

    def follow(self, traveller: time_machine.Traveller, *, seconds: int = 600, step: int = 5) -> Run:
        """Track every `step` seconds until the active run has ended, for at most `seconds`."""
        run = selectors.active_run(self.account)
        assert run is not None
        for _look in range(seconds // step):
            traveller.shift(step)
            services.track_account(self.account)
            run.refresh_from_db()
            if not run.is_active:
                break
        return run

    def orders(self) -> list[Order]:
        return list(Order.objects.filter(account=self.account).order_by("id"))

    def at_exchange(self) -> list[PaperOrder]:
        return list(PaperOrder.objects.filter(account__api_key=self.account.paper_key).order_by("pk"))

    def assert_books_agree(self) -> None:
        """Local orders, fills and balances equal the exchange's, to the last digit, and its ledger adds up."""
        theirs = {row.client_order_id: row for row in self.at_exchange()}
        ours = {row.client_order_id: row for row in self.orders() if row.exchange_order_id is not None}
        assert ours.keys() == theirs.keys()
        for client_order_id, row in ours.items():
            other = theirs[client_order_id]
            assert (row.exchange_order_id, row.symbol, row.side) == (other.order_id, other.symbol, other.side)
            assert (row.price, row.quantity) == (other.price, other.quantity)
            assert (row.status, row.executed_quantity, row.cumulative_quote) == (
                other.status,
                other.executed,
                other.quote_executed,
            )
        fills = {
            (fill.order.symbol, fill.trade_id, fill.price, fill.quantity, fill.commission, fill.commission_asset)
            for fill in Fill.objects.filter(order__account=self.account).select_related("order")
        }
        trades = {
            (trade.symbol, trade.trade_id, trade.price, trade.quantity, trade.commission, trade.commission_asset)
            for trade in PaperTrade.objects.filter(account__api_key=self.account.paper_key)
        }
        assert fills - trades == set()
        assert trades - fills == set()
        assert paper.audit_account(self.account.paper_key) == []
        known = portfolio.read_balances(self.account)
        start = Decimal(0)
        assert all(row.free >= start and row.locked >= start for row in known.balances)


def beat(traveller: time_machine.Traveller, *, seconds: int, step: int = 5) -> list[tuple[int, int]]:
    """Let time pass as beat and one worker would: a dispatch every `step` seconds, and its ticks, which it returns."""
    assert seconds >= step, "no time passes"
    ticks: list[tuple[int, int]] = []
    for _moment in range(seconds // step):
        traveller.shift(step)
        for account_id, due_ms in services.dispatch().ticks:
            services.tick(account_id, due_ms)
            ticks.append((account_id, due_ms))
    return ticks


def trader(
    email: str,
    balances: Mapping[str, Any],
    targets: Mapping[str, Any],
    **limits: Any,
) -> Trader:
    """A registered user whose paper account holds `balances` and follows `targets` (percent)."""
    user = accounts.register(email, "correct horse battery")
    account = exchanges.connect_account(
        user, label="Paper", venue="paper", paper_balances={asset: D(amount) for asset, amount in balances.items()}
    )
    strategy = strategies.create_strategy(
        user,
        account,
        {"name": "Test", **limits},
        [Target(asset, D(weight)) for asset, weight in targets.items()],
    )
    return Trader(user, account, strategy)
