"""Mounted at /api/me/."""

from django.urls import path

from accounts.notifications import api

urlpatterns = [
    path("channels", api.ChannelList.as_view()),
    path("channels/<int:channel_id>", api.ChannelDetail.as_view()),
    path("channels/<int:channel_id>/test", api.ChannelTest.as_view()),
    path("channels/<int:channel_id>/rotate-secret", api.ChannelSecret.as_view()),
    path("channels/<int:channel_id>/deliveries", api.ChannelDeliveries.as_view()),
    path("notification-settings", api.SettingsView.as_view()),
]
