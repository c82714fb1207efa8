"""Decimal helpers: exact, plain, and on the grid."""

import re
from decimal import Decimal, Inexact
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botbalance.lib.money import ceil_to_step, exact, floor_to_step, is_multiple, plain, quantize, strip_zeros, wide

amounts = st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1E+20"), max_value=Decimal("1E+20"))
steps = st.decimals(min_value=Decimal("1E-18"), max_value=Decimal("1E+6"), places=18).filter(lambda step: step > 0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1E-5", "0.00001"),
        ("0E-8", "0"),
        ("-0.000", "0"),
        ("-0", "0"),
        ("1E+3", "1000"),
        ("100", "100"),
        ("100.00", "100"),
        ("1.50", "1.5"),
        ("-1.50", "-1.5"),
        ("12345678901234567890.123456789012345678", "12345678901234567890.123456789012345678"),
    ],
)
def test_plain_is_the_shortest_text_without_an_exponent(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


@given(amounts)
def test_plain_says_the_same_number_in_a_form_the_exchange_takes(value: Decimal) -> None:
    text = plain(value)
    assert Decimal(text) == value
    assert re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?", text)
    assert str(strip_zeros(value)) == text or "E" in str(strip_zeros(value))


@given(amounts, steps)
def test_floor_and_ceil_are_the_nearest_multiples_on_either_side(value: Decimal, step: Decimal) -> None:
    low, high = floor_to_step(value, step), ceil_to_step(value, step)
    assert low <= value <= high
    assert is_multiple(low, step)
    assert is_multiple(high, step)
    assert Fraction(value) - Fraction(low) < Fraction(step)
    assert Fraction(high) - Fraction(value) < Fraction(step)


@given(amounts, steps)
def test_a_multiple_is_told_from_what_is_none(value: Decimal, step: Decimal) -> None:
    assert is_multiple(value, step) == (Fraction(value) % Fraction(step) == 0)


@given(amounts)
def test_a_step_of_zero_is_no_grid(value: Decimal) -> None:
    zero = Decimal("0.00000000")
    assert floor_to_step(value, zero) == ceil_to_step(value, zero) == value
    assert is_multiple(value, zero)


def test_what_is_on_the_grid_stays() -> None:
    assert (
        floor_to_step(Decimal("0.3"), Decimal("0.1")) == ceil_to_step(Decimal("0.3"), Decimal("0.1")) == Decimal("0.3")
    )


def test_exact_arithmetic_refuses_to_lose_a_digit() -> None:
    with exact():
        assert Decimal("12345678901234567890.123456789012345678") * Decimal("98765432109876543210.987654321098765432")
        with pytest.raises(Inexact):
            Decimal(1) / Decimal(3)


def test_wide_arithmetic_has_sixty_digits() -> None:
    with wide():
        assert str(Decimal(1) / Decimal(3)) == "0." + "3" * 60


def test_ratios_are_rounded_half_to_even() -> None:
    assert quantize(Decimal("0.125"), 2) == Decimal("0.12")
    assert quantize(Decimal("0.135"), 2) == Decimal("0.14")
