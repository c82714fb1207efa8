"""The REST door: a raw request in, an answer out. Nothing here knows whether it came over a network.

The order of checks: route (404, 405), limits (429, 418), key (401), mandatory parameters, signature, timestamp, the
rest. Whatever is refused has changed nothing, but for half a cancel-replace and the count of an order that came late.
"""

import logging
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import DatabaseError

from botbalance.lib.clock import now_ms
from exchanges.paper import limits, private, public, store, times
from exchanges.paper.engine import Refused
from exchanges.paper.market import Market
from exchanges.paper.models import PaperAccount
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
_SIGNING = ("recvWindow",)
_SIGNED = ("timestamp", "signature")

ROUTES: Routes = {**public.ROUTES, **private.ROUTES}


def handle(request: RawRequest, market: Market | None = None) -> Answer:
    """Answer one request; `market` is by default the one of the settings."""
    route = ROUTES.get((request.method, request.path))
    if route is None:
        return _not_found(request)
    market = default_market() if market is None else market
    headers: dict[str, str] = {}
    try:
        try:
            parameters, cost, malformed = Parameters.of(request), 0, None
            cost = route.cost(parameters)
        except ApiRefusal as error:
            parameters, cost, malformed = Parameters({}), 1, error
        charged_at_once = not route.free or malformed is not None
        usage = limits.count(request.address, cost if charged_at_once else 0, now_ms())
        headers = usage.headers
        usage.check()
        try:
            if malformed is not None:
                raise malformed
            times.check_unit(request.header(times.HEADER))
            data, more = _serve(route, request, parameters, market)
        except (ApiRefusal, Refused) as error:
            if not charged_at_once:
                headers = limits.count(request.address, cost, usage.now_ms, requests=0).headers
            raise error if isinstance(error, ApiRefusal) else private.refusal_of(error) from None
        return answer(_in_unit(request, data), headers={**headers, **more})
    except ApiRefusal as error:
        error.data = _in_unit(request, error.data)
        return _with(refusal(error), headers)
    except DatabaseError:
        # A commit that failed may or may not have happened: exactly what -1000 with a 5xx means to a client.
        logger.exception("the paper exchange's database failed on %s %s", request.method, request.path)
        text = "An unknown error occurred while processing the request."
        return _with(refusal(ApiRefusal(-1000, text, 500)), headers)


def _not_found(request: RawRequest) -> Answer:
    """404, or 405 where the path is right and only the method is not."""
    methods = sorted(method for method, path in ROUTES if path == request.path)
    status, text = (405, "Method Not Allowed") if methods else (404, "Not Found")
    allow = {"Allow": ", ".join(methods)} if methods else {}
    if "text/html" in request.header("Accept"):
        body = f"<html><body><h1>{status} {text}</h1></body></html>".encode()
        return Answer(status, {"Content-Type": "text/html", "Content-Length": str(len(body)), **allow}, body)
    return answer({"status": status, "error": text, "path": request.path}, status, allow)


def _with(given: Answer, headers: dict[str, str]) -> Answer:
    return Answer(given.status, {**headers, **given.headers}, given.body)


def _in_unit(request: RawRequest, data: Any) -> Any:
    """Times in microseconds where the client asks for them."""
    return times.in_microseconds(request.path, data) if request.header(times.HEADER) in times.MICROSECOND else data


def _serve(route: Route, request: RawRequest, parameters: Parameters, market: Market) -> tuple[Any, dict[str, str]]:
    if not route.signed:
        parameters.check(route.mandatory, route.optional)
        return route.handler(PublicCall(store.controlled(market), parameters, now_ms())), {}
    row = _authenticate(request)
    parameters.check((*route.mandatory, *_SIGNED), (*route.optional, *_SIGNING))
    check_deadline = _authorise(request, parameters, row)
    with store.opened(row.pk, market, parameters.text("symbol") or "") as account:
        call = PrivateCall(account, parameters, check_deadline)
        data = route.handler(call)
    if isinstance(data, ApiRefusal):  # half of it was done and is written
        data.headers = {**call.headers, **data.headers}
        raise data
    return data, call.headers


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
    if not signature_matches(request, row.api_secret, parameters.required("signature"), row.public_key):
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
