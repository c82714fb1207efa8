"""The stretches of time that candles and windows have: fixed lengths, calendar months, time zones of whole minutes."""

import re
from datetime import UTC, datetime, timedelta

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"s": 1000, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}
MONTH = "1M"
INTERVALS = (
    "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", MONTH,
)  # fmt: skip
_MONDAY_MS = 4 * DAY_MS  # the epoch was a Thursday
_ZONE = re.compile(r"([+-]?)([0-9]{1,2})(?::([0-9]{2}))?")
_WINDOW = re.compile(r"([1-9][0-9]?)([mhd])")
_LONGEST_WINDOW = {"m": 59, "h": 23, "d": 7}


def zone_ms(text: str) -> int | None:
    """The offset of a time zone like `8`, `-1:00` or `05:45` in ms; None in another form or beyond -12:00 .. +14:00."""
    found = _ZONE.fullmatch(text)
    if found is None:
        return None
    sign, hours, minutes = found[1], int(found[2]), int(found[3] or 0)
    offset = (hours * HOUR_MS + minutes * MINUTE_MS) * (-1 if sign == "-" else 1)
    return offset if minutes < 60 and -12 * HOUR_MS <= offset <= 14 * HOUR_MS else None


def window_ms(text: str) -> int | None:
    """The length of a window of 1m..59m, 1h..23h or 1d..7d in ms; None for any other."""
    found = _WINDOW.fullmatch(text)
    if found is None or int(found[1]) > _LONGEST_WINDOW[found[2]]:
        return None
    return int(found[1]) * _UNITS[found[2]]


class Grid:
    """The opening times of an interval's candles in one time zone, counted by whole numbers."""

    def __init__(self, interval: str, offset_ms: int = 0) -> None:
        self._is_month = interval == MONTH
        self._offset = offset_ms
        self._length = 0 if self._is_month else int(interval[:-1]) * _UNITS[interval[-1]]
        self._anchor = _MONDAY_MS if interval.endswith("w") else 0

    def number(self, moment_ms: int) -> int:
        """The number of the candle that a moment falls into."""
        local = moment_ms + self._offset
        if not self._is_month:
            return (local - self._anchor) // self._length
        date = _EPOCH + timedelta(milliseconds=local)
        return date.year * 12 + date.month - 1

    def opens(self, number: int) -> int:
        """The opening time of a candle in ms."""
        if not self._is_month:
            return number * self._length + self._anchor - self._offset
        local = datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC) - _EPOCH
        return local // timedelta(milliseconds=1) - self._offset

    def first_from(self, moment_ms: int) -> int:
        """The number of the first candle that opens at or after a moment."""
        number = self.number(moment_ms)
        return number if self.opens(number) == moment_ms else number + 1
