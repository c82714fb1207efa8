"""Candles and rules of symbols that trade two coins of a back-test for each other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from exchanges.candles import store
from exchanges.candles.columns import CandleColumns
from exchanges.candles.store import CandlesMissing
from exchanges.domain import ExchangeInfo, SymbolRules
from strategies.backtest.domain import RunSettings, rules_for_the_past
from strategies.backtest.services.coverage import stored_for

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class DirectPairs:
    """Candles by (base, counter) and the rules of their symbols. `missing`: symbols the exchange has and of which there
    are no candles in that time.
    """

    columns: Mapping[Pair, CandleColumns] = field(default_factory=dict)
    rules: tuple[SymbolRules, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(sorted(rules.symbol for rules in self.rules))


def load(settings: RunSettings, assets: Iterable[str], known: ExchangeInfo) -> DirectPairs:
    """What is there of direct pairs between these assets; nothing where the settings do not use them.

    Raises CandlesUnreadable for a damaged file.
    """
    if not settings.direct_pairs:
        return DirectPairs()
    names = sorted(assets)
    listed = {
        rules.symbol: rules for base in names for counter in names if (rules := known.pair(base, counter)) is not None
    }
    stored = stored_for(list(listed), settings.interval)
    columns: dict[Pair, CandleColumns] = {}
    found: list[SymbolRules] = []
    for symbol in sorted(stored):
        try:
            column = store.load([symbol], settings.interval, settings.from_ms, settings.to_ms)[symbol]
        except CandlesMissing:
            continue
        rules = listed[symbol]
        columns[rules.base, rules.quote] = column
        found.append(rules_for_the_past(rules, column.price_places))
    missing = listed.keys() - {rules.symbol for rules in found}
    return DirectPairs(columns, tuple(found), tuple(sorted(missing)))


def told(notes: Mapping[str, Any]) -> list[str]:
    """What a reader must know of direct pairs, of the notes of a back-test as they are kept; nothing where not used."""
    simulated = notes.get("direct_pairs")
    if simulated is None:
        return []
    found = []
    if simulated:
        text = _("Direct pairs that could be traded: %(symbols)s. Their spread was taken to be that of all others.")
        found.append(text % {"symbols": ", ".join(simulated)})
    else:
        found.append(_("Direct pairs were not simulated: there are no candles, or no rules, of any."))
    if notes["direct_missing"]:
        text = _("There are no candles of %(symbols)s in that time: nothing was traded on it directly.")
        found.append(text % {"symbols": ", ".join(notes["direct_missing"])})
    return found
