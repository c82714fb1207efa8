"""Limits by RateLimit.name ("REQUEST_WEIGHT 1M", "ORDERS 10S") and the intervals in those names. Pure."""

import re
from collections.abc import Mapping

MINUTE_MS = 60_000
WEIGHT = "REQUEST_WEIGHT 1M"
ORDERS = "ORDERS "
DEFAULT_LIMITS: Mapping[str, int] = {WEIGHT: 6000, "ORDERS 10S": 100, "ORDERS 1D": 200_000}
"""Binance Spot's, until exchangeInfo has told."""

_UNITS = {"S": 1000, "M": MINUTE_MS, "H": 3_600_000, "D": 86_400_000}
_INTERVAL = re.compile(r"([1-9][0-9]{0,3})([SMHD])")


def interval_ms(interval: str) -> int:
    """Length of an interval as Binance abbreviates it: 10S, 1M, 1D. ValueError for what is none."""
    found = _INTERVAL.fullmatch(interval)
    if found is None:
        raise ValueError(f"no interval: {interval!r}")
    return int(found[1]) * _UNITS[found[2]]


def usable_limits(limits: Mapping[str, int]) -> dict[str, int]:
    """Of the limits that exchangeInfo tells, those that are kept here; nothing but positive ones."""
    kept: dict[str, int] = {}
    for name, limit in limits.items():
        is_interval = _INTERVAL.fullmatch(name.removeprefix(ORDERS)) is not None
        if limit > 0 and (name == WEIGHT or (name.startswith(ORDERS) and is_interval)):
            kept[name] = limit
    return kept
