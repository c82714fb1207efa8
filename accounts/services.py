"""Everything that changes a user or a token."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from knox.models import AuthToken

from accounts import selectors
from accounts.models import Role, User, languages, normalise_email
from botbalance.lib.errors import Conflict, Invalid

# A script that asks for a new token at every start would otherwise leave thousands of working keys behind.
MAX_LIVE_TOKENS = 100


def register(email: str, password: str) -> User:
    """A new user who can sign in at once. Raises Invalid with what is wrong in `email` and `password`."""
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
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password)
    except IntegrityError:
        # Somebody registered the same address between the look and the leap.
        raise Invalid(_("This account cannot be created."), fields={"email": [_taken()]}) from None


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


def set_language(user: User, language: str) -> User:
    """The language of the user's pages; empty means the browser's. Raises Invalid for one we do not speak."""
    if language and language not in dict(languages()):
        raise Invalid(_("This language is not available."), fields={"language": [_("Choose one of the list.")]})
    user.language = language
    user.save(update_fields=["language"])
    return user


def issue_token(user: User) -> str:
    """A new API token in plain text: this is the only time it can be seen."""
    return create_token(user)[1]


def create_token(user: User) -> tuple[AuthToken, str]:
    """A new API token, as its row and in plain text. Raises Conflict when the user has too many."""
    AuthToken.objects.filter(user=user, expiry__lte=timezone.now()).delete()
    if selectors.live_tokens(user).count() >= MAX_LIVE_TOKENS:
        raise Conflict(
            _("You have %(count)s working tokens: revoke those you no longer need.") % {"count": MAX_LIVE_TOKENS},
            code="too_many_tokens",
        )
    token, plain_text = AuthToken.objects.create(user)
    return token, plain_text


def revoke_token(user: User, key: str) -> None:
    """Revoke one token by its public first characters. Raises NotFound when the user has no such token."""
    selectors.token_of(user, key).delete()


def revoke_tokens(user: User) -> int:
    """Revoke every API token of the user; returns how many there were."""
    count, _per_model = AuthToken.objects.filter(user=user).delete()
    return int(count)
