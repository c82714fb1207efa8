from django.contrib import admin
from django.http import HttpRequest

from strategies.models import Allocation, Strategy


class AllocationInline(admin.TabularInline):
    model = Allocation
    extra = 0


@admin.register(Strategy)
class StrategyAdmin(admin.ModelAdmin):
    list_display = ["name", "user", "account", "quote", "is_active", "min_delta_pct", "order_size_pct", "archived_at"]
    list_filter = ["is_active", "quote"]
    search_fields = ["name", "user__email"]
    raw_id_fields = ["user", "account"]
    inlines = [AllocationInline]

    def has_delete_permission(self, request: HttpRequest, obj: Strategy | None = None) -> bool:
        """Its owner takes a strategy out of use; deleting the row would take its rebalances along."""
        return False
