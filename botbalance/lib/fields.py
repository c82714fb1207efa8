"""Model fields."""

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from botbalance.lib.money import strip_zeros


class MoneyField(models.DecimalField):
    """Decimal kept to the last digit on every database: NUMERIC(38, 18), and text on SQLite.

    SQLite gives a DECIMAL column numeric affinity and so keeps about 15 significant digits; a balance can have more.
    Do not add or compare such columns in SQL: it would compare text on SQLite. Values are read without trailing zeros.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 38)
        kwargs.setdefault("decimal_places", 18)
        super().__init__(*args, **kwargs)

    def get_internal_type(self) -> str:
        return "MoneyField"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        if connection.vendor == "sqlite":
            return "text"
        return f"numeric({self.max_digits}, {self.decimal_places})"

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        value = self.to_python(value)
        if value is None:
            return None
        quantized = value.quantize(Decimal(1).scaleb(-self.decimal_places), context=self.context)
        return f"{quantized:f}" if connection.vendor == "sqlite" else quantized

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Decimal | None:
        return None if value is None else strip_zeros(Decimal(value))
