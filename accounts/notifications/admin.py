"""Channels in the admin: whether they work; never where they lead."""

from django.contrib import admin

from accounts.notifications.models import Channel, Delivery
from botbalance.lib.admin import ReadOnly


@admin.register(Channel)
class ChannelAdmin(ReadOnly):
    list_display = ["id", "user", "name", "type", "hint", "enabled", "failures_in_a_row", "problem", "worked_at"]
    list_filter = ["type", "enabled"]
    search_fields = ["user__email", "name", "hint"]
    list_select_related = ["user"]
    exclude = ["address", "secret"]


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    list_display = ["id", "channel", "event", "tries", "next_try_at", "sent_at", "problem"]
    list_filter = ["event__kind", ("sent_at", admin.EmptyFieldListFilter)]
    search_fields = ["channel__user__email", "event__title"]
    list_select_related = ["channel", "event"]
