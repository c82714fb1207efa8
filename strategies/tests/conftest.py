"""Fixtures of the tests on random portfolios."""

from pathlib import Path

import pytest

from strategies.tests.random_scenes import RECORDED
from tests.support import skip_or_fail


@pytest.fixture(params=["recorded", "paper"], scope="module")
def source(request: pytest.FixtureRequest) -> Path | None:
    if request.param == "paper":
        return None
    if not RECORDED.exists():
        skip_or_fail("needs ../shared/binance/exchange_info")
    return RECORDED
