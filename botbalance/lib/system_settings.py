"""The effective system settings: the admin's row over the environment, kept per process for a few seconds."""

import time
from dataclasses import dataclass
from decimal import Decimal
from threading import Lock
from typing import TypeVar

from django.conf import settings

from botbalance.lib.models import SystemSettings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Effective:
    """What holds now. Seconds, USDT."""

    pricing_source: str
    pricing_use_cache: bool
    pricing_ttl_seconds: int
    exchange_info_ttl_seconds: int
    paper_start_balance: Decimal
    trading_enabled: bool
    kill_switch_cancels: bool
    idle_balance_seconds: int
    stale_price_seconds: int
    price_jump_pct: Decimal
    price_jump_minutes: int
    max_order_nav_pct: Decimal
    max_open_orders: int
    failures_before_pause: int


_lock = Lock()
_known: tuple[float, Effective] | None = None


def current() -> Effective:
    """Effective settings, at most SYSTEM_SETTINGS_TTL_SECONDS old in any process."""
    global _known
    known = _known
    if known is not None and time.monotonic() - known[0] < settings.SYSTEM_SETTINGS_TTL_SECONDS:
        return known[1]
    with _lock:
        effective = read()
        _known = (time.monotonic(), effective)
    return effective


def forget() -> None:
    """Read the row again at the next call: for the process that has just changed it, and for tests."""
    global _known
    _known = None


def change(**values: object) -> None:
    """Write columns of the row, for every process; this one sees them at once."""
    row = SystemSettings.get_solo()
    for name, value in values.items():
        setattr(row, name, value)
    # Nothing else of the row is looked at: the kill switch must work whatever another column holds.
    row.clean_fields(exclude={field.name for field in row._meta.fields} - values.keys())
    row.save(update_fields=list(values))
    forget()


def read() -> Effective:
    """The effective settings straight from the database."""
    row = SystemSettings.objects.first()

    def pick(value: T | None, default: T) -> T:
        return default if value is None or value == "" else value

    if row is None:
        row = SystemSettings()
    return Effective(
        pricing_source=pick(row.pricing_source, settings.PRICING_SOURCE),
        pricing_use_cache=pick(row.pricing_use_cache, settings.PRICING_USE_CACHE),
        pricing_ttl_seconds=pick(row.pricing_ttl_seconds, settings.PRICING_TTL_SECONDS),
        exchange_info_ttl_seconds=pick(row.exchange_info_ttl_seconds, settings.EXCHANGE_INFO_TTL_SECONDS),
        paper_start_balance=pick(row.paper_start_balance, settings.PAPER_START_BALANCE),
        trading_enabled=pick(row.trading_enabled, settings.TRADING_ENABLED),
        kill_switch_cancels=pick(row.kill_switch_cancels, settings.KILL_SWITCH_CANCELS),
        idle_balance_seconds=pick(row.idle_balance_seconds, settings.IDLE_BALANCE_SECONDS),
        stale_price_seconds=pick(row.stale_price_seconds, settings.STALE_PRICE_SECONDS),
        price_jump_pct=pick(row.price_jump_pct, settings.PRICE_JUMP_PCT),
        price_jump_minutes=pick(row.price_jump_minutes, settings.PRICE_JUMP_MINUTES),
        max_order_nav_pct=pick(row.max_order_nav_pct, settings.MAX_ORDER_NAV_PCT),
        max_open_orders=pick(row.max_open_orders, settings.MAX_OPEN_ORDERS),
        failures_before_pause=pick(row.failures_before_pause, settings.FAILURES_BEFORE_PAUSE),
    )


def trading_enabled() -> bool:
    """The global switch, never from memory: off must act at once in every process."""
    return read().trading_enabled
