"""When a schedule is due: every so often, or at turns of the calendar. Pure; all times are UTC and aware."""

from datetime import datetime, timedelta
from enum import StrEnum


class Calendar(StrEnum):
    """Turns of the calendar, at midnight UTC: of every day, on Mondays, on the first of a month or of a quarter."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


Every = timedelta | Calendar


def coming_time(scheduled_at: datetime | None, now: datetime, every: Every) -> datetime:
    """The schedule's coming time: no further off than one turn, which may have been made shorter since.

    A schedule that has no time yet begins now.
    """
    nearest = next_time(now, every)
    return nearest if scheduled_at is None else min(scheduled_at, nearest)


def time_after(coming: datetime, now: datetime, every: Every) -> datetime:
    """The first time of the schedule after `now`: it keeps its rhythm, and what was missed is not made up for."""
    if coming > now:
        return coming
    if isinstance(every, Calendar):
        return next_time(now, every)
    return coming + ((now - coming) // every + 1) * every


def next_time(now: datetime, every: Every) -> datetime:
    """One interval from now, or the next turn of the calendar after now."""
    if isinstance(every, timedelta):
        return now + every
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if every is Calendar.DAY:
        return midnight + timedelta(days=1)
    if every is Calendar.WEEK:
        return midnight + timedelta(days=7 - midnight.weekday())
    months = 1 if every is Calendar.MONTH else 3 - (now.month - 1) % 3
    years, month = divmod(now.month - 1 + months, 12)
    return midnight.replace(year=now.year + years, month=month + 1, day=1)
