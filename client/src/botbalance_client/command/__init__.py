"""The command `botbalance`."""

from botbalance_client.command.entry import main

__all__ = ["main"]
