"""What is paid into a back-tested account and out of it. Pure."""

from collections.abc import Iterable
from decimal import Decimal

from botbalance.lib.money import ZERO
from strategies.backtest.engine.book import Book
from strategies.backtest.engine.result import PaidFlow
from strategies.backtest.engine.scenario import Flow


class Cashier:
    """Pays the flows of a scenario when they are due.

    A withdrawal in the quote that the free quote does not cover is `owed`: what comes free pays it first. One of a coin
    pays what is free of it, and that is all.
    """

    def __init__(self, book: Book, flows: Iterable[Flow]) -> None:
        self.book = book
        self.coming = sorted(flows, key=lambda flow: (flow.at_ms, flow.asset))[::-1]  # of one moment as they are given
        self.owed = ZERO
        self.paid: list[PaidFlow] = []

    @property
    def next_ms(self) -> int | None:
        """When the next flow is due; None when there is none."""
        return self.coming[-1].at_ms if self.coming else None

    def pay(self, row: int, now_ms: int) -> bool:
        """Pay what is due at a row, and what is owed as far as it can be. True when something was paid in."""
        if not self.coming and not self.owed:
            return False
        quote, paid_in = self.book.quote, False
        while self.coming and self.coming[-1].at_ms <= now_ms:
            flow = self.coming.pop()
            if flow.amount > 0:
                self._move(row, flow.asset, flow.amount)
                paid_in = True
            elif flow.asset == quote:
                self.owed -= flow.amount
            else:
                self._move(row, flow.asset, max(flow.amount, -max(self.book.free(flow.asset), ZERO)))
        payable = min(self.owed, max(self.book.free(quote), ZERO))
        self.owed -= payable
        self._move(row, quote, -payable)
        return paid_in

    def _move(self, row: int, asset: str, amount: Decimal) -> None:
        if amount:
            self.book.move(asset, amount)
            self.paid.append(PaidFlow(row, asset, amount))
