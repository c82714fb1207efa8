"""What an API token looks like, and what is kept of it."""

import hashlib
from datetime import datetime, timedelta

PREFIX = "bb"
"""Tokens begin with it, so that one left in a log or a repository is found by programs that look for such."""

LAST_USE_STEP = timedelta(minutes=1)
"""When a token was last used is known this closely: it is not written at every request."""


def key_of(public: str) -> str:
    """The part of a token by which it is named; whoever has only this cannot use it."""
    return f"{PREFIX}_{public}"


def digest_of(token: str) -> str:
    """What is kept of a token. It has 192 random bits, so a plain hash of it cannot be turned back."""
    return hashlib.sha512(token.encode()).hexdigest()


def is_worth_noting(last_used_at: datetime | None, now: datetime) -> bool:
    """Whether a use at `now` is written down; also after a clock was set back."""
    return last_used_at is None or abs(now - last_used_at) >= LAST_USE_STEP
