"""What a symbol demands at a moment: its entry of exchangeInfo, and the same as the engine's rules."""

import functools
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal

from exchanges.paper.engine import Rules
from exchanges.paper.exchange_info import Json, symbol_info
from exchanges.paper.market import ControlledMarket
from exchanges.paper.symbols import SYMBOLS, SymbolSpec, split_symbol


def spec_of(symbol: str, symbols: Mapping[str, SymbolSpec]) -> SymbolSpec:
    """The numbers of a symbol, also of one that `symbols` no longer has: its orders must remain cancellable."""
    known = symbols.get(symbol) or SYMBOLS.get(symbol)
    if known is not None:
        return known
    split = split_symbol(symbol)
    if split is None:
        raise LookupError(f"{symbol} is no symbol of any market")
    unit = Decimal(1).scaleb(-8)
    return SymbolSpec(split[0], split[1], unit, unit, unit, Decimal(10) ** 8, Decimal(10) ** 8, 0)


def entry_at(market: ControlledMarket, symbol: str, now_ms: int, *, show_permission_sets: bool = True) -> Json:
    """The symbol's entry of exchangeInfo at this moment."""
    return symbol_info(
        market.symbols[symbol],
        market.status(symbol, now_ms),
        changes=market.filters(symbol, now_ms),
        show_permission_sets=show_permission_sets,
    )


def rules_of(
    symbol: str,
    symbols: Mapping[str, SymbolSpec],
    changes: Mapping[str, Mapping[str, str]] | None = None,
    exchange_filters: Sequence[Json] = (),
) -> Rules:
    """The rules of a symbol under an operator's `changes` to its filters, and the filters of the whole exchange."""
    texts = (json.dumps(each, sort_keys=True) for each in (changes or {}, list(exchange_filters)))
    return _rules(spec_of(symbol, symbols), *texts)


@functools.lru_cache(maxsize=2048)
def _rules(spec: SymbolSpec, changes: str, exchange_filters: str) -> Rules:
    entry = symbol_info(spec, "TRADING", changes=json.loads(changes))
    return Rules.of(entry, spec.step, json.loads(exchange_filters))
