from django.contrib import admin

from botbalance.lib.admin import ReadOnly
from orders.dust.models import DustSweep


@admin.register(DustSweep)
class DustSweepAdmin(ReadOnly):
    list_display = ["id", "user", "account", "state", "received", "charge", "created_at", "finished_at"]
    list_filter = ["state"]
    search_fields = ["user__email"]
    list_select_related = ["user", "account"]
