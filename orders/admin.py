from datetime import datetime

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from botbalance.lib.admin import CodeFilter, ReadOnly, ReadOnlyInline
from orders import outlook, telling
from orders.models import Autopilot, Fill, Order, OrderEvent, Run, StrangerOrder, Tick, Watch


class FillInline(ReadOnlyInline):
    model = Fill


class EventInline(ReadOnlyInline):
    model = OrderEvent


@admin.register(Order)
class OrderAdmin(ReadOnly):
    list_display = ["id", "user", "symbol", "side", "price", "quantity", "executed_quantity", "status", "created_at"]
    list_filter = ["status", "side"]
    search_fields = ["client_order_id", "symbol", "user__email"]
    list_select_related = ["user"]
    show_full_result_count = False
    inlines = [FillInline, EventInline]


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = ["id", "user", "strategy", "trigger", "state", "reason_code", "problem", "started_at", "finished_at"]
    list_filter = ["state", "trigger", "goal", ("reason_code", CodeFilter)]
    search_fields = ["user__email", "strategy__name"]
    list_select_related = ["user", "strategy"]
    show_full_result_count = False


@admin.register(Autopilot)
class AutopilotAdmin(ReadOnly):
    list_display = [
        "strategy", "user", "is_on", "started_at", "paused_at", "pause_code", "failures_in_a_row", "scheduled_at",
    ]  # fmt: skip
    list_filter = ["is_on", ("paused_at", admin.EmptyFieldListFilter), ("pause_code", CodeFilter)]
    search_fields = ["user__email", "strategy__name"]
    list_select_related = ["user", "strategy"]
    ordering = ["-started_at"]


@admin.register(Tick)
class TickAdmin(ReadOnly):
    list_display = ["id", "user", "strategy", "status", "reason", "looks", "milliseconds", "started_at", "ended_at"]
    list_filter = ["status", ("code", CodeFilter), "ended_at"]
    search_fields = ["user__email", "strategy__name"]
    list_select_related = ["user", "strategy", "run"]  # the run says how it has ended
    show_full_result_count = False

    @admin.display(description=_("reason"))
    def reason(self, tick: Tick) -> str:
        return telling.tick_reason(tick)


@admin.register(Watch)
class WatchAdmin(ReadOnly):
    """When accounts are looked at, and who is at it: what a look that does not come is found out with."""

    list_display = ["account", "user", "due", "looked_at", "lease_until", "has_work", "quiet_looks", "ticks"]
    list_filter = ["has_work", ("due_ms", admin.EmptyFieldListFilter)]
    search_fields = ["account__user__email", "account__label"]
    list_select_related = ["account__user"]
    ordering = ["due_ms"]

    @admin.display(description=_("user"), ordering="account__user__email")
    def user(self, watch: Watch) -> str:
        return watch.account.user.email

    @admin.display(description=_("due"), ordering="due_ms")
    def due(self, watch: Watch) -> datetime | None:
        return outlook.at(watch.due_ms)

    @admin.display(description=_("looked at"), ordering="looked_at_ms")
    def looked_at(self, watch: Watch) -> datetime | None:
        return outlook.at(watch.looked_at_ms)

    @admin.display(description=_("lease until"), ordering="lease_until_ms")
    def lease_until(self, watch: Watch) -> datetime | None:
        return outlook.at(watch.lease_until_ms)


@admin.register(StrangerOrder)
class StrangerOrderAdmin(ReadOnly):
    list_display = ["account", "user", "symbol", "side", "type", "price", "quantity", "executed_quantity", "seen_at"]
    list_filter = ["side", "type"]
    search_fields = ["account__user__email", "symbol", "client_order_id"]
    list_select_related = ["account__user"]

    @admin.display(description=_("user"), ordering="account__user__email")
    def user(self, order: StrangerOrder) -> str:
        return order.account.user.email
