"""The addresses of the site with those of back-tests among them."""

from django.urls import URLPattern, URLResolver, get_resolver, include, path

from botbalance import urls as site

handler400, handler404, handler500 = site.handler400, site.handler404, site.handler500


def _is_there(prefix: str) -> bool:
    return any(str(entry.pattern) == prefix for entry in get_resolver("botbalance.urls").url_patterns)


urlpatterns: list[URLPattern | URLResolver] = [path("api/me/", include("strategies.backtest.api_urls"))]
if not _is_there("backtests/"):
    urlpatterns.append(path("backtests/", include("strategies.backtest.urls")))
urlpatterns.append(path("", include(site)))
