"""What tests of every app share: where the shared data is, and when a skip is a failure.

Some tests need something beside the code: files of ../shared, PostgreSQL, Redis, a browser. Where it is absent they are
skipped with a reason, so that `make test` works on any machine. A build server must not pass by skipping:

    REQUIRE_ALL=1                   any such skip fails
    REQUIRE_ALL=needs_shared,redis  only skips of these needs do
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

# Marks of tests that need something a machine may not have, and what that is.
NEEDS = {
    "needs_shared": "files of ../shared",
    "postgres": "the suite to run on PostgreSQL",
    "redis": "a Redis server (REDIS_URL)",
    "e2e": "a real browser",
}


def required() -> frozenset[str]:
    """The needs whose absence is a failure here."""
    wanted = os.environ.get("REQUIRE_ALL", "").strip()
    if wanted in ("", "0"):
        return frozenset()
    if wanted == "1":
        return frozenset(NEEDS)
    names = frozenset(name.strip() for name in wanted.split(",") if name.strip())
    unknown = sorted(names - NEEDS.keys())
    if unknown:
        raise pytest.UsageError(f"REQUIRE_ALL names {', '.join(unknown)}; there are {', '.join(NEEDS)}")
    return names


def must_not_skip(marks: Iterable[str]) -> list[str]:
    """Of a test's marks, the needs that must be met here."""
    return sorted(required().intersection(marks))


def skip_or_fail(reason: str, need: str = "needs_shared") -> NoReturn:
    """Skip the running test because `need` is not met; fail it where it must be."""
    if must_not_skip([need]):
        pytest.fail(f"skipped, and REQUIRE_ALL is set: {reason}", pytrace=False)
    pytest.skip(reason)
