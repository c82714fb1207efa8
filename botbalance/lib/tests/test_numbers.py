"""Numbers are written as the reader's language does, whole and exact, and a form reads back what a page has written."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.utils import translation
from hypothesis import assume, given
from hypothesis import strategies as st

from botbalance.lib import numbers

D = Decimal
SPACE = "\N{NO-BREAK SPACE}"
LANGUAGES = ("en", "ru")
# Twelve digits before the point and eighteen behind it are what a balance can have.
AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=18, allow_nan=False)


def spaced(text: str) -> str:
    return text.replace(" ", SPACE)


@pytest.mark.parametrize(
    ("value", "english", "russian"),
    [
        ("0", "0", "0"),
        ("0E-8", "0", "0"),
        ("999", "999", "999"),
        ("1000", "1,000", "1 000"),
        ("1234.5600", "1,234.56", "1 234,56"),
        ("-1234.5", "−1,234.5", "−1 234,5"),
        ("0.00000001", "0.00000001", "0,00000001"),
        ("1E+5", "100,000", "100 000"),
        ("123456789012.12345678", "123,456,789,012.12345678", "123 456 789 012,12345678"),
        ("0.123456789012345678", "0.123456789012345678", "0,123456789012345678"),
    ],
)
def test_an_amount_is_exact_and_grouped(value: str, english: str, russian: str) -> None:
    assert numbers.amount(D(value)) == english
    with translation.override("ru"):
        assert numbers.amount(D(value)) == spaced(russian)


@pytest.mark.parametrize(
    ("value", "english", "russian"),
    [
        ("0", "0.00", "0,00"),
        ("12345.678", "12,345.68", "12 345,68"),
        ("-0.5", "−0.50", "−0,50"),
        ("0.12345678", "0.1235", "0,1235"),
        ("0.00000001", "0.00000001", "0,00000001"),
        ("0.000000012345", "0.00000001234", "0,00000001234"),
        ("0.99999", "1.00", "1,00"),
        ("-0.0000000000001", "0.00", "0,00"),
        ("123456789012.345", "123,456,789,012.34", "123 456 789 012,34"),
    ],
)
def test_money_has_two_decimals_or_four_digits_that_count(value: str, english: str, russian: str) -> None:
    assert numbers.money(D(value)) == english
    with translation.override("ru"):
        assert numbers.money(D(value)) == spaced(russian)


@pytest.mark.parametrize(
    ("write", "value", "english", "russian"),
    [
        (numbers.percent, "12.3456", "12.35%", "12,35 %"),
        (numbers.percent, "-1234", "−1,234.00%", "−1 234,00 %"),
        (numbers.exact_percent, "12.5000", "12.5%", "12,5 %"),
        (numbers.signed_percent, "1.2", "+1.20%", "+1,20 %"),
        (numbers.signed_percent, "-0.3", "−0.30%", "−0,30 %"),
        (numbers.signed_percent, "-0.001", "0.00%", "0,00 %"),
        (numbers.count, "1234567", "1,234,567", "1 234 567"),
    ],
)
def test_percentages_and_counts(write: Callable[[Decimal], str], value: str, english: str, russian: str) -> None:
    assert write(D(value)) == english
    with translation.override("ru"):
        assert write(D(value)) == spaced(russian)


@pytest.mark.parametrize("name", ["amount", "count", "exact_percent", "money", "percent", "signed_percent"])
def test_templates_have_filters_of_the_same_names(name: str) -> None:
    template = f"{{{{ value|{name} }}}}, {{{{ nothing|{name} }}}}"
    shown = Template(template).render(Context({"value": D(12), "nothing": None}))
    assert shown == f"{getattr(numbers, name)(D(12))}, –"


def test_a_sentence_is_filled_in_the_language_it_is_read_in() -> None:
    kept = {
        "asset": "1INCH",
        "drift": "-1234.50",
        "count": "12000",
        "at": "2026-03-02T10:00:00+00:00",
        "version": "1.2.3",
    }
    same = {name: kept[name] for name in ("asset", "at", "version")}
    assert numbers.in_words(kept) == {**same, "drift": "−1,234.50", "count": "12,000"}
    with translation.override("ru"):
        assert numbers.in_words(kept) == {**same, "drift": spaced("−1 234,50"), "count": spaced("12 000")}


@given(AMOUNTS, st.sampled_from(LANGUAGES))
def test_what_is_written_is_read_back(value: Decimal, language: str) -> None:
    with translation.override(language):
        written = numbers.amount(value)
        assume(not numbers.could_be_two(written))
        assert D(numbers.typed(written)) == value


@given(AMOUNTS)
def test_in_russian_no_number_could_be_two(value: Decimal) -> None:
    with translation.override("ru"):
        assert not numbers.could_be_two(numbers.amount(value))


@given(AMOUNTS, st.sampled_from(LANGUAGES))
def test_a_number_does_not_break_between_lines(value: Decimal, language: str) -> None:
    with translation.override(language):
        assert " " not in numbers.exact_percent(value)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("1234.56", "1234.56"),
        ("1234,56", "1234.56"),
        ("1 234,56", "1234.56"),
        ("1\N{NARROW NO-BREAK SPACE}234.56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1,234,567", "1234567"),
        ("1.234", "1.234"),
        ("0,001", "0.001"),
        ("−0,5", "-0.5"),
        ("1.234,56", "1.234,56"),
        ("1,23,456", "1,23,456"),
        ("lots", "lots"),
    ],
)
def test_what_people_type(typed: str, read: str) -> None:
    assert numbers.typed(typed) == read


@pytest.mark.parametrize(
    ("typed", "english"), [("1,234", True), ("-12,345", True), ("1,23", False), ("0,123", False), ("1.234", False)]
)
def test_a_comma_that_could_be_either(typed: str, english: bool) -> None:
    assert numbers.could_be_two(typed) == english
    with translation.override("ru"):
        assert not numbers.could_be_two(typed)
