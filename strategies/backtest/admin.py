from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from botbalance.lib.admin import Asked
from strategies.backtest.models import BacktestRun, Sweep
from strategies.backtest.selectors import sweeps as selectors


@admin.register(BacktestRun)
class BacktestRunAdmin(Asked):
    list_display = ["id", "name", "user", "state", "interval", "rows_total", "attempts", "created_at", "finished_at"]
    list_filter = ["state", "interval"]
    search_fields = ["name", "user__email"]
    list_select_related = ["user"]


@admin.register(Sweep)
class SweepAdmin(Asked):
    """With the pieces its work is cut into: what a sweep that does not end is found out with."""

    list_display = [
        "id", "name", "user", "state", "objective", "settings_total", "paths", "created_at", "finished_at",
    ]  # fmt: skip
    list_filter = ["state", "objective", "created_at", ("user", admin.EmptyFieldListFilter)]
    search_fields = ["name", "user__email", "strategy__name"]
    list_select_related = ["user"]
    readonly_fields = ["pieces"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sweep]:
        return super().get_queryset(request).defer("summary", "rules")

    @admin.display(description=gettext_lazy("pieces of its work"))
    def pieces(self, sweep: Sweep) -> SafeString:
        text = _("%(stage)s: %(done)s of %(all)s pieces, %(taken)s in hand, begun at most %(begun)s times")
        lines = ((text % row._asdict(),) for row in selectors.pieces_of(sweep))
        return format_html_join("", "<div>{}</div>", lines)
