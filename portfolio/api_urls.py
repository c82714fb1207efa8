from django.urls import path

from portfolio import api

urlpatterns = [
    path("balances", api.BalancesView.as_view()),
    path("portfolio/history", api.HistoryView.as_view()),
]
