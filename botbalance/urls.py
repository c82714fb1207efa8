"""Every address of the site."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

from botbalance import api, guide_pages, health, metrics, pages
from botbalance.account_performance import api as performance_api
from botbalance.account_performance import pages as performance
from botbalance.assets import pages as assets
from botbalance.openapi import pages as openapi
from botbalance.status import api as status_api
from botbalance.status import pages as status

me: list[URLPattern | URLResolver] = [
    path("accounts/<int:account_id>/", api.AccountDetail.as_view()),
    path("accounts/<int:account_id>/reset", api.PaperReset.as_view()),
    path("portfolio/summary", api.SummaryView.as_view()),
    path("portfolio/performance", performance_api.PerformanceView.as_view()),
    path("portfolio/tax-lots", performance_api.TaxLotsView.as_view()),
    path("status", status_api.StatusView.as_view()),
    path("balances", api.BalancesView.as_view()),
    path("", include("accounts.me_api_urls")),
    path("", include("accounts.notifications.api_urls")),
    path("", include("exchanges.api_urls")),
    path("", include("portfolio.api_urls")),
    path("", include("orders.api_urls")),
    path("", include("orders.dust.api_urls")),
    path("", include("strategies.api_urls")),
    path("", include("strategies.backtest.api_urls")),
]

urlpatterns = [
    path("", pages.dashboard, name="dashboard"),
    path("guide/", guide_pages.overview, name="guide"),
    path("guide/next/", guide_pages.following, name="guide_next"),
    path("guide/switch/", guide_pages.switch, name="guide_switch"),
    path("exchange-accounts/", include("exchanges.urls")),
    path("exchange-accounts/<int:account_id>/disconnect/", pages.disconnect_account, name="disconnect_account"),
    path("exchange-accounts/<int:account_id>/reset/", pages.reset_paper_account, name="reset_paper_account"),
    path("performance/<int:account_id>/", performance.performance, name="performance"),
    path("performance/<int:account_id>/tax-lots", performance.tax_lots, name="tax_lots"),
    path("assets/<int:account_id>/<str:asset>/", assets.asset, name="asset"),
    path("strategies/", include("strategies.urls")),
    path("backtests/", include("strategies.backtest.urls")),
    path("orders/", include("orders.urls")),
    path("dust/", include("orders.dust.urls")),
    path("auth/account/notifications/", include("accounts.notifications.urls")),
    path("auth/", include("accounts.urls")),
    path("live/", status.live, name="live"),
    path("language/", set_language, name="set_language"),
    path("api/auth/", include("accounts.api_urls")),
    path("api/me/", include(me)),
    path("api/schema/", openapi.DocumentView.as_view(), name="schema"),
    path("api/docs/", openapi.docs, name="api_docs"),
    path("health/live", health.live),
    path("metrics", metrics.metrics),
    path("admin/", admin.site.urls),
]

handler400 = "botbalance.error_pages.bad_request"
handler404 = "botbalance.error_pages.not_found"
handler500 = "botbalance.error_pages.server_error"
