"""The routes of this app alone, so that its tests need no other."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView


def dashboard(request: HttpRequest) -> HttpResponse:
    return render(request, "base.html")


urlpatterns = [
    path("", dashboard, name="dashboard"),
    path("admin/", admin.site.urls),
    path("auth/account/notifications/", include("accounts.notifications.urls")),
    path("auth/", include("accounts.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/auth/", include("accounts.api_urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
]
