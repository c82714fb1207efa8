"""A client of BotBalance's API.

    from botbalance_client import Client

    with Client("https://botbalance.example.org", token) as client:
        plan = client.plan(7)

Amounts are decimals in strings, times ISO 8601 in UTC, as the server sends them.
"""

from botbalance_client.api import Client, new_key
from botbalance_client.errors import (
    AnswerLost,
    BotBalanceError,
    ConfigError,
    NotUnderstood,
    Refused,
    Unreachable,
)

__all__ = [
    "AnswerLost",
    "BotBalanceError",
    "Client",
    "ConfigError",
    "NotUnderstood",
    "Refused",
    "Unreachable",
    "new_key",
]
