"""A save that comes late changes what it was meant to change, and undoes nothing that has happened meanwhile."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from accounts.models import User
from botbalance.lib.errors import NotFound
from exchanges.models import ExchangeAccount
from strategies import selectors, services
from strategies.domain import Target
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


@pytest.fixture
def targets(alice: User, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]) -> Strategy:
    return strategy(paper_account(alice), {"BTC": 40})


def test_a_deactivation_between_reading_and_saving_stays(alice: User, targets: Strategy) -> None:
    read = selectors.strategy_of(alice, targets.pk)
    services.deactivate(targets)
    saved = services.update_strategy(read, {"min_delta_pct": Decimal(3)}, None)
    assert (saved.is_active, saved.min_delta_pct) == (False, Decimal(3))


def test_a_strategy_that_was_deleted_meanwhile_is_not_there_any_more(alice: User, targets: Strategy) -> None:
    read = selectors.strategy_of(alice, targets.pk)
    services.delete_strategy(targets)
    with pytest.raises(NotFound):
        services.update_strategy(read, {"name": "Back again"}, [Target("ETH", Decimal(10))])
    row = Strategy.objects.get()
    assert (row.is_active, row.archived_at is None, row.name) == (False, False, "Targets")
    assert [target.asset for target in selectors.targets(row)] == ["BTC"]


def test_two_saves_at_once_keep_what_each_of_them_changed(alice: User, targets: Strategy) -> None:
    first, second = (selectors.strategy_of(alice, targets.pk) for _save in range(2))
    services.update_strategy(first, {"name": "Renamed"}, None)
    saved = services.update_strategy(second, {"max_orders": 5}, None)
    assert (saved.name, saved.max_orders) == ("Renamed", 5)
    assert saved.updated_at > first.created_at
