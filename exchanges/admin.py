from django.contrib import admin
from django.http import HttpRequest

from exchanges.models import ExchangeAccount


@admin.register(ExchangeAccount)
class ExchangeAccountAdmin(admin.ModelAdmin):
    """Keys are never shown here, not even encrypted."""

    list_display = ["label", "user", "venue", "quote", "key_tail", "status", "checked_at", "archived_at"]
    list_filter = ["venue", "status"]
    search_fields = ["label", "user__email"]
    fields = ["user", "label", "venue", "quote", "key_tail", "status", "status_reason", "checked_at", "created_at"]
    readonly_fields = ["user", "venue", "quote", "key_tail", "checked_at", "created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ExchangeAccount | None = None) -> bool:
        """Its owner disconnects an account; deleting the row would take orders and fills along."""
        return False
