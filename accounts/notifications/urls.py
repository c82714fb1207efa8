"""How a user is told. Mounted by the root, at /auth/account/notifications/."""

from django.urls import path

from accounts.notifications import pages

app_name = "notifications"
urlpatterns = [
    path("", pages.overview, name="overview"),
    path("add/", pages.add, name="add"),
    path("<int:channel_id>/", pages.channel, name="channel"),
    path("<int:channel_id>/test/", pages.test, name="test"),
    path("<int:channel_id>/rotate/", pages.rotate, name="rotate"),
    path("<int:channel_id>/delete/", pages.delete, name="delete"),
]
