"""Numbers of another's accounts, strategies and rebalances do not exist as filters of lists and files either."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from exchanges.models import ExchangeAccount
from orders.models import Run
from strategies.models import Strategy
from tests.refusals import refusal

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
TRADES = ("account", "strategy", "run")
LISTS = {
    "/api/me/orders": TRADES,
    "/api/me/orders.csv": TRADES,
    "/api/me/fills": TRADES,
    "/api/me/fills.csv": TRADES,
    "/api/me/runs": ("account", "strategy"),
    "/api/me/strategies/": ("account",),
    "/api/me/backtests/": ("strategy",),
    "/api/me/cash-flows": ("account",),
    "/api/me/portfolio/history": ("account",),
    "/api/me/portfolio/history.csv": ("account",),
    "/api/me/stranger-orders": ("account",),
}


def test_another_users_numbers_filter_nothing(
    alice: User, bob: User, api_for: Callable[[User], APIClient], paper_account: Callable[..., ExchangeAccount],
    strategy: Callable[..., Strategy], subtests: pytest.Subtests,
) -> None:  # fmt: skip
    account = paper_account(alice)
    targets = strategy(account)
    run = Run.objects.create(user=alice, account=account, strategy=targets, trigger="api", state="complete")
    numbers = {"account": account.pk, "strategy": targets.pk, "run": run.pk}
    paper_account(bob)
    hers, his = api_for(alice), api_for(bob)
    for path, filters in LISTS.items():
        for name in filters:
            with subtests.test(f"{path}?{name}"):
                assert hers.get(path, {name: numbers[name]}).status_code == 200
                anothers = refusal(his.get(path, {name: numbers[name]}), 404, "not_found")
                assert anothers == refusal(his.get(path, {name: numbers[name] + 10**9}), 404, "not_found")
