"""Decimal numbers as whole numbers of 64 bits with a common count of decimal places, without losing a digit."""

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Number = Decimal | str | int

MOST = 2**63 - 1
"""The greatest whole number a column holds."""
MOST_PLACES = 18


class CandleError(ValueError):
    """Candles that cannot be kept as they are; the text says what is wrong with them."""


def whole_numbers(rows: Sequence[Sequence[Decimal]], width: int) -> tuple[list[Ints], int]:
    """The columns of `rows` as whole numbers of one scale, and its places: the fewest that keep every digit."""
    places = max((_places(value) for row in rows for value in row), default=0)
    if places > MOST_PLACES:
        raise CandleError(f"a number has {places} decimals; at most {MOST_PLACES} can be kept")
    columns: list[Ints] = []
    for position in range(width):
        column = [_whole(row[position], places) for row in rows]
        if any(abs(value) > MOST for value in column):
            raise CandleError(_too_long(places))
        columns.append(np.array(column, dtype=np.int64))
    return columns, places


def decimal(value: Number) -> Decimal:
    """A finite Decimal, or a CandleError."""
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise CandleError(f"{value!r} is not a number") from None
    if not number.is_finite():
        raise CandleError(f"{value!r} is not a number")
    return number


def _places(value: Decimal) -> int:
    """How many decimals are needed, without trailing zeros."""
    _sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    zeros = 0
    while zeros < len(digits) and digits[-1 - zeros] == 0:
        zeros += 1
    return 0 if zeros == len(digits) else max(0, -exponent - zeros)


def _whole(value: Decimal, places: int) -> int:
    """`value` * 10 ** places, which is whole, whatever the decimal context."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    if value == 0:
        return 0
    if value.adjusted() + places > MOST_PLACES:
        raise CandleError(_too_long(places))
    whole = int("".join(map(str, digits)))
    shift = exponent + places
    whole = whole * 10**shift if shift >= 0 else whole // 10**-shift
    return -whole if sign else whole


def _too_long(places: int) -> str:
    return f"numbers with {places} decimals and so many digits cannot be kept exactly; the greatest whole is {MOST}"


def scaled(column: Ints, more_places: int) -> Ints:
    """The column with so many more places; CandleError where a number would not fit."""
    factor = 10**more_places
    if more_places and len(column) and max(int(column.max()), -int(column.min())) > MOST // factor:
        raise CandleError(_too_long(more_places))
    return column * np.int64(factor) if more_places else column


def trimmed(columns: Iterable[Ints], places: int) -> tuple[list[Ints], int]:
    """The columns without the trailing zeros that all numbers have."""
    columns = list(columns)
    while places and not any(_has_more_than_tens(column) for column in columns):
        columns, places = [column // 10 for column in columns], places - 1
    return columns, places


def _has_more_than_tens(column: Ints) -> bool:
    """Whether any number is no multiple of ten; most often the first few tell."""
    return bool(np.any(column[:64] % 10)) or bool(np.any(column[64:] % 10))


def sums(column: Ints, firsts: npt.NDArray[np.intp], most_terms: int) -> Ints:
    """The sums of the stretches that begin at `firsts`, exact or a CandleError."""
    if max(int(column.max()), -int(column.min())) <= MOST // most_terms:
        sums: Ints = np.add.reduceat(column, firsts)
        return sums
    exact = np.add.reduceat(column.astype(object), firsts).tolist()
    if any(abs(value) > MOST for value in exact):
        raise CandleError("volumes add up to more than can be kept exactly")
    return np.array(exact, dtype=np.int64)
