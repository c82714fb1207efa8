"""Template filters for numbers: grouped, at the right precision, never in scientific notation."""

from decimal import Decimal

from django import template

from botbalance.lib.money import plain, quantize

register = template.Library()

GROUP = "\N{NARROW NO-BREAK SPACE}"


def _grouped(text: str) -> str:
    sign, digits = ("−", text[1:]) if text.startswith("-") else ("", text)
    whole, _, fraction = digits.partition(".")
    groups = f"{int(whole or 0):,}".replace(",", GROUP)
    return sign + groups + (f".{fraction}" if fraction else "")


@register.filter
def amount(value: Decimal | None) -> str:
    """An exact amount, grouped, without trailing zeros."""
    return "–" if value is None else _grouped(plain(value))


@register.filter
def money(value: Decimal | None) -> str:
    """A value in a quote currency: two decimals, four significant digits when smaller than one."""
    if value is None:
        return "–"
    places = 2 if abs(value) >= 1 or value == 0 else min(12, 3 - value.adjusted())
    return _grouped(f"{quantize(value, places):f}")


@register.filter
def percent(value: Decimal | None, places: int = 2) -> str:
    """A percentage that is already in percent: 12.3456 -> 12.35 %."""
    return "–" if value is None else f"{_grouped(f'{quantize(value, places):f}')} %"


@register.filter
def signed_percent(value: Decimal | None) -> str:
    """A percentage with its sign: +1.20 %, −0.30 %."""
    if value is None:
        return "–"
    text = percent(value)
    return f"+{text}" if value > 0 else text
