"""What refuses a request of any route: its signature, its time, the weight that was used."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import requests
import time_machine

from botbalance.lib.clock import now_ms
from exchanges.paper.models import RequestWeight
from exchanges.paper.tests.cases.base import (
    Act,
    Case,
    missing,
)
from exchanges.paper.tests.support import Client

MOMENT_MS = 1_772_452_800_000  # 2026-03-02T12:00:00Z


def heavy(used: int) -> Act:
    """The address has used so much weight in this minute."""

    def acting(client: Client) -> requests.Response:
        with time_machine.travel(MOMENT_MS // 60_000 * 60 + 30, tick=False):
            client.public("/api/v3/ping")
            RequestWeight.objects.using("paper").update(minute=now_ms() // 60_000, used=used)
            return client.public("/api/v3/ping")

    return acting


def signed_at(offset_ms: int, **more: Any) -> Act:
    return lambda client: client.send("GET", "/api/v3/account", timestamp=now_ms() + offset_ms, **more)


def raw(query: Callable[[Client], str], **headers: str) -> Act:
    return lambda client: client.raw("GET", "/api/v3/account", query(client), **headers)


def any_signed_route() -> Iterator[Case]:
    def case(code: int, text: str, act: Act, status: int = 400) -> Case:
        return Case("GET", "account", code, text, act, status=status)

    late, early = "outside of the recvWindow.", "1000ms ahead of the server's time."
    yield case(-1021, f"Timestamp for this request is {late}", signed_at(-6000))
    yield case(-1021, f"Timestamp for this request is {late}", signed_at(-1000, recvWindow="500.5"))
    yield case(-1021, f"Timestamp for this request was {early}", signed_at(2000))
    yield case(-1131, "recvWindow must be less than 60000", signed_at(0, recvWindow=60_001))
    yield case(-1102, missing("recvWindow"), signed_at(0, recvWindow="soon"))
    yield case(-1102, missing("timestamp"), raw(lambda client: ""))
    yield case(-1102, missing("signature"), raw(lambda client: urlencode({"timestamp": now_ms()})))
    forged = raw(lambda client: urlencode({"timestamp": now_ms(), "signature": "0" * 64}))
    yield case(-1022, "Signature for this request is not valid.", forged)
    yield case(-2014, "API-key format invalid.", lambda client: client.public("/api/v3/account"), 401)
    short = raw(lambda client: "", **{"X-MBX-APIKEY": "short"})
    yield case(-2014, "API-key format invalid.", short, 401)
    stranger = raw(lambda client: "", **{"X-MBX-APIKEY": "x" * 64})
    yield case(-2015, "Invalid API-key, IP, or permissions for action.", stranger, 401)


def any_route() -> Iterator[Case]:
    twice = "symbol=BTCUSDT&symbol=ETHUSDT"
    text = "Duplicate values for a parameter detected."
    yield Case("GET", "ticker/price", -1101, text, lambda client: client.raw("GET", "/api/v3/ticker/price", twice))
    text = "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."
    unit = {"X-MBX-TIME-UNIT": "SECOND"}
    yield Case("GET", "time", -1194, text, lambda client: client.raw("GET", "/api/v3/time", **unit))
    text = (
        "Too much request weight used; current limit is 6000 request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
    )
    yield Case("GET", "ping", -1003, text, heavy(6000), status=429)
    until = (MOMENT_MS // 60_000 * 60 + 30) * 1000 + 120_000
    text = (
        f"Way too much request weight used; IP banned until {until}. "
        "Please use WebSocket Streams for live updates to avoid bans."
    )
    yield Case("GET", "ping", -1003, text, heavy(7200), status=418)
