"""Template filters for numbers that people read: see botbalance.lib.numbers."""

from django import template

from botbalance.lib import numbers

register = template.Library()

register.filter("amount", numbers.amount)
register.filter("count", numbers.count)
register.filter("exact_percent", numbers.exact_percent)
register.filter("money", numbers.money)
register.filter("percent", numbers.percent)
register.filter("signed_percent", numbers.signed_percent)
