"""Mounted at /api/me/."""

from django.urls import path

from accounts import api
from accounts.tokens.api import TokenDetail, TokenList

urlpatterns = [
    path("tokens", TokenList.as_view()),
    path("tokens/<slug:key>", TokenDetail.as_view()),
    path("notices", api.NoticeList.as_view()),
    path("notices/<int:notice_id>/seen", api.NoticeSeen.as_view()),
]
