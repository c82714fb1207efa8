"""Mounted at /api/auth/."""

from django.urls import path

from accounts import api
from accounts.tokens.api import LogoutView

app_name = "auth_api"

urlpatterns = [
    path("register", api.RegisterView.as_view(), name="register"),
    path("token", api.TokenView.as_view(), name="token"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("me", api.MeView.as_view(), name="me"),
]
