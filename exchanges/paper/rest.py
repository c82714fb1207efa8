"""The REST door: a raw request in, an answer out. Nothing here knows whether it came over a network.

The order of checks: route (404), request weight (429), key (401), mandatory parameters, signature, timestamp, the rest.
Whatever is refused has changed nothing.
"""

import logging
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import F

from botbalance.lib.clock import now_ms
from exchanges.paper import private, public, store
from exchanges.paper.engine import Refused
from exchanges.paper.exchange_info import REQUEST_WEIGHT_PER_MINUTE
from exchanges.paper.market import Market
from exchanges.paper.models import PaperAccount, RequestWeight
from exchanges.paper.private import PrivateCall
from exchanges.paper.public import PublicCall
from exchanges.paper.routing import Route, Routes
from exchanges.paper.services import default_market
from exchanges.paper.wire import (
    INTEGER,
    Answer,
    ApiRefusal,
    Parameters,
    RawRequest,
    answer,
    missing,
    refusal,
    signature_matches,
)

logger = logging.getLogger(__name__)

DEFAULT_RECV_WINDOW_MS = Decimal(5000)
MAX_RECV_WINDOW_MS = Decimal(60_000)
_MINUTE_MS = 60_000
_SIGNING = ("recvWindow",)
_SIGNED = ("timestamp", "signature")

ROUTES: Routes = {**public.ROUTES, **private.ROUTES}


def handle(request: RawRequest, market: Market | None = None) -> Answer:
    """Answer one request; `market` is by default the one of the settings."""
    route = ROUTES.get((request.method, request.path))
    if route is None:
        return _not_found(request)
    market = default_market() if market is None else market
    weight_headers: dict[str, str] = {}
    try:
        parameters, cost = _cost(route, request)
        weight_headers = _charge(0 if route.free else cost)
        try:
            data, headers = _serve(route, request, parameters, market)
        except (ApiRefusal, Refused) as error:
            if route.free:
                weight_headers = _charge(cost)
            shown = error if isinstance(error, ApiRefusal) else private.refusal_of(error)
            return _with(refusal(shown), weight_headers)
        return answer(data, headers={**weight_headers, **headers})
    except ApiRefusal as error:
        return _with(refusal(error), weight_headers)
    except DatabaseError:
        # A commit that failed may or may not have happened: exactly what -1000 with a 5xx means to a client.
        logger.exception("the paper exchange's database failed on %s %s", request.method, request.path)
        text = "An unknown error occurred while processing the request."
        return _with(refusal(ApiRefusal(-1000, text, 500)), weight_headers)


def _not_found(request: RawRequest) -> Answer:
    if "text/html" in request.header("Accept"):
        body = b"<html><body><h1>404 Not Found</h1></body></html>"
        return Answer(404, {"Content-Type": "text/html", "Content-Length": str(len(body))}, body)
    return answer({"status": 404, "error": "Not Found", "path": request.path}, 404)


def _with(given: Answer, headers: dict[str, str]) -> Answer:
    return Answer(given.status, {**headers, **given.headers}, given.body)


def _cost(route: Route, request: RawRequest) -> tuple[Parameters, int]:
    try:
        parameters = Parameters.of(request)
        return parameters, route.cost(parameters)
    except ApiRefusal as error:
        error.headers = {**error.headers, **_charge(1)}
        raise


def _charge(cost: int) -> dict[str, str]:
    """Count request weight in the current minute, for all processes together; 429 above the limit."""
    now = now_ms()
    minute = now // _MINUTE_MS
    rows = RequestWeight.objects.using(store.ALIAS)
    if cost and not rows.filter(pk=1, minute=minute).update(used=F("used") + cost):
        with transaction.atomic(using=store.ALIAS):
            row, created = rows.select_for_update().get_or_create(pk=1, defaults={"minute": minute, "used": cost})
            if not created:
                used = row.used if row.minute == minute else 0
                rows.filter(pk=1).update(minute=minute, used=used + cost)
    used = rows.filter(pk=1, minute=minute).values_list("used", flat=True).first() or 0
    headers = {"X-MBX-USED-WEIGHT": str(used), "X-MBX-USED-WEIGHT-1M": str(used)}
    if used > REQUEST_WEIGHT_PER_MINUTE:
        wait = -(-(_MINUTE_MS - now % _MINUTE_MS) // 1000)
        text = (
            f"Too much request weight used; current limit is {REQUEST_WEIGHT_PER_MINUTE} request weight per 1 MINUTE. "
            "Please use WebSocket Streams for live updates to avoid polling the API."
        )
        raise ApiRefusal(-1003, text, 429, {**headers, "Retry-After": str(wait)})
    return headers


def _serve(route: Route, request: RawRequest, parameters: Parameters, market: Market) -> tuple[Any, dict[str, str]]:
    if not route.signed:
        parameters.check(route.mandatory, route.optional)
        return route.handler(PublicCall(store.controlled(market), parameters, now_ms())), {}
    row = _authenticate(request)
    parameters.check((*route.mandatory, *_SIGNED), (*route.optional, *_SIGNING))
    check_deadline = _authorise(request, parameters, row)
    with store.opened(row.pk, market) as account:
        call = PrivateCall(account, parameters, check_deadline)
        return route.handler(call), call.headers


def _authenticate(request: RawRequest) -> PaperAccount:
    api_key = request.header("X-MBX-APIKEY")
    if not private.key_is_wellformed(api_key):
        raise ApiRefusal(-2014, "API-key format invalid.", 401)
    row = PaperAccount.objects.using(store.ALIAS).filter(api_key=api_key, is_closed=False).first()
    if row is None:
        raise ApiRefusal(-2015, "Invalid API-key, IP, or permissions for action.", 401)
    return row


def _authorise(request: RawRequest, parameters: Parameters, row: PaperAccount) -> Callable[[int], None]:
    """Check signature and time; the answer checks the time once more, for just before the matching engine."""
    window = _recv_window(parameters)
    timestamp = _timestamp(parameters)
    if not signature_matches(request, row.api_secret, parameters.required("signature")):
        raise ApiRefusal(-1022, "Signature for this request is not valid.")

    def check(now: int) -> None:
        if timestamp >= now + 1000:
            raise ApiRefusal(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if now - timestamp > window:
            raise ApiRefusal(-1021, "Timestamp for this request is outside of the recvWindow.")

    check(now_ms())
    return check


def _timestamp(parameters: Parameters) -> Decimal:
    """The request's own time in ms; 16 digits are microseconds."""
    text = parameters.required("timestamp", INTEGER)
    value = Decimal(text)
    return value / 1000 if value >= 10**15 else value


def _recv_window(parameters: Parameters) -> Decimal:
    text = parameters.text("recvWindow")
    if text is None:
        return DEFAULT_RECV_WINDOW_MS
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise missing("recvWindow") from None
    whole, _, decimals = text.partition(".")
    if not (whole.isascii() and whole.isdigit() and len(decimals) <= 3):
        raise missing("recvWindow")
    if value > MAX_RECV_WINDOW_MS:
        raise ApiRefusal(-1131, "recvWindow must be less than 60000")
    return value
