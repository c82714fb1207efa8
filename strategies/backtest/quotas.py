"""How much of a server back-tests may take: read from the settings, each with its default.

BACKTESTS_WAITING_PER_USER    5       queued and running ones of a user together
BACKTESTS_KEPT_PER_USER       200     rows of a user, whatever became of them
BACKTESTS_AT_ONCE             2       that the whole server computes at the same time
BACKTEST_MOST_SECONDS         240     one may take; below CELERY_TASK_TIME_LIMIT, which kills
BACKTEST_MOST_CANDLES         12000000  of all targets together
"""

from django.conf import settings


def waiting_per_user() -> int:
    return int(getattr(settings, "BACKTESTS_WAITING_PER_USER", 5))


def kept_per_user() -> int:
    return int(getattr(settings, "BACKTESTS_KEPT_PER_USER", 200))


def at_once() -> int:
    return int(getattr(settings, "BACKTESTS_AT_ONCE", 2))


def most_seconds() -> int:
    return int(getattr(settings, "BACKTEST_MOST_SECONDS", 240))


def most_candles() -> int:
    return int(getattr(settings, "BACKTEST_MOST_CANDLES", 12_000_000))
