"""What tests of every app share: where the shared data is, and how to do without it."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

from tests.required import must_not_skip

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
IS_SOAK = os.environ.get("SOAK") == "1"


def examples(count: int) -> int:
    """How many examples a search of Hypothesis tries: all of them in `make soak`, a quarter for every change."""
    return count if IS_SOAK else count // 4


def skip_or_fail(reason: str, need: str = "needs_shared") -> NoReturn:
    """Skip the running test because `need` is not met; fail it where REQUIRE_ALL says that it must be."""
    if must_not_skip([need]):
        pytest.fail(f"skipped, and REQUIRE_ALL is set: {reason}", pytrace=False)
    pytest.skip(reason)
