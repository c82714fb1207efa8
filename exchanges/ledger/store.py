"""Where the ledger's state is kept, so that all processes share it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from exchanges.ledger.domain import Ask, Host, Orders, Settlement, Verdict


class StoreDown(Exception):
    """The store cannot be reached, or does not answer in time. What was asked of it may have been done."""


class Store(Protocol):
    """Each method is one atomic step for all processes, and raises StoreDown and nothing else. `host` is a base URL."""

    def reserve(self, host: str, ask: Ask) -> Verdict:
        """See domain.reserve."""

    def settle(self, host: str, found: Settlement) -> None:
        """See domain.settle."""

    def leave(self, host: str, ticket: str) -> None:
        """See domain.leave."""

    def learn(self, host: str, limits: Mapping[str, int]) -> None:
        """Keep the limits that the host has told, by RateLimit.name."""

    def look(self, host: str) -> tuple[Host, dict[int, Orders]]:
        """All that is known of a host and of its accounts that have placed orders today; as it was last written."""

    def pauses(self, hosts: Sequence[str]) -> dict[str, Host]:
        """Of these hosts, the pause and nothing else."""
