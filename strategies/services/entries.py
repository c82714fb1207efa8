"""A row of a strategy's targets as its owner gives it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from botbalance.lib.money import ZERO
from strategies.domain import Target
from strategies.models import Allocation, Strategy


@dataclass(frozen=True, slots=True)
class Entry:
    """An asset with its weight in percent; None: the strategy's model is to say. `market_cap` is a typed figure,
    `coin_id` names the coin at the source of market capitalisations; both are for that model alone. Where the row
    `keeps_figures` they are what they were.
    """

    asset: str
    weight_pct: Decimal | None
    market_cap: Decimal | None = None
    coin_id: str = ""
    keeps_figures: bool = False

    @property
    def target(self) -> Target:
        return Target(self.asset, ZERO if self.weight_pct is None else self.weight_pct)


def entries_of(strategy: Strategy) -> list[Entry]:
    """The rows as they are stored, largest weight first."""
    return [Entry(row.asset, row.weight_pct, row.market_cap, row.coin_id) for row in strategy.allocations.all()]


def given_entries(given: Sequence[Target | Entry], known: Iterable[Entry] = ()) -> list[Entry]:
    """Rows as they are to be: a plain target keeps what is known of its asset besides the weight."""
    before = {entry.asset: entry for entry in known}
    rows = []
    for row in given:
        if isinstance(row, Target) or row.keeps_figures:
            old = before.get(row.asset)
            figures = (None, "") if old is None else (old.market_cap, old.coin_id)
            rows.append(Entry(row.asset, row.weight_pct, *figures))
        else:
            rows.append(row)
    return rows


def write_entries(strategy: Strategy, entries: Iterable[Entry]) -> None:
    """Store the rows in place of those there are. Inside a transaction."""
    strategy.allocations.all().delete()
    Allocation.objects.bulk_create(
        Allocation(
            strategy=strategy,
            asset=entry.asset,
            weight_pct=entry.target.weight_pct,
            market_cap=entry.market_cap,
            coin_id=entry.coin_id,
        )
        for entry in entries
    )
