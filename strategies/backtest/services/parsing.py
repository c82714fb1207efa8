"""Single values of what is asked for, from texts or as they are; whatever is wrong is kept, to be said per field."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from botbalance.lib.errors import Invalid
from botbalance.lib.money import ZERO, plain
from botbalance.lib.numbers import amount
from exchanges.candles import moments
from strategies.backtest.domain import moment_of, ms_of

_LARGEST = Decimal(10) ** 15
_FURTHEST_DIGIT = 40

Word = TypeVar("Word", bound=StrEnum)


class Parser:
    """Reads `values` by their names. What it returns for a wrong one is of no use: `stop_if_wrong` raises Invalid."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.wrong: dict[str, list[str]] = {}

    def refuse(self, name: str, text: str) -> None:
        self.wrong.setdefault(name, []).append(text)

    def stop_if_wrong(self) -> None:
        if self.wrong:
            raise Invalid(_("Some fields need your attention."), fields=self.wrong)

    def number(self, name: str, low: Decimal, high: Decimal, places: int = 8) -> Decimal:
        found = self.decimal(name, self.values[name], places)
        if found is not None and not low <= found <= high:
            self.refuse(name, _("From %(low)s to %(high)s.") % {"low": amount(low), "high": amount(high)})
        return found or ZERO

    def optional(self, name: str, low: Decimal, high: Decimal) -> Decimal | None:
        """A number, or none where it is left empty."""
        return None if self.values[name] in (None, "") else self.number(name, low, high)

    def decimal(self, name: str, value: Any, places: int = 18, *, largest: Decimal = _LARGEST) -> Decimal | None:
        """A number of no more than so many decimals, and not beyond all bounds."""
        try:
            number = Decimal(str(value).strip())
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite():
            self.refuse(name, _("%(value)s is not a number.") % {"value": str(value)[:40]})
            return None
        # 1E+999999999 is a number too; nothing may be worked out of it, not even where it ends.
        is_long = abs(number.adjusted()) > _FURTHEST_DIGIT or abs(number) > largest
        if is_long or -int(number.normalize().as_tuple().exponent) > places:
            self.refuse(name, _("%(value)s is too long a number.") % {"value": str(value)[:40]})
            return None
        return Decimal(plain(number))

    def word(self, name: str, words: type[Word]) -> Word:
        try:
            return words(str(self.values[name]))
        except ValueError:
            known = ", ".join(word.value for word in words)
            self.refuse(name, _("Choose one of %(known)s.") % {"known": known})
            return next(iter(words))

    def flag(self, name: str) -> bool:
        value = self.values[name]
        if not isinstance(value, bool):
            self.refuse(name, _("Say true or false."))
        return bool(value)

    def moment(self, name: str, value: Any) -> int | None:
        try:
            if isinstance(value, datetime):
                return ms_of(value if value.tzinfo else value.replace(tzinfo=UTC))
            found = moments.parsed(str(value).strip())
            moment_of(found)
        except (ValueError, OverflowError):
            self.refuse(name, _("A date, or a date and time in UTC, like 2024-01-01 or 2024-01-01T06:00."))
            return None
        return found
