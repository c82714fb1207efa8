"""The shared cache, for what can be had again: a cache that does not answer is an empty one, and says so in the log."""

import logging
from typing import Any

from django.core.cache import cache
from django.db import DatabaseError
from redis.exceptions import RedisError

from botbalance.lib.clock import now_ms

logger = logging.getLogger(__name__)

UNREACHABLE = (RedisError, DatabaseError, OSError)


def recall(key: str) -> Any:
    """What is kept under the key, None where there is nothing."""
    try:
        return cache.get(key)
    except UNREACHABLE as error:
        _say(error)
        return None


def remember(key: str, value: Any, seconds: int) -> None:
    """Keep a value for so long."""
    try:
        cache.set(key, value, seconds)
    except UNREACHABLE as error:
        _say(error)


def first(key: str, seconds: int) -> bool:
    """Whether nobody has said so within the last seconds of our clock. Where nothing can be kept everybody is first."""
    now = now_ms()
    try:
        if cache.add(key, now, seconds):
            return True
        since: int | None = cache.get(key)
        if since is not None and abs(now - since) < seconds * 1000:
            return False
        cache.set(key, now, seconds)  # over by our clock, or from before it was set back
    except UNREACHABLE as error:
        _say(error)
    return True


def mark(key: str, seconds: int) -> None:
    """Say something that holds for the next seconds of our clock; `is_marked` tells."""
    remember(key, now_ms() + seconds * 1000, seconds)


def is_marked(key: str) -> bool:
    """Whether what was marked still holds. Where nothing can be kept it does not."""
    until: int | None = recall(key)
    return until is not None and now_ms() < until


def forget(key: str) -> None:
    try:
        cache.delete(key)
    except UNREACHABLE as error:
        _say(error)


def _say(error: Exception) -> None:
    logger.warning("the shared cache does not answer: %s", type(error).__name__)
