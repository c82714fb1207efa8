"""Everything that changes a user or a notice."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts import selectors
from accounts.models import Notice, Role, SetUp, User, languages, normalise_email
from botbalance.lib import cache
from botbalance.lib.clock import now_ms
from botbalance.lib.errors import Conflict, Invalid
from botbalance.lib.moments import in_zone, validate_zone

logger = logging.getLogger(__name__)

# How long a notice's e-mail waits after each failure; after the last one it is not tried again.
MAIL_PAUSES = (timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), None)
# A worker that is still at the last try by then has died.
LAST_TRY_IS_OVER = timedelta(minutes=2)
MOST_MAILS = 100
# No mail is begun after so long.
SENDING_SECONDS = 20
# Whoever is still sending by then has died: the time for the last mail begun, every answer of whose server may take
# EMAIL_TIMEOUT.
SENDING_IS_OVER_SECONDS = 120
SENDING = "accounts:sending-notices"


def sign_up(email: str, password: str) -> User:
    """Somebody registers themselves: as `register`, and Conflict on a server that is not set up yet, or a stranger who
    came before its owner would close the page on which the superadmin is made.
    """
    if selectors.is_unused():
        raise Conflict(
            _("This server has no superadmin yet: whoever runs it makes the first account on its page."),
            code="not_set_up",
        )
    return register(email, password)


def register(email: str, password: str) -> User:
    """A new user who can sign in at once. Raises Invalid with what is wrong in `email` and `password`."""
    email = _checked(email, password)
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password)
    except IntegrityError:
        # Somebody registered the same address between the look and the leap.
        raise Invalid(_("This account cannot be created."), fields={"email": [_taken()]}) from None


def set_up(email: str, password: str) -> User:
    """The superadmin of a server that has never had a user; of two who try at once one gets it.

    Raises Invalid with what is wrong in `email` and `password`, Conflict where there is or was a user.
    """
    email = _checked(email, password)
    if not selectors.is_unused():
        raise _set_up_already()
    try:
        with transaction.atomic():
            SetUp.objects.create(pk=SetUp.ONLY)
            return User.objects.create_superuser(email, password)
    except IntegrityError:
        raise _set_up_already() from None


def _set_up_already() -> Conflict:
    return Conflict(_("This server is set up already. Sign in, or ask whoever runs it."), code="set_up_already")


def _checked(email: str, password: str) -> str:
    """The address as it is stored. Raises Invalid where a user with it and the password cannot be made."""
    email = normalise_email(email)
    fields: dict[str, list[str]] = {}
    try:
        User._meta.get_field("email").clean(email, None)
        validate_email(email)
    except ValidationError as error:
        fields["email"] = error.messages
    try:
        validate_password(password, User(email=email))
    except ValidationError as error:
        fields["password"] = error.messages
    if "email" not in fields and User.objects.filter(email=email).exists():
        fields["email"] = [_taken()]
    if fields:
        raise Invalid(_("This account cannot be created."), fields=fields)
    return email


def _taken() -> str:
    return _("There is already an account with this e-mail address.")


def ensure_superadmin(email: str, password: str) -> tuple[User, bool]:
    """The superadmin with this address, and whether it was created now.

    An existing user keeps their password and is made superadmin.
    """
    user = User.objects.filter(email=normalise_email(email)).first()
    if user is None:
        return User.objects.create_superuser(email, password), True
    return set_role(user, Role.SUPERADMIN), False


def set_role(user: User, role: Role) -> User:
    """Raises Conflict when nobody would be left to enter the admin."""
    if role != Role.SUPERADMIN and selectors.is_last_superadmin(user):
        raise Conflict(_("This is the last superadmin: make somebody else superadmin first."))
    user.role = role
    user.save(update_fields=["role"])
    return user


def suspend(user: User) -> User:
    """From now on nothing trades for this user; they may still sign in and look. Twice is the same as once."""
    if user.suspended_at is None:
        user.suspended_at = timezone.now()
        user.save(update_fields=["suspended_at"])
    return user


def resume(user: User) -> User:
    """Lift a suspension."""
    user.suspended_at = None
    user.save(update_fields=["suspended_at"])
    return user


def guide(user: User, *, on: bool) -> User:
    """Lead the user from page to page until they have an autopilot, or leave them alone. Twice is the same as once."""
    user.is_guided = on
    user.save(update_fields=["is_guided"])
    return user


def note_preview(user: User) -> None:
    """Remember that the user has seen a plan, the one step of the guide that leaves no other row."""
    if user.is_guided and not user.has_previewed:
        user.has_previewed = True
        user.save(update_fields=["has_previewed"])


def set_language(user: User, language: str) -> User:
    """The language of the user's pages; empty means the browser's. Raises Invalid for one we do not speak."""
    if language and language not in dict(languages()):
        raise Invalid(_("This language is not available."), fields={"language": [_("Choose one of the list.")]})
    user.language = language
    user.save(update_fields=["language"])
    return user


def set_time_zone(user: User, name: str) -> User:
    """The zone in which times are shown to the user, like Europe/Berlin; empty means UTC, and that none was chosen.

    Raises Invalid for a zone that there is not.
    """
    try:
        validate_zone(name)
    except ValidationError as error:
        raise Invalid(_("This time zone is not available."), fields={"time_zone": error.messages}) from None
    user.time_zone = name
    user.save(update_fields=["time_zone"])
    return user


# --- notices ---------------------------------------------------------------------------------------------


def tell(
    user: User,
    title: str,
    text: str = "",
    link: str = "",
    *,
    is_mailed: bool = True,
    mail_at: datetime | None = None,
    is_seen: bool = False,
) -> Notice:
    """Let a user know of something that happened while they were not looking: on their pages, and by e-mail, at once or
    from `mail_at` on. What `is_seen` is only listed.

    Words in the user's language: call it inside `speaking_to(user)`. What users may choose how to be told of goes
    through `accounts.notifications.services.notify`, which calls this.
    """
    now = timezone.now()
    return Notice.objects.create(
        user=user,
        title=title[:200],
        text=text[:1000],
        link=link[:200],
        next_try_at=(mail_at or now) if is_mailed else None,
        seen_at=now if is_seen else None,
    )


def hold_notices(user: User, until: datetime) -> int:
    """E-mail the user what is held back from `until` on, instead of the time it was held for; how many notices."""
    held = Notice.objects.filter(user=user, tries=0, next_try_at__gt=timezone.now())
    return held.update(next_try_at=until)


@contextmanager
def speaking_to(user: User) -> Iterator[None]:
    """Sentences made inside are in the user's language, and times in their zone."""
    with override(user.language or settings.LANGUAGE_CODE), in_zone(user.time_zone):
        yield


def dismiss(notice: Notice) -> Notice:
    """Do not show it on every page any more. Twice is the same as once."""
    Notice.objects.filter(pk=notice.pk, seen_at=None).update(seen_at=timezone.now())
    notice.refresh_from_db(fields=["seen_at"])
    return notice


def dismiss_all(user: User) -> int:
    """Dismiss everything the user was told so far; how many there were."""
    return selectors.unseen_notices(user).update(seen_at=timezone.now())


def send_notices() -> int:
    """E-mail the notices that are due; how many went out. What fails is tried again after its pause.

    One sends at a time, for about SENDING_SECONDS at most: a mail server that hangs holds up one worker, and not long.
    """
    if not cache.first(SENDING, SENDING_IS_OVER_SECONDS):
        return 0
    started_ms = now_ms()
    sent = 0
    connection = mail.get_connection()
    try:
        for notice in selectors.notices_to_send(timezone.now())[:MOST_MAILS]:
            sent += _send(notice, connection)
            if now_ms() - started_ms > SENDING_SECONDS * 1000:
                break
    finally:
        _hang_up(connection)
        if now_ms() - started_ms < SENDING_IS_OVER_SECONDS * 1000:  # later than that it may be another's
            cache.forget(SENDING)
    return sent


def _send(notice: Notice, connection: BaseEmailBackend) -> bool:
    """Send one notice, after claiming this try of it: of two workers only one sends.

    A worker that dies in between leaves a notice that is tried again after its pause, and nothing said of how it went;
    after the last try it is then said that nobody knows.
    """
    now = timezone.now()
    if notice.tries >= len(MAIL_PAUSES):
        with speaking_to(notice.user):
            _settle(notice, _("It is not known whether the last e-mail was sent: the server was stopped meanwhile."))
        return False
    pause = MAIL_PAUSES[notice.tries]
    claimed = Notice.objects.filter(pk=notice.pk, tries=notice.tries, next_try_at=notice.next_try_at).update(
        tries=notice.tries + 1, next_try_at=now + (pause or LAST_TRY_IS_OVER), problem=""
    )
    if not claimed:
        return False
    try:
        connection.open()
        _mail(notice, connection).send()
    except Exception:  # whatever it is, it is one notice's trouble, and the next one's turn
        logger.exception("notice %s could not be sent", notice.pk)
        _hang_up(connection)  # nothing is known of a connection that failed
        with speaking_to(notice.user):
            problem = _("The mail server could not be reached, or did not take it.")
        if pause is None:
            _settle(notice, problem)
        else:
            Notice.objects.filter(pk=notice.pk).update(problem=problem)
        return False
    _settle(notice, "", sent_at=timezone.now())
    return True


def _settle(notice: Notice, problem: str, sent_at: datetime | None = None) -> None:
    """No e-mail of it is tried any more."""
    Notice.objects.filter(pk=notice.pk).update(next_try_at=None, problem=problem, sent_at=sent_at)


def _hang_up(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except OSError as error:  # it was only to be polite; smtplib's own errors are of this kind too
        logger.warning("the mail server did not part properly: %s", type(error).__name__)


def _mail(notice: Notice, connection: BaseEmailBackend) -> EmailMessage:
    with speaking_to(notice.user):
        parts = [notice.text]
        if notice.link:
            where = f"{settings.SITE_URL}{notice.link}"
            parts.append(where if settings.SITE_URL else _("On your BotBalance server: %(path)s") % {"path": where})
        if notice.seen_at is None:
            parts.append(_("This notice is on your pages as well, until you dismiss it."))
        # A name that somebody typed may hold a line break, which no subject may.
        subject = settings.ACCOUNT_EMAIL_SUBJECT_PREFIX + " ".join(notice.title.split())
    body = "\n\n".join(part for part in parts if part)
    return EmailMessage(subject, body, to=[notice.user.email], connection=connection)
