"""Parts of pages that are written hundreds of times, in Jinja2: several times quicker than the language of the pages,
which is Django's. They lie in an app's folder `jinja2`; a template tag of the app puts them into a page (`written`).
"""

from collections.abc import Mapping
from typing import Any

from django.template import engines
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from jinja2 import Environment, StrictUndefined

from botbalance.lib import numbers
from botbalance.lib.templatetags import moments


def environment(**options: Any) -> Environment:
    """What these templates know beside their own values: `_`, `url("orders:detail", 7)`, and the filters of numbers."""
    made = Environment(**{**options, "undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True})  # noqa: S701  (Django's backend escapes)
    made.globals.update(_=gettext, url=lambda name, *args: reverse(name, args=args), headed=moments.headed)
    made.filters.update(amount=numbers.amount, percent=numbers.percent)
    return made


def written(template: str, values: Mapping[str, Any]) -> SafeString:
    """A part of a page. `csrf_token` is one of its values where it has forms."""
    return mark_safe(engines["jinja2"].get_template(template).render(dict(values)))  # noqa: S308  (it escapes)
