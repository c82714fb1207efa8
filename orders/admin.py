from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from orders.models import Fill, Order, OrderEvent, Run


class ReadOnly(admin.ModelAdmin):
    """History is looked at, not edited."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyInline(admin.TabularInline):
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class FillInline(ReadOnlyInline):
    model = Fill


class EventInline(ReadOnlyInline):
    model = OrderEvent


@admin.register(Order)
class OrderAdmin(ReadOnly):
    list_display = ["id", "user", "symbol", "side", "price", "quantity", "executed_quantity", "status", "created_at"]
    list_filter = ["status", "side"]
    search_fields = ["client_order_id", "symbol", "user__email"]
    inlines = [FillInline, EventInline]


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = ["id", "user", "strategy", "trigger", "state", "reason_code", "problem", "started_at", "finished_at"]
    list_filter = ["state", "trigger", "reason_code"]
    search_fields = ["user__email", "strategy__name"]
