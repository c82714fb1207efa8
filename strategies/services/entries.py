"""A row of a strategy's targets as its owner gives it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from botbalance.lib.money import ZERO
from strategies.domain import Target
from strategies.models import Allocation, Strategy


@dataclass(frozen=True, slots=True)
class Entry:
    """An asset with its weight in percent; None: the strategy's model is to say. `market_cap` is a typed figure,
    `coin_id` names the coin at the source of market capitalisations; both are for that model alone. Where the row
    `keeps_figures` they are what they were. `keep` is a quantity that is never sold; None: as it was.
    """

    asset: str
    weight_pct: Decimal | None
    market_cap: Decimal | None = None
    coin_id: str = ""
    keeps_figures: bool = False
    keep: Decimal | None = None

    @property
    def target(self) -> Target:
        return Target(self.asset, ZERO if self.weight_pct is None else self.weight_pct, self.keep or ZERO)


def entries_of(strategy: Strategy) -> list[Entry]:
    """The rows as they are stored, largest weight first."""
    rows = strategy.allocations.all()
    return [Entry(row.asset, row.weight_pct, row.market_cap, row.coin_id, keep=row.keep) for row in rows]


def given_entries(given: Sequence[Target | Entry], known: Iterable[Entry] = ()) -> list[Entry]:
    """Rows as they are to be: a plain target keeps what is known of its asset besides the weight."""
    before = {entry.asset: entry for entry in known}
    rows = []
    for row in given:
        if isinstance(row, Target) or row.keeps_figures:
            old = before.get(row.asset)
            figures = (None, "") if old is None else (old.market_cap, old.coin_id)
            kept = row.keep if isinstance(row, Entry) else None
            rows.append(Entry(row.asset, row.weight_pct, *figures, keep=_kept(kept, old)))
        else:
            rows.append(replace(row, keep=_kept(row.keep, before.get(row.asset))))
    return rows


def _kept(given: Decimal | None, old: Entry | None) -> Decimal:
    """What is never sold of an asset: as given, or as it was."""
    if given is not None:
        return given
    return ZERO if old is None or old.keep is None else old.keep


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
            keep=entry.keep or ZERO,
        )
        for entry in entries
    )
