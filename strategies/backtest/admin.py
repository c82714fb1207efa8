from django.contrib import admin
from django.http import HttpRequest

from strategies.backtest.models import BacktestRun


@admin.register(BacktestRun)
class BacktestRunAdmin(admin.ModelAdmin):
    list_display = ["id", "name", "user", "state", "interval", "rows_total", "attempts", "created_at", "finished_at"]
    list_filter = ["state", "interval"]
    search_fields = ["name", "user__email"]
    list_select_related = ["user"]
    raw_id_fields = ["user", "strategy", "account"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Their owners begin them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: BacktestRun | None = None) -> bool:
        """What was asked for and what came out stay what they are."""
        return False
