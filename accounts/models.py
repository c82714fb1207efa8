"""Who uses this server. A user is an e-mail address; there are no user names."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from botbalance.lib.moments import validate_zone


def normalise_email(email: str) -> str:
    """One spelling per mailbox: addresses that differ only in case or outer spaces are the same person."""
    return email.strip().lower()


def languages() -> list[tuple[str, Any]]:
    """The languages of the pages; a function, so that adding one needs no migration."""
    return settings.LANGUAGES


class Role(models.TextChoices):
    USER = "user", _("User")
    SUPERADMIN = "superadmin", _("Superadmin")


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A new user with a hashed password; without one, a user who can only reset it."""
        return self._create(email, password, Role.USER, **fields)

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self._create(email, password, Role.SUPERADMIN, **fields)

    def _create(self, email: str, password: str | None, role: Role, **fields: Any) -> "User":
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=email, role=role, **fields)
        user.set_password(password)
        with transaction.atomic(using=self._db):
            SetUp.objects.using(self._db).get_or_create(pk=SetUp.ONLY)
            user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=normalise_email(username or ""))


class User(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(_("e-mail address"), unique=True)
    role = models.CharField(_("role"), max_length=20, choices=Role.choices, default=Role.USER)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("An inactive user cannot sign in, and their tokens stop working.")
    )
    suspended_at = models.DateTimeField(
        _("suspended since"),
        null=True,
        blank=True,
        help_text=_("A suspended user may sign in and look, but nothing trades for them."),
    )
    language = models.CharField(
        _("language"), max_length=10, choices=languages, blank=True, help_text=_("Empty: the browser's.")
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        default="",
        validators=[validate_zone],
        help_text=_("In which times are shown, like Europe/Berlin. Empty: UTC."),
    )
    # Whether pages lead them from connecting an account to the autopilot; and whether they have seen a plan, which
    # leaves no other row.
    is_guided = models.BooleanField(default=False, editable=False)
    has_previewed = models.BooleanField(default=False, editable=False)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ["email"]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="accounts_user_email_unique_in_any_case",
                violation_error_message=_("There is already a user with this e-mail address."),
            ),
            models.CheckConstraint(
                condition=Q(role=Role.SUPERADMIN, is_superuser=True) | Q(role=Role.USER, is_superuser=False),
                name="accounts_user_role_decides_superuser",
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keeps two derived things derived: one spelling of the address, and Django's flag of the role."""
        self.email = normalise_email(self.email)
        self.is_superuser = self.role == Role.SUPERADMIN
        fields = kwargs.get("update_fields")
        if fields is not None and "role" in fields:
            kwargs["update_fields"] = {*fields, "is_superuser"}
        super().save(*args, **kwargs)

    def clean(self) -> None:
        self.email = normalise_email(self.email)

    @property
    def is_superadmin(self) -> bool:
        return self.role == Role.SUPERADMIN

    @property
    def is_staff(self) -> bool:
        """Django's word for "may enter the admin": superadmins and nobody else."""
        return self.is_superadmin

    @property
    def is_suspended(self) -> bool:
        return self.suspended_at is not None


class SetUp(models.Model):
    """One row from the moment this server has had a user, kept for ever: who comes later cannot set it up.

    The primary key is what two first visitors fight over; one of them loses.
    """

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "set-up"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="accounts_set_up_once")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d}"


class Notice(models.Model):
    """Something a user must know though nobody is looking: shown on their pages until dismissed, and sent by e-mail.

    Written in the user's language when it happened.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    at = models.DateTimeField(default=timezone.now)
    title = models.CharField(max_length=200)
    text = models.CharField(max_length=1000, blank=True, default="")
    link = models.CharField(max_length=200, blank=True, default="")
    seen_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    # When its e-mail is tried next; None when it has been sent, or was tried often enough.
    next_try_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    problem = models.CharField(max_length=400, blank=True, default="")

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(next_try_at__isnull=False), name="notices_to_send"),
            models.Index(fields=["user", "-id"], condition=Q(seen_at=None), name="unseen_notices"),
        ]

    def __str__(self) -> str:
        return self.title
