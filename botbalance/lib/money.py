"""Exact decimal helpers. Money is Decimal from the wire to the database; no float, no exponent on the wire."""

from contextlib import AbstractContextManager
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, localcontext

ZERO = Decimal(0)
ONE = Decimal(1)
HUNDRED = Decimal(100)

# Wide enough for any product of two exchange numbers (20 + 20 digits) plus sums of them.
EXACT = Context(prec=80, traps=[Inexact])
WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)


def exact() -> AbstractContextManager[Context]:
    """Arithmetic that raises decimal.Inexact instead of losing a digit: for ledgers."""
    return localcontext(EXACT)


def wide() -> AbstractContextManager[Context]:
    """Arithmetic with 60 digits: for planning, where divisions cannot be exact."""
    return localcontext(WIDE)


def floor_to_step(value: Decimal, step: Decimal) -> Decimal:
    """Largest multiple of `step` not above `value`; `step` 0 means no grid."""
    if not step:
        return value
    # Methods of a context, not operators in one: entering a context costs more than all of the arithmetic.
    truncated = WIDE.multiply(WIDE.divide_int(value, step), step)
    return truncated if truncated <= value else WIDE.subtract(truncated, step)


def ceil_to_step(value: Decimal, step: Decimal) -> Decimal:
    """Smallest multiple of `step` not below `value`; `step` 0 means no grid."""
    if not step:
        return value
    truncated = WIDE.multiply(WIDE.divide_int(value, step), step)
    return truncated if truncated >= value else WIDE.add(truncated, step)


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Whether `value` lies on the grid of `step`; `step` 0 means any value does."""
    return not step or not WIDE.remainder(value, step)


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
    return value.quantize(Decimal(1).scaleb(-places), context=WIDE)
