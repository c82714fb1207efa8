"""When balances have to be read again before anything is decided on them. Pure."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from portfolio.selectors import KnownBalances, balances_are_stale, milliseconds

READ = datetime(2026, 3, 2, 10, 0, 0, 123_999, tzinfo=UTC)
READ_MS = 1_772_445_600_123
KNOWN = KnownBalances((), READ, Decimal(0), Decimal(0))


def test_milliseconds_are_exact() -> None:
    assert milliseconds(READ) == READ_MS
    assert milliseconds(READ + timedelta(days=365_000)) == READ_MS + 365_000 * 86_400_000


def test_balances_that_were_never_read_are_stale() -> None:
    assert balances_are_stale(None, 0, 600, READ_MS)


@pytest.mark.parametrize(
    ("order_change_ms", "now_ms", "stale"),
    [
        (0, READ_MS, False),
        (0, READ_MS + 600_000, False),
        (0, READ_MS + 600_001, True),
        (READ_MS - 1, READ_MS + 30_000, False),
        (READ_MS, READ_MS + 30_000, False),
        (READ_MS + 1, READ_MS + 30_000, True),
        (READ_MS + 29_000, READ_MS + 30_000, True),
    ],
)
def test_they_are_stale_when_old_or_from_before_an_order_changed(
    order_change_ms: int, now_ms: int, stale: bool
) -> None:
    assert balances_are_stale(KNOWN, order_change_ms, 600, now_ms) is stale
