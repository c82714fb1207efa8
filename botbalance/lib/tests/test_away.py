"""A database or a cache that is away is told from a mistake of ours: the one passes, the other does not."""

import pytest
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, InternalError, OperationalError
from redis.exceptions import ConnectionError as RedisConnectionError

from botbalance.lib.api import exception_handler

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("the server closed the connection"),
        InterfaceError("connection already closed"),
        InternalError("cannot execute UPDATE in a read-only transaction"),
        RedisConnectionError("connection refused"),
    ],
)
def test_what_is_away_is_to_be_tried_again(error: Exception) -> None:
    answer = exception_handler(error, {})
    assert answer is not None
    assert (answer.status_code, answer.data["error"]["code"], answer["Retry-After"]) == (503, "away", "5")


@pytest.mark.parametrize("error", [IntegrityError("not unique"), DataError("out of range"), DatabaseError("malformed")])
def test_a_row_that_the_database_refuses_is_no_outage(error: Exception) -> None:
    assert exception_handler(error, {}) is None
