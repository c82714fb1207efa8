"""Series of values over time: one a day, and fewer of them where there are very many. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

Value = TypeVar("Value")

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Daily(Generic[Value]):
    """The last value of every UTC day, at the day's beginning, without a hole. `repeated`: on how many of the days
    there was no value, so that the last known one stands for it.
    """

    days: tuple[datetime, ...]
    values: tuple[Value, ...]
    repeated: int


def daily(points: Iterable[tuple[datetime, Value]]) -> Daily[Value]:
    """One value a day of `points` (UTC time, value), oldest first. Raises ValueError where they run backwards."""
    days: list[datetime] = []
    values: list[Value] = []
    repeated = 0
    for at, value in points:
        moment = at.astimezone(UTC)
        day = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
        if days and day < days[-1]:
            raise ValueError(f"the points run backwards: {day:%Y-%m-%d} after {days[-1]:%Y-%m-%d}")
        if days and day == days[-1]:
            values[-1] = value
            continue
        while days and days[-1] + _DAY < day:
            days.append(days[-1] + _DAY)
            values.append(values[-1])
            repeated += 1
        days.append(day)
        values.append(value)
    return Daily(tuple(days), tuple(values), repeated)


def thinned(points: Sequence[Value], most: int) -> list[Value]:
    """At most `most` + 1 of `points`, evenly chosen, the first and the last among them. `most` is at least 1."""
    step = max(1, -(-len(points) // most))
    chosen = list(points[::step])
    if points and (len(points) - 1) % step:
        chosen.append(points[-1])
    return chosen
