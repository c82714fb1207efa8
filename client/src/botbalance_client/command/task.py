"""What every command is given."""

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

from botbalance_client.api import Client
from botbalance_client.command.screen import Screen, clean
from botbalance_client.shapes import Strategy


class NotChosen(Exception):
    """It is not clear which strategy is meant."""


@dataclass(frozen=True, slots=True)
class Task:
    client: Client
    screen: Screen
    options: Namespace
    state: Path

    def strategy(self) -> Strategy:
        """The one that was named, or the only active one. Raises NotChosen."""
        rows = self.client.strategies()
        named = self.options.strategy
        found = [row for row in rows if (row["id"] == named if named else row["is_active"])]
        if len(found) == 1:
            return found[0]
        known = ", ".join(f"{row['id']} ({clean(row['name'])})" for row in rows) or "none"
        why = f"There is no strategy {named}" if named else "Name one with --strategy"
        raise NotChosen(f"{why}; there are: {known}.")
