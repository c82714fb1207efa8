from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from botbalance.lib.admin import ReadOnly, ReadOnlyInline, Table
from strategies.models import Allocation, ProposedWeight, Strategy, TargetProposal
from strategies.presentation import model_reason


class AllocationInline(Table):
    model = Allocation


@admin.register(Strategy)
class StrategyAdmin(admin.ModelAdmin):
    list_display = ["name", "user", "account", "quote", "is_active", "min_delta_pct", "order_size_pct", "archived_at"]
    list_filter = ["is_active", "quote"]
    search_fields = ["name", "user__email"]
    raw_id_fields = ["user", "account"]
    readonly_fields = ["model_due_at", "model_refreshed_at", "archived_at"]  # what happened, and what comes of it
    inlines = [AllocationInline]

    def has_delete_permission(self, request: HttpRequest, obj: Strategy | None = None) -> bool:
        """Its owner takes a strategy out of use; deleting the row would take its rebalances along."""
        return False


class ProposedWeightInline(ReadOnlyInline):
    model = ProposedWeight
    fields = ["asset", "before_pct", "after_pct", "reason"]
    readonly_fields = ["reason"]

    @admin.display(description=_("reason"))
    def reason(self, row: ProposedWeight) -> str:
        return model_reason(row.code, row.values)


@admin.register(TargetProposal)
class TargetProposalAdmin(ReadOnly):
    list_display = ["id", "user", "strategy", "target_model", "state", "is_automatic", "created_at", "decided_at"]
    list_filter = ["state", "target_model", "is_automatic", "created_at"]
    search_fields = ["strategy__user__email", "strategy__name"]
    list_select_related = ["strategy__user"]
    inlines = [ProposedWeightInline]

    @admin.display(description=_("user"), ordering="strategy__user__email")
    def user(self, proposal: TargetProposal) -> str:
        return proposal.strategy.user.email
