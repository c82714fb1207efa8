"""When two requests are one."""

import hashlib
import json
from datetime import timedelta

KEPT = timedelta(hours=24)
"""For so long a key gives the same answer again."""

LEASE = timedelta(minutes=10)
"""Whoever has not answered by then has died; no request takes as long."""


def fingerprint(method: str, path: str, body: object) -> str:
    """The same for the same request, whatever the order of its fields. `body` is what JSON or a form gave."""
    text = json.dumps([method, path, body], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
