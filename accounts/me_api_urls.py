"""Mounted at /api/me/."""

from django.urls import path

from accounts import api

urlpatterns = [
    path("notices", api.NoticeList.as_view()),
    path("notices/<int:notice_id>/seen", api.NoticeSeen.as_view()),
]
