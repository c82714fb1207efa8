"""Fields read a number as pages write it, in either language, and never take it for another."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from botbalance.lib import numbers
from strategies.forms import FigureField, PercentField
from strategies.models import Strategy

LANGUAGES = st.sampled_from(("en", "ru"))


@given(st.decimals(min_value=0, max_value=10**12, places=8), LANGUAGES)
def test_an_amount_that_was_copied_from_a_page(value: Decimal, language: str) -> None:
    with translation.override(language):
        written = numbers.amount(value)
        try:
            read = FigureField().clean(written)
        except ValidationError:
            assert language == "en"
            assert numbers.could_be_two(written)
        else:
            assert read == value


@given(st.decimals(min_value=-100, max_value=100, places=4), LANGUAGES)
def test_a_percentage_that_was_copied_from_a_page(value: Decimal, language: str) -> None:
    with translation.override(language):
        assert PercentField().clean(numbers.amount(value)) == value


@given(st.decimals(min_value=0, max_value=10**12, places=8), LANGUAGES)
def test_what_a_field_itself_shows(value: Decimal, language: str) -> None:
    with translation.override(language):
        assert FigureField().clean(str(FigureField().prepare_value(f"{value:f}"))) == value


@pytest.mark.parametrize("typed", ["1,234", "12,345"])
def test_in_english_a_thousand_is_not_taken_for_one(typed: str) -> None:
    with pytest.raises(ValidationError):
        FigureField().clean(typed)
    with translation.override("ru"):
        assert FigureField().clean(typed) == Decimal(typed.replace(",", "."))


def test_a_limit_is_told_in_the_language_of_its_reader() -> None:
    field = Strategy._meta.get_field("min_delta_pct")
    with translation.override("ru"), pytest.raises(ValidationError, match=r"0,05"):
        field.clean(Decimal("0.01"), None)
    with pytest.raises(ValidationError, match=r"0\.05"):
        field.clean(Decimal("0.01"), None)
