"""What an operator may make a symbol's filters say: known filters, known fields, values of the right form."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from exchanges.paper.exchange_info import Json, eight, filters
from exchanges.paper.symbols import SymbolSpec

Value = str | int | bool

# Filters that the exchange obeys and no symbol has of itself, with what a field says that is not named.
ADDABLE: tuple[Json, ...] = (
    {"filterType": "PERCENT_PRICE", "multiplierUp": "5", "multiplierDown": "0.2", "avgPriceMins": 5},
    {"filterType": "MIN_NOTIONAL", "minNotional": "0.00000000", "applyToMarket": True, "avgPriceMins": 5},
    {"filterType": "MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders": 5},
    {"filterType": "MAX_POSITION", "maxPosition": "0.00000000"},
)
EXCHANGE: tuple[Json, ...] = (
    {"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 1000},
    {"filterType": "EXCHANGE_MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders": 10_000},
)
"""Filters of the whole exchange, which has none of itself."""
_FIXED = frozenset({"avgPriceMins"})  # the reference price is that of five minutes for every filter


def filter_changes(spec: SymbolSpec, changes: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, Value]]:
    """`changes`, as {"LOT_SIZE": {"stepSize": "0.001"}}, in the forms that exchangeInfo uses.

    Raises ValueError, with a sentence for each problem.
    """
    return _changes({row["filterType"]: row for row in filters(spec)}, ADDABLE, changes)


def exchange_filter_changes(changes: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, Value]]:
    """The same for the filters of the whole exchange, `exchangeFilters`."""
    return _changes({}, EXCHANGE, changes)


def _changes(
    own: Mapping[str, Json], more: Iterable[Json], changes: Mapping[str, Mapping[str, object]]
) -> dict[str, dict[str, Value]]:
    addable = {row["filterType"]: row for row in more}
    made: dict[str, dict[str, Value]] = {}
    problems: list[str] = []
    for name, given in changes.items():
        row = own.get(name) or addable.get(name)
        if row is None:
            problems.append(f"There is no filter {name}; there are {', '.join([*own, *addable])}.")
            continue
        known = {field: value for field, value in row.items() if field != "filterType"}
        made[name] = {} if name in own else dict(known)
        for field, value in given.items():
            if field in _FIXED and str(value) != str(known.get(field)):
                problems.append(f"{name}.{field} is {known.get(field)} here and cannot be changed.")
                continue
            if field not in known:
                problems.append(f"{name} has no {field}; it has {', '.join(known)}.")
                continue
            read = _read(str(value), known[field])
            if read is None:
                problems.append(f"{name}.{field} cannot be {value!r}; it is {known[field]!r} of itself.")
            else:
                made[name][field] = read
    if problems:
        raise ValueError(" ".join(problems))
    return made


def _read(text: str, like: Value) -> Value | None:
    """`text` as a value of the form of `like`: true or false, a count, or an amount; None when it is not one."""
    if isinstance(like, bool):
        return {"true": True, "false": False}.get(text.lower())
    if isinstance(like, int):
        return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,8})?", text):
        return None
    return eight(Decimal(text)) if like == eight(Decimal(like)) else text
