"""Numbers as people read them, in the language that is spoken: 1,234.56 and 12.5% in English, 1 234,56 and 12,5 % in
Russian. Never in scientific notation, and no line breaks within a number.

For pages, messages and sentences only: files, the API's fields, attributes that programs read, and what is kept or sent
stay as `money.plain` writes them. Sentences are kept as codes with plain values, which `in_words` writes when they are
read.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from django.conf import settings
from django.utils import translation
from django.utils.formats import get_format
from django.utils.translation import pgettext

from botbalance.lib.money import plain, quantize

NONE = "–"
MINUS = "\N{MINUS SIGN}"
MOST_PLACES = 12
_PLAIN = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_BY_COMMAS = re.compile(r"-?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?", re.ASCII)


class Style(NamedTuple):
    """How a language writes numbers: what is between thousands, before decimals, and around a percentage."""

    group: str
    point: str
    percent: str


@cache
def _style_of(language: str) -> Style:
    # By Django's formats. Its own `number_format` takes twice as long, and a page has hundreds of numbers.
    group, point = (get_format(name, language) for name in ("THOUSAND_SEPARATOR", "DECIMAL_SEPARATOR"))
    with translation.override(language):
        return Style(group, point, pgettext("a percentage", "%(number)s%%"))


def _style() -> Style:
    return _style_of(translation.get_language() or settings.LANGUAGE_CODE)


def number(value: Decimal | int) -> str:
    """Grouped, with the decimals it has."""
    style = _style()
    size = f"{abs(value):,}" if isinstance(value, int) else f"{value.copy_abs():,f}"
    whole, point, fraction = size.partition(".")
    return f"{MINUS if value < 0 else ''}{whole.replace(',', style.group)}{style.point if point else ''}{fraction}"


def count(value: Decimal | int | None) -> str:
    """How many there are."""
    return NONE if value is None else number(int(value))


def amount(value: Decimal | int | str | None) -> str:
    """An exact amount, without trailing zeros; also one that is kept as a text."""
    return NONE if value is None else number(Decimal(plain(Decimal(value))))


def money(value: Decimal | None) -> str:
    """A value in a quote currency: two decimals, four significant digits when smaller than one."""
    if value is None:
        return NONE
    if abs(value) >= 1 or value == 0:
        return number(quantize(value, 2))
    rounded = quantize(value, min(MOST_PLACES, 3 - value.adjusted()))
    whole, _point, fraction = f"{rounded:f}".partition(".")
    return number(Decimal(f"{whole}.{fraction.rstrip('0'):0<2}"))


def percent(value: Decimal | None, places: int = 2) -> str:
    """A percentage that is already in percent: 12.3456 -> 12.35%."""
    return NONE if value is None else in_percent(number(quantize(value, places)))


def exact_percent(value: Decimal | int | str | None) -> str:
    """A percentage with the decimals it has, without trailing zeros: 12.5000 -> 12.5%."""
    return NONE if value is None else in_percent(amount(value))


def signed_percent(value: Decimal | None) -> str:
    """A percentage with its sign: +1.20%, −0.30%."""
    text = percent(value)
    return f"+{text}" if value is not None and value > 0 else text


def in_percent(text: str) -> str:
    """A number that is written already, as a percentage."""
    return _style().percent % {"number": text}


def in_words(values: Mapping[str, str]) -> dict[str, str]:
    """The values of a sentence as they are read: those that are plain numbers, written as this language does."""
    return {name: spoken(text) for name, text in values.items()}


def spoken(text: str) -> str:
    """A text as it is kept; a plain number as this language writes it."""
    return number(Decimal(text)) if _PLAIN.fullmatch(text) else text


# --- What people type ------------------------------------------------------------------------------------


def typed(text: str) -> str:
    """A number as somebody typed or copied it, as Decimal reads it: with a decimal comma or point, its digits grouped
    by spaces, or by commas where those can be nothing else. What is none stays none.
    """
    digits = _without_spaces(text)
    if digits.count(",") + digits.count(".") > 1:
        return digits.replace(",", "") if _BY_COMMAS.fullmatch(digits) else digits
    return digits.replace(",", ".")


def could_be_two(text: str) -> bool:
    """Whether it is 1,234 where the language sets off thousands by commas, and decimals are often typed with one."""
    digits = _without_spaces(text)
    return _style().group == "," and digits.count(",") == 1 and "." not in digits and bool(_BY_COMMAS.fullmatch(digits))


def _without_spaces(text: str) -> str:
    return "".join(text.split()).replace(MINUS, "-")
