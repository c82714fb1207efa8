"""Exchange accounts. Mounted by the root, at /exchange-accounts/."""

from django.urls import path

from exchanges import pages

app_name = "exchanges"
urlpatterns = [
    path("", pages.account_list, name="list"),
    path("connect/", pages.connect, name="connect"),
    path("<int:account_id>/rename/", pages.rename, name="rename"),
    path("<int:account_id>/check/", pages.check, name="check"),
]
