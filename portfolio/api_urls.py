from django.urls import path

from portfolio import api

urlpatterns = [
    path("cash-flows", api.CashFlowList.as_view()),
    path("portfolio/history", api.HistoryView.as_view()),
    path("portfolio/history.csv", api.HistoryFile.as_view(), name="history_csv"),
]
