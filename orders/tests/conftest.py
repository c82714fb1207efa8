from collections.abc import Iterator

import pytest
import time_machine

from orders.tests.scenes import START


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still until it is moved; the market moves with it."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller
