"""What the process remembers between requests is forgotten between tests."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from accounts import services as accounts
from accounts.models import User
from botbalance.lib import system_settings
from exchanges import markets
from exchanges.adapters import binance


@pytest.fixture(autouse=True)
def nothing_remembered(request: pytest.FixtureRequest) -> Iterator[None]:
    marker = request.node.get_closest_marker("django_db")
    if marker is not None:
        request.getfixturevalue("transactional_db" if marker.kwargs.get("transaction") else "db")
    system_settings.forget()
    markets.forget_rules()
    binance.forget_clocks()
    if marker is not None:
        cache.clear()
    yield
    system_settings.forget()
    markets.forget_rules()
    binance.forget_clocks()
    if marker is not None:
        cache.clear()


@pytest.fixture
def alice(db: None) -> User:
    return accounts.register("alice@example.com", "correct horse battery")


@pytest.fixture
def bob(db: None) -> User:
    return accounts.register("bob@example.com", "correct horse battery")
