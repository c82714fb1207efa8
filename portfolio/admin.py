from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from botbalance.lib.admin import ReadOnly
from portfolio.models import CashFlow, PortfolioSnapshot


@admin.register(PortfolioSnapshot)
class PortfolioSnapshotAdmin(ReadOnly):
    list_display = ["account", "user", "at", "reason", "nav", "quote"]
    list_filter = ["reason", "at"]
    search_fields = ["account__user__email", "account__label"]
    list_select_related = ["account__user"]
    show_full_result_count = False

    @admin.display(description=_("user"), ordering="account__user__email")
    def user(self, snapshot: PortfolioSnapshot) -> str:
        return snapshot.account.user.email


@admin.register(CashFlow)
class CashFlowAdmin(ReadOnly):
    list_display = ["account", "user", "at", "kind", "asset", "amount", "value"]
    list_filter = ["kind", "at"]
    search_fields = ["account__user__email", "account__label", "asset"]
    list_select_related = ["account__user"]

    @admin.display(description=_("user"), ordering="account__user__email")
    def user(self, flow: CashFlow) -> str:
        return flow.account.user.email
