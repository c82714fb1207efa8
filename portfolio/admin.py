from django.contrib import admin

from portfolio.models import PortfolioSnapshot


@admin.register(PortfolioSnapshot)
class PortfolioSnapshotAdmin(admin.ModelAdmin):
    list_display = ["account", "at", "reason", "nav", "quote"]
    list_filter = ["reason"]
    date_hierarchy = "at"
    readonly_fields = ["account", "at", "reason", "quote", "nav", "holdings"]
