"""Times of an answer in microseconds, for clients that send X-MBX-TIME-UNIT: MICROSECOND."""

from typing import Any

from exchanges.paper.wire import ApiRefusal

HEADER = "X-MBX-TIME-UNIT"
MICROSECOND = ("MICROSECOND", "microsecond")
MILLISECOND = ("MILLISECOND", "millisecond", "")
FIELDS = frozenset(
    {"time", "updateTime", "workingTime", "transactTime", "serverTime", "openTime", "closeTime", "trailingTime", "T"}
)
_KLINE_PATHS = frozenset({"/api/v3/klines", "/api/v3/uiKlines"})
_KLINE_TIMES = (0, 6)


def check_unit(unit: str) -> None:
    """Raise ApiRefusal for a unit that is none."""
    if unit not in (*MICROSECOND, *MILLISECOND):
        raise ApiRefusal(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")


def in_microseconds(path: str, data: Any) -> Any:
    """`data`, an answer of `path` in milliseconds, with every time in microseconds. -1 and 0 stand for no time."""
    if path in _KLINE_PATHS and isinstance(data, list):
        return [[_micro(value) if at in _KLINE_TIMES else value for at, value in enumerate(row)] for row in data]
    return _converted(data)


def _converted(data: Any) -> Any:
    if isinstance(data, dict):
        return {
            name: _micro(value) if name in FIELDS and isinstance(value, int) else _converted(value)
            for name, value in data.items()
        }
    return [_converted(each) for each in data] if isinstance(data, list) else data


def _micro(value: int) -> int:
    return value * 1000 if value > 0 else value
