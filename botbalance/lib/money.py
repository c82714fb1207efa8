"""Exact decimal helpers. Money is Decimal from the wire to the database; no float, no exponent on the wire."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, Inexact, localcontext

ZERO = Decimal(0)
ONE = Decimal(1)
HUNDRED = Decimal(100)

# Wide enough for any product of two exchange numbers (20 + 20 digits) plus sums of them.
EXACT = Context(prec=80, traps=[Inexact])
WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)


@contextmanager
def exact() -> Iterator[None]:
    """Arithmetic that raises decimal.Inexact instead of losing a digit: for ledgers."""
    with localcontext(EXACT):
        yield


@contextmanager
def wide() -> Iterator[None]:
    """Arithmetic with 60 digits: for planning, where divisions cannot be exact."""
    with localcontext(WIDE):
        yield


def floor_to_step(value: Decimal, step: Decimal) -> Decimal:
    """Largest multiple of `step` not above `value`; `step` 0 means no grid."""
    return _to_step(value, step, ROUND_FLOOR)


def ceil_to_step(value: Decimal, step: Decimal) -> Decimal:
    """Smallest multiple of `step` not below `value`; `step` 0 means no grid."""
    return _to_step(value, step, ROUND_CEILING)


def _to_step(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    if step == 0:
        return value
    with localcontext(WIDE):
        return (value / step).to_integral_value(rounding=rounding) * step


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Whether `value` lies on the grid of `step`; `step` 0 means any value does."""
    if step == 0:
        return True
    with localcontext(WIDE):
        return value % step == 0


def plain(value: Decimal) -> str:
    """Shortest positional form, no exponent, no trailing zeros: Decimal('1E-5') -> '0.00001', 0E-8 -> '0'."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text


def strip_zeros(value: Decimal) -> Decimal:
    """The same number without trailing zeros and without a positive exponent, so that equal amounts print alike."""
    return Decimal(plain(value))


def quantize(value: Decimal, places: int) -> Decimal:
    """Rounded half-even to `places` decimals: for display and ratios, never for amounts that are sent."""
    with localcontext(WIDE):
        return value.quantize(Decimal(1).scaleb(-places))
