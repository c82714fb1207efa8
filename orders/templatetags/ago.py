"""How long ago and how soon, for every page; and the same words for static/live.js, which keeps them right."""

import json
from datetime import datetime

from django import template
from django.utils.translation import gettext

from orders import telling

register = template.Library()


@register.filter
def ago(moment: datetime | None) -> str:
    """8 s ago, in 3 min 5 s."""
    return telling.relative(moment) if moment else "–"


@register.filter
def soon(moment: datetime | None) -> str:
    """In 3 min 5 s; what is due already, any moment."""
    return telling.upcoming(moment) if moment else "–"


@register.simple_tag
def words_of_time() -> str:
    """The patterns of `ago` in the reader's language, as JSON."""
    return json.dumps(
        {
            "ago": gettext("%(duration)s ago"),
            "in": gettext("in %(duration)s"),
            "now": gettext("any moment"),
            "s": gettext("%(seconds)s s"),
            "min": gettext("%(minutes)s min %(seconds)s s"),
            "h": gettext("%(hours)s h %(minutes)s min"),
        }
    )
