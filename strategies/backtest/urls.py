"""Back-tests. Mounted by the root, at /backtests/."""

from django.urls import path

from strategies.backtest import sweep_urls
from strategies.backtest.pages import applying, comparing, runs

app_name = "backtests"
urlpatterns = [
    path("", runs.run_list, name="list"),
    path("new/", runs.create, name="create"),
    path("compare/", comparing.compare, name="compare"),
    path("<int:backtest_id>/", runs.run, name="run"),
    path("<int:backtest_id>/cancel/", runs.cancel, name="cancel"),
    path("<int:backtest_id>/again/", runs.again, name="again"),
    path("<int:backtest_id>/rename/", runs.rename, name="rename"),
    path("<int:backtest_id>/delete/", runs.delete, name="delete"),
    path("<int:backtest_id>/apply/", applying.apply, name="apply"),
    *sweep_urls.page_patterns,
]
