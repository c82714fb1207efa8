"""Template words for moments. A date and time is Django's `date` filter, which shows them in the reader's zone."""

from datetime import datetime

from django import template
from django.templatetags import tz
from django.utils.translation import gettext as _

from botbalance.lib import moments

register = template.Library()
# Where a day or a time is UTC by its nature, whoever reads it: back-tests, daily figures.
register.filter("utc", tz.utc)


@register.filter
def offset(moment: datetime) -> str:
    """What to write behind a time: UTC, or UTC+3."""
    return moments.offset_name(moment)


@register.simple_tag
def times_are() -> str:
    """Said below times that name no zone themselves."""
    if moments.zone_name() == moments.UTC_NAME:
        return _("Times are UTC.")
    return _("Times are those of %(zone)s.") % {"zone": moments.zone_name()}


@register.simple_tag
def headed(title: str) -> str:
    """The head of a column of times, with the zone: Time, UTC."""
    return f"{title}, {moments.zone_name()}"
