"""Moments as people read and write them: every one is kept in UTC, and shown in the time zone of its reader, which
`django.utils.timezone` holds while a page, a mail or a notice is made (UTC where nobody's is). The API speaks UTC.
"""

from contextlib import AbstractContextManager
from datetime import UTC, datetime, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

UTC_NAME = "UTC"
# Regions of the zone database in which people live; the rest are abbreviations, old spellings and fixed offsets.
REGIONS = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


@cache
def zone_names() -> tuple[str, ...]:
    """The zones to choose from: UTC, then Region/City in the order of the alphabet."""
    return (UTC_NAME, *sorted(name for name in available_timezones() if name.partition("/")[0] in REGIONS))


def zones_by_region() -> list[tuple[str, list[str]]]:
    """Region/City grouped by region."""
    return [(region, [name for name in zone_names() if name.startswith(f"{region}/")]) for region in REGIONS]


def validate_zone(name: str) -> None:
    """Raises ValidationError for anything but a zone of `zone_names`; empty is UTC."""
    if name and name not in zone_names():
        raise ValidationError(_("There is no such time zone: choose one like Europe/Berlin."), code="time_zone")


def zone(name: str) -> tzinfo:
    """The zone with this name; UTC for an empty name, and for one that this machine does not know any more."""
    return ZoneInfo(name) if name and name in zone_names() and name != UTC_NAME else UTC


def in_zone(name: str) -> AbstractContextManager[None]:
    """Moments shown inside are in the zone with this name."""
    return timezone.override(zone(name))


def offset_name(moment: datetime) -> str:
    """The reader's zone at that moment, unmistakably: UTC, UTC+3, UTC−4:30. Abbreviations like CST mean several."""
    offset = timezone.localtime(moment).utcoffset()
    minutes = 0 if offset is None else int(offset.total_seconds()) // 60
    if not minutes:
        return UTC_NAME
    hours, rest = divmod(abs(minutes), 60)
    return f"{UTC_NAME}{'+' if minutes > 0 else '−'}{hours}" + (f":{rest:02}" if rest else "")


def zone_name() -> str:
    """The reader's zone: UTC, or Europe/Berlin."""
    return timezone.get_current_timezone_name()


def clock_time(moment: datetime) -> str:
    """A moment in the reader's zone: only the time where it is near, with its date where it is not."""
    near = abs((moment - timezone.now()).total_seconds()) < 12 * 3600
    local = timezone.localtime(moment)
    return f"{local:%H:%M:%S} {offset_name(moment)}" if near else f"{local:%Y-%m-%d %H:%M} {offset_name(moment)}"


def full_time(moment: datetime) -> str:
    """Date and time to the second in the reader's zone."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S} {offset_name(moment)}"
