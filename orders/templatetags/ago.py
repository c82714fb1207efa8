"""How long ago and how soon, for every page; and the same words for static/live.js, which keeps them right."""

import json
from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
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


@register.filter
def day_and_time(moment: datetime) -> str:
    """A moment in the reader's zone for a narrow column: day and time, each on a line where there is no room."""
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}"><span class="nowrap">{}</span> <span class="nowrap">{}</span></time>',
        local.isoformat(timespec="seconds"),
        f"{local:%Y-%m-%d}",
        f"{local:%H:%M:%S}",
    )


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
