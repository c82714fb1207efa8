from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from accounts.models import User
from exchanges import traffic
from exchanges.ledger import refusals
from exchanges.models import ExchangeAccount, TrafficState
from exchanges.traffic import Traffic

# The busiest come first; a page is not made for more.
MOST_ROWS = 100


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


@admin.register(TrafficState)
class TrafficAdmin(admin.ModelAdmin):
    """What goes on between this server and its exchanges, from the ledger: of rows only where there is no Redis."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: TrafficState | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: TrafficState | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        hosts = [_row(traffic.traffic_of(host)) for host in traffic.hosts_in_use()]
        context = {**self.admin_site.each_context(request), "title": _("Exchange traffic"), "hosts": hosts}
        return TemplateResponse(request, "admin/exchange_traffic.html", context)


def _row(known: Traffic) -> dict[str, Any]:
    """One host with names instead of numbers."""
    owners = [*known.users, *(owner for owner in known.waiting if owner not in known.users)][:MOST_ROWS]
    people = dict(User.objects.filter(pk__in=owners).values_list("pk", "email"))
    placed = sorted(known.orders, key=lambda each: -each.used)[:MOST_ROWS]
    labels = ExchangeAccount.objects.filter(pk__in=[each.account for each in placed]).select_related("user").in_bulk()
    held = refusals.held_sentence(known.held) % {"time": refusals.clock_time(known.held_until_ms)} if known.held else ""
    return {
        "traffic": known,
        "held": held,
        "waiting": sum(known.waiting.values()),
        "told_at": refusals.clock_time(known.told_ms) if known.told_ms else "",
        "users": [
            {
                "name": people.get(owner, _("this server") if owner == 0 else f"#{owner}"),
                "used": known.users.get(owner, 0),
                "waiting": known.waiting.get(owner, 0),
            }
            for owner in owners
        ],
        "orders": [{"name": _name(labels.get(each.account), each.account), "orders": each} for each in placed],
    }


def _name(account: ExchangeAccount | None, number: int) -> str:
    if account is not None:
        return f"{account.user}: {account}"
    return f"#{number}" if number else _("this server's keys")
