"""UTC moments in ms since 1970, and how people write them."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def written(moment_ms: int) -> str:
    """`2024-08-05T06:00Z`, with seconds and their fractions only where there are any."""
    moment = _EPOCH + moment_ms * _MILLISECOND
    precision = "minutes" if moment_ms % 60_000 == 0 else "seconds" if moment_ms % 1000 == 0 else "milliseconds"
    return moment.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def parsed(text: str) -> int:
    """A date, or a date and time, in ISO 8601; without an offset it is UTC. ValueError for what is neither.

    Fractions of a millisecond are refused: nothing here is that fine.
    """
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    whole, rest = divmod(moment - _EPOCH, _MILLISECOND)
    if rest:
        raise ValueError(f"{text!r} is finer than a millisecond")
    return whole
