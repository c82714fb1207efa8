from django.urls import path

from strategies import api

urlpatterns = [
    path("strategies/", api.StrategyList.as_view()),
    path("strategies/<int:strategy_id>/", api.StrategyDetail.as_view()),
]
