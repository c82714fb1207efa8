from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Field, Model
from django.forms import CheckboxInput
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from solo.admin import SingletonModelAdmin

from botbalance.lib import system_settings
from botbalance.lib.models import SystemSettings


class CodeFilter(admin.AllValuesFieldListFilter):
    """By a code that may be empty: a choice without a name could not be read out."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or _("none")}


class ReadOnly(admin.ModelAdmin):
    """History is looked at, not edited."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Table(admin.TabularInline):
    """Rows shown with what they belong to; their fields are named, where Django leaves that to the heads of columns."""

    template = "admin/inline_table.html"
    extra = 0

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            field.widget.attrs["aria-label"] = field.label
        return field

    def get_formset(self, request: HttpRequest, obj: Model | None = None, **kwargs: Any) -> Any:
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.deletion_widget = CheckboxInput(attrs={"aria-label": _("Delete")})
        return formset


class ReadOnlyInline(Table):
    """Rows of history."""

    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Asked(admin.ModelAdmin):
    """What users ask for and what comes of it: their owners begin them, and nobody edits them. They may be deleted,
    since they take room.
    """

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(SystemSettings)
class SystemSettingsAdmin(SingletonModelAdmin):
    fieldsets = [
        (_("Trading"), {"fields": ["trading_enabled", "kill_switch_cancels"]}),
        (
            _("Limits of every order"),
            {
                "fields": [
                    "max_order_nav_pct",
                    "max_open_orders",
                    "stale_price_seconds",
                    "price_jump_pct",
                    "price_jump_minutes",
                ]
            },
        ),
        (_("Autopilot"), {"fields": ["idle_balance_seconds", "failures_before_pause"]}),
        (_("Prices"), {"fields": ["pricing_source", "pricing_use_cache", "pricing_ttl_seconds"]}),
        (_("Symbol rules"), {"fields": ["exchange_info_ttl_seconds"]}),
        (_("Paper exchange"), {"fields": ["paper_start_balance"]}),
    ]

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        """The form carries what it showed, so that it is known which fields were changed in it."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            field.show_hidden_initial = True
        return field

    def save_model(self, request: HttpRequest, obj: SystemSettings, form: Any, change: bool) -> None:
        """Only what was changed in the form: one that was opened before the kill switch was set must not unset it."""
        obj.save(update_fields=form.changed_data)
        system_settings.forget()
