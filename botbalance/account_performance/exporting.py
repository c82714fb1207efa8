"""Tax lots as files: decimals as plain strings, times in ISO 8601 UTC."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from botbalance.account_performance.tax_lots import AccountLots
from botbalance.lib.csv_files import safe
from botbalance.lib.money import plain
from portfolio.performance.lots import ClosedLot, Method, OpenLot

COLUMNS = (
    "lot",
    "asset",
    "quantity",
    "acquired_at",
    "cost",
    "disposed_at",
    "kind",
    "proceeds",
    "gain",
    "held_days",
    "basis",
    "estimated",
    "fee_unvalued",
    "reference",
    "currency",
)
HELD = "held"
# What others have named; the rest are numbers, times and words of ours.
FOREIGN = frozenset({"asset", "reference", "currency"})


def closed_within(lots: AccountLots, year: int | None) -> list[ClosedLot]:
    """Lots closed in a calendar year (UTC), or all of them."""
    return [line for line in lots.closed if year is None or line.disposed_at.year == year]


def years_of(lots: AccountLots) -> list[int]:
    """The calendar years (UTC) in which lots were closed, newest first."""
    return sorted({line.disposed_at.year for line in lots.closed}, reverse=True)


def lots_body(lots: AccountLots, method: Method, year: int | None, currency: str) -> dict[str, Any]:
    """What closed in the year, and what is held now, as JSON."""
    history = lots.history
    return {
        "method": method.value,
        "year": year,
        "currency": currency,
        "as_of": None if lots.as_of is None else lots.as_of.isoformat(),
        "breaks": [at.isoformat() for at in history.breaks],
        "unvalued_fees": lots.unvalued_fees,
        "closed": [_closed(line) for line in closed_within(lots, year)],
        "held": [_held(lot) for lot in lots.open],
    }


def lots_csv(lots: AccountLots, year: int | None, currency: str) -> str:
    """The same as CSV: a line for every lot that closed in the year; without a year also what is held, at the end."""
    rows = [_closed(line) for line in closed_within(lots, year)]
    if year is None:
        rows += [_held(lot) for lot in lots.open]
    return as_csv([{**row, "currency": currency} for row in rows])


def as_csv(rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(name, value) for name, value in row.items()})
    return text.getvalue()


def _cell(name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in FOREIGN:
        return safe(value)
    return "" if value is None else value


def _closed(line: ClosedLot) -> dict[str, Any]:
    return {
        "lot": line.lot,
        "asset": line.asset,
        "quantity": plain(line.quantity),
        "acquired_at": None if line.acquired_at is None else line.acquired_at.isoformat(),
        "cost": None if line.cost is None else plain(line.cost),
        "disposed_at": line.disposed_at.isoformat(),
        "kind": line.kind.value,
        "proceeds": None if line.proceeds is None else plain(line.proceeds),
        "gain": None if line.gain is None else plain(line.gain),
        "held_days": None if line.held_for is None else line.held_for.days,
        "basis": line.basis.value,
        "estimated": line.is_estimated,
        "fee_unvalued": line.fee_unvalued,
        "reference": line.reference,
    }


def _held(lot: OpenLot) -> dict[str, Any]:
    return {
        "lot": lot.lot,
        "asset": lot.asset,
        "quantity": plain(lot.quantity),
        "acquired_at": lot.acquired_at.isoformat(),
        "cost": None if lot.cost is None else plain(lot.cost),
        "kind": HELD,
        "basis": lot.basis.value,
        "estimated": lot.is_estimated,
        "fee_unvalued": lot.fee_unvalued,
        "reference": lot.reference,
    }
