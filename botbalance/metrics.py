"""`/metrics` in Prometheus's text format: what all processes share, read when it is asked for.

Nothing is counted in this process's memory, for there are several processes and a scrape meets one of them.
"""

import logging
from collections.abc import Iterator
from hmac import compare_digest

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from accounts.models import User
from botbalance.lib.clock import now_ms
from exchanges import traffic
from exchanges.traffic import Traffic
from orders.models import Autopilot, Watch

logger = logging.getLogger(__name__)


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """For the program that has METRICS_TOKEN, and for superadmins who are signed in.

    Who comes with neither is told what to bring (401), who comes with something else is refused (403). The token is
    looked at first: it needs no database, and these numbers are wanted most when that is away.
    """
    if not (_has_token(request) or _is_superadmin(request)):
        text = "Metrics are for superadmins, or need the bearer token METRICS_TOKEN.\n"
        if request.headers.get("Authorization") or request.user.is_authenticated:
            return HttpResponse(text, status=403)
        return HttpResponse(text, status=401, headers={"WWW-Authenticate": 'Bearer realm="metrics"'})
    registry = CollectorRegistry()
    registry.register(Everything())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    expected: str = settings.METRICS_TOKEN
    return bool(expected) and scheme.lower() == "bearer" and compare_digest(token.strip().encode(), expected.encode())


def _is_superadmin(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_active and request.user.is_superadmin


class Everything(Collector):
    """Families of numbers, each with the function that knows them."""

    def collect(self) -> Iterator[Metric]:
        hosts = [traffic.traffic_of(host) for host in traffic.hosts_in_use()]
        yield GaugeMetricFamily(
            "botbalance_ledger_up", "1 while the ledger of requests can be read", int(not any(h.problem for h in hosts))
        )
        yield from _exchange([host for host in hosts if not host.problem])
        try:
            rows = list(_rows())
        except (DatabaseError, InterfaceError) as error:
            logger.error("the database cannot be read for the metrics: %s", error)
            rows = []
        yield GaugeMetricFamily("botbalance_database_up", "1 while the main database can be read", int(bool(rows)))
        yield from rows


def _rows() -> Iterator[Metric]:
    """What is counted in rows of the main database."""
    due = Watch.objects.filter(due_ms__lte=now_ms()).count()
    yield GaugeMetricFamily("botbalance_watches_due", "Accounts whose next look is due", due)
    flying = Autopilot.objects.filter(is_on=True).aggregate(
        flying=Count("pk", filter=Q(paused_at=None)), paused=Count("pk", filter=~Q(paused_at=None))
    )
    autopilots = GaugeMetricFamily("botbalance_autopilots", "Autopilots that are on", labels=["state"])
    for state, number in flying.items():
        autopilots.add_metric([state], number)
    yield autopilots


def _exchange(hosts: list[Traffic]) -> Iterator[Metric]:
    def gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"botbalance_exchange_{name}", text, labels=["host", *labels])

    used = gauge("weight_used", "Request weight used this minute")
    limit = gauge("weight_limit", "Request weight an address may use in a minute")
    placed = gauge("orders_used", "Most orders one account has placed in the window that lasts", "window")
    until = gauge("paused_until_seconds", "Unix time until which nothing is sent, 0 when something is")
    banned = gauge("banned", "1 while the exchange has banned this server's address")
    waiting = gauge("waiting_reads", "Reads that wait for their turn")
    ended = CounterMetricFamily(
        "botbalance_exchange_requests", "Requests by how they ended", labels=["host", "outcome"]
    )
    for host in hosts:
        used.add_metric([host.host], host.used)
        limit.add_metric([host.host], host.limit)
        until.add_metric([host.host], host.held_until_ms // 1000)
        banned.add_metric([host.host], int(host.is_banned))
        waiting.add_metric([host.host], sum(host.waiting.values()))
        for window in {each.interval for each in host.orders}:
            most = max(each.used for each in host.orders if each.interval == window)
            placed.add_metric([host.host, window], most)
        for outcome, number in sorted(host.outcomes.items()):
            ended.add_metric([host.host, outcome], number)
    yield from (used, limit, placed, until, banned, waiting, ended)
