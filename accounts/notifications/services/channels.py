"""Channels: what may be saved, what is tried out, and what is shown of an address that holds secrets."""

import secrets
from collections.abc import Collection
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from accounts.models import User
from accounts.notifications import door, wording
from accounts.notifications.models import Channel
from accounts.notifications.services.messages import absolute
from accounts.notifications.services.preferences import known_kinds
from botbalance.lib import cache
from botbalance.lib.clock import now_ms
from botbalance.lib.errors import Conflict, Invalid

MOST_CHANNELS = 20
MOST_NAME_LETTERS = 40
# Between two tries by hand of one user, so that nobody hammers a stranger's server from here.
TEST_PAUSE_SECONDS = 5

REASONS: dict[str, str | Promise] = {
    "no_address": gettext_lazy("This is no address: it begins with https:// or with the name of a service."),
    "with_user": gettext_lazy("An address with a user and a password in it is not used: put a secret into its path."),
    "not_native": gettext_lazy(
        "An https address is read here only when Slack, Discord or Google Chat gave it to you. For any other make a "
        "webhook."
    ),
    "unknown_service": gettext_lazy("There is no service called “%(schema)s” here."),
    "service_not_allowed": gettext_lazy("Whoever runs this server does not allow %(service)s."),
    "parameter": gettext_lazy("The parameter “%(name)s” is not used here: leave it out."),
    "incomplete": gettext_lazy("This is no complete address of %(service)s. One looks like %(example)s"),
}


@sensitive_variables("address", "secret")
def create_channel(
    user: User, *, type_: str, name: str, address: str, kinds: Collection[str], enabled: bool = True
) -> tuple[Channel, str]:
    """A new channel, and the secret of a webhook in plain text, "" of others: this is the only time it can be seen.

    Raises Invalid for an address that must not be reached, Conflict when the user has too many channels.
    """
    if Channel.objects.filter(user=user).count() >= MOST_CHANNELS:
        raise Conflict(
            _("You have %(count)s channels: remove those you no longer need.") % {"count": MOST_CHANNELS},
            code="too_many_channels",
        )
    secret = new_secret() if type_ == Channel.Type.WEBHOOK else ""
    row = Channel(user=user, type=type_, secret=secret, enabled=enabled, kinds=known_kinds(kinds))
    row.name = _name(name)
    row.address = address.strip()
    row.hint = _hint(row.type, row.address)
    return _saved(row), secret


@sensitive_variables("address")
def change_channel(
    channel: Channel,
    *,
    name: str | None = None,
    address: str | None = None,
    kinds: Collection[str] | None = None,
    enabled: bool | None = None,
) -> Channel:
    """Change what is given, and nothing else: a secret may be made, and a message sent, at the same moment. A new
    address starts without the failures of the old one.
    """
    values: dict[str, Any] = {}
    if name is not None:
        values["name"] = _name(name)
    if kinds is not None:
        values["kinds"] = known_kinds(kinds)
    if enabled is not None:
        values["enabled"] = enabled
    if address is not None and address.strip():
        values |= {"address": address.strip(), "hint": _hint(channel.type, address.strip())}
        values |= {"failures_in_a_row": 0, "problem": "", "failed_at": None, "worked_at": None}
    for field, value in values.items():
        setattr(channel, field, value)
    return _saved(channel, list(values))


def delete_channel(channel: Channel) -> None:
    """Remove a channel, and what was on its way through it."""
    channel.delete()


def rotate_secret(channel: Channel) -> str:
    """A new secret of a webhook, in plain text this once; the old one signs nothing any more. Conflict for others."""
    if channel.type != Channel.Type.WEBHOOK:
        raise Conflict(_("Only a webhook has a secret."), code="no_secret")
    channel.secret = new_secret()
    channel.save(update_fields=["secret"])
    return channel.secret


def test_channel(channel: Channel) -> str:
    """Send a trial message now; "" when it arrived, else what went wrong, as a sentence.

    Raises Conflict when one was sent a moment ago.
    """
    if not cache.first(f"notifications:test:{channel.user_id}", TEST_PAUSE_SECONDS):
        raise Conflict(_("You have just sent one: wait a few seconds."), code="too_soon")
    outcome = door.deliver(channel.type, channel.address, channel.secret, _trial(), now_ms() // 1000)
    problem = wording.sentence(outcome.problem, outcome.values)
    note_outcome(channel, problem)
    channel.refresh_from_db()
    return problem


def note_outcome(channel: Channel, problem: str) -> None:
    """Keep on a channel how its last try went."""
    now = timezone.now()
    rows = Channel.objects.filter(pk=channel.pk)
    if problem:
        rows.update(failures_in_a_row=channel.failures_in_a_row + 1, problem=problem[:400], failed_at=now)
    else:
        rows.update(failures_in_a_row=0, problem="", worked_at=now)


def new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(32)}"


def _trial() -> door.Message:
    return door.Message(
        id="00000000-0000-0000-0000-000000000000",
        kind="test",
        created=timezone.now().isoformat(),
        title=_("A trial of BotBalance"),
        text=_("This channel works."),
        link=absolute(""),
        is_urgent=False,
        data={},
    )


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > MOST_NAME_LETTERS:
        text = _("Give it a name of up to %(count)s characters.") % {"count": MOST_NAME_LETTERS}
        raise Invalid(_("This channel cannot be saved."), fields={"name": [text]})
    return name


@sensitive_variables("address")
def _hint(type_: str, address: str) -> str:
    """What may be shown of an address. Raises Invalid for one that cannot be used, or leads where it must not."""
    try:
        if type_ == Channel.Type.WEBHOOK:
            door.check_webhook(address)
            shown, has_host = address.partition("://")[0], True
        else:
            service = door.read_address(address)[1]
            door.open_service(address)
            shown, has_host = service.name, service.has_host
    except door.Unreadable as error:
        raise _refused(str(REASONS[error.code]) % error.values) from None
    attempt = door.rehearse(type_, address, _trial())
    if attempt.problem:
        raise _refused(wording.sentence(attempt.problem, attempt.values))
    if not attempt.hosts:
        raise _refused(wording.sentence("unusable", {}))
    host = attempt.hosts[0][:253]
    if type_ == Channel.Type.WEBHOOK:
        return f"{shown}://{host}/…"
    return f"{shown}, {host}" if has_host else shown


def _refused(text: str) -> Invalid:
    return Invalid(_("This channel cannot be saved."), fields={"address": [text]})


def _saved(row: Channel, fields: list[str] | None = None) -> Channel:
    try:
        with transaction.atomic():
            row.save(update_fields=fields)
    except IntegrityError:
        text = _("You have a channel of this name already.")
        raise Invalid(_("This channel cannot be saved."), fields={"name": [text]}) from None
    return row
