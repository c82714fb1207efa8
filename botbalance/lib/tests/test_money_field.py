"""MoneyField keeps every digit on whatever database the tests run on."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from botbalance.lib.models import SystemSettings
from tests.support import examples

pytestmark = pytest.mark.django_db


def stored(value: Decimal | None) -> Decimal | None:
    SystemSettings.objects.update_or_create(pk=1, defaults={"paper_start_balance": value})
    return SystemSettings.objects.values_list("paper_start_balance", flat=True).get(pk=1)


@pytest.mark.parametrize(
    "text",
    [
        "99999999999999999999.999999999999999999",
        "-99999999999999999999.999999999999999999",
        "12345678901234567890.123456789012345678",
        "0.000000000000000001",
        "0",
        "10000",
        "0.1",
    ],
)
def test_all_38_digits_come_back(text: str) -> None:
    value = stored(Decimal(text))
    assert value == Decimal(text)
    assert str(value) == text or "E" in str(value)


@given(st.decimals(min_value=Decimal("-1E+20") + 1, max_value=Decimal("1E+20") - 1, places=18))
@hypothesis_settings(
    max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_amount_comes_back_as_it_was(value: Decimal) -> None:
    assert stored(value) == value


def test_amounts_are_read_without_trailing_zeros() -> None:
    assert str(stored(Decimal("10.500000"))) == "10.5"
    assert str(stored(Decimal("1E+3"))) == "1000"


def test_nothing_is_nothing() -> None:
    assert stored(None) is None


def test_a_row_is_found_by_its_exact_amount() -> None:
    stored(Decimal("12345678901234567890.123456789012345678"))
    rows = SystemSettings.objects
    assert rows.filter(paper_start_balance=Decimal("12345678901234567890.123456789012345678")).exists()
    assert rows.filter(paper_start_balance=Decimal("12345678901234567890.1234567890123456780")).exists()
    assert not rows.filter(paper_start_balance=Decimal("12345678901234567890.123456789012345679")).exists()


@pytest.mark.parametrize("bad", [Decimal("NaN"), Decimal("Infinity"), float("nan"), "abc", "1e400"])
def test_what_is_no_amount_is_never_stored(bad: object) -> None:
    with pytest.raises((ValidationError, ArithmeticError)):
        stored(bad)  # type: ignore[arg-type]


def test_the_column_is_exact() -> None:
    column_type = SystemSettings._meta.get_field("paper_start_balance").db_type(connection)
    assert column_type == ("text" if connection.vendor == "sqlite" else "numeric(38, 18)")
