from django.urls import path

from strategies.backtest import sweep_urls
from strategies.backtest.api import runs

urlpatterns = [
    path("backtests/", runs.BacktestList.as_view()),
    path("backtests/<int:backtest_id>/", runs.BacktestDetailView.as_view()),
    path("backtests/<int:backtest_id>/cancel", runs.BacktestCancel.as_view()),
    path("backtests/<int:backtest_id>/again", runs.BacktestAgain.as_view()),
    path("backtests/<int:backtest_id>/trades", runs.BacktestTrades.as_view()),
    path("backtests/<int:backtest_id>/report.html", runs.BacktestReport.as_view()),
    path("backtests/<int:backtest_id>/trades.csv", runs.BacktestTradesFile.as_view()),
    path("backtests/<int:backtest_id>/equity.csv", runs.BacktestEquityFile.as_view()),
    *sweep_urls.api_patterns,
]
