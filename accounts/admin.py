"""Users in the admin. Signing in there goes through the page and the limits everybody else has."""

from typing import Any

import allauth.account.admin  # noqa: F401  (registers a model that is taken out below)
from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import selectors, services
from accounts.models import Notice, Role, User
from accounts.tokens.services import revoke_tokens
from botbalance.lib.admin import ReadOnly

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = "BotBalance"
admin.site.site_title = "BotBalance"

# Addresses belong to their user, and the two roles leave nothing for groups to decide.
for model in (EmailAddress, Group):
    admin.site.unregister(model)


class NewUserForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ["email", "role"]


class UserForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["role", "is_active", "language"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        stays = data.get("role") == Role.SUPERADMIN and data.get("is_active")
        before = User.objects.get(pk=self.instance.pk)
        if not stays and selectors.is_last_superadmin(before):
            raise forms.ValidationError(_("This is the last superadmin: make somebody else superadmin first."))
        return data


class PasswordForm(AdminPasswordChangeForm):
    def save(self, commit: bool = True) -> Any:
        revoke_tokens(self.user)
        return super().save(commit)


class SuspendedFilter(admin.SimpleListFilter):
    title = gettext_lazy("suspended")
    parameter_name = "suspended"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        if self.value() is None:
            return queryset
        return queryset.filter(suspended_at__isnull=self.value() == "no")


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    form = UserForm
    add_form = NewUserForm
    change_password_form = PasswordForm
    list_display = ["email", "role", "is_active", "suspended_at", "date_joined", "last_login"]
    list_filter = ["role", "is_active", SuspendedFilter, "date_joined"]
    search_fields = ["email"]
    ordering = ["email"]
    filter_horizontal = []
    readonly_fields = ["email", "password_link", "suspended_at", "date_joined", "last_login"]
    fieldsets = [
        (None, {"fields": ["email", "password_link", "language"]}),
        (gettext_lazy("Rights"), {"fields": ["role", "is_active", "suspended_at"]}),
        (gettext_lazy("Dates"), {"fields": ["date_joined", "last_login"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "role", "usable_password", "password1", "password2"]})]
    actions = ["suspend", "resume"]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        return self.readonly_fields if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Orders and fills are books: a user is made inactive, or erased by the command made for that."""
        return False

    @admin.display(description=gettext_lazy("password"))
    def password_link(self, user: User) -> SafeString:
        address = reverse("admin:auth_user_password_change", args=[user.pk])
        return format_html('<a href="{}">{}</a>', address, _("Set a new password"))

    @admin.action(description=gettext_lazy("Suspend: may look, but nothing trades"))
    def suspend(self, request: HttpRequest, users: QuerySet[User]) -> None:
        for user in users:
            services.suspend(user)
        count = len(users)
        text = ngettext("%(count)s user is suspended.", "%(count)s users are suspended.", count) % {"count": count}
        messages.success(request, text)

    @admin.action(description=gettext_lazy("Resume: lift the suspension"))
    def resume(self, request: HttpRequest, users: QuerySet[User]) -> None:
        for user in users:
            services.resume(user)
        count = len(users)
        text = ngettext("%(count)s user may trade again.", "%(count)s users may trade again.", count)
        messages.success(request, text % {"count": count})


@admin.register(Notice)
class NoticeAdmin(ReadOnly):
    """What users were told, and whether the e-mail about it went out."""

    list_display = ["id", "user", "at", "title", "seen_at", "sent_at", "tries", "next_try_at", "problem"]
    list_filter = ["at", ("sent_at", admin.EmptyFieldListFilter), ("seen_at", admin.EmptyFieldListFilter)]
    search_fields = ["user__email", "title", "problem"]
    list_select_related = ["user"]
