from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from solo.admin import SingletonModelAdmin

from botbalance.lib import system_settings
from botbalance.lib.models import SystemSettings


@admin.register(SystemSettings)
class SystemSettingsAdmin(SingletonModelAdmin):
    fieldsets = [
        (_("Trading"), {"fields": ["trading_enabled"]}),
        (_("Prices"), {"fields": ["pricing_source", "pricing_use_cache", "pricing_ttl_seconds"]}),
        (_("Symbol rules"), {"fields": ["exchange_info_ttl_seconds"]}),
        (_("Paper exchange"), {"fields": ["paper_start_balance"]}),
    ]

    def save_model(self, request: HttpRequest, obj: SystemSettings, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        system_settings.forget()
