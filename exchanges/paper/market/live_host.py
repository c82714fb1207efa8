"""Reading the public data of a live exchange: no keys, nothing but GET. Parsed here, into ticks and lots.

What goes wrong, of whatever kind, is a HostFailure. After one the host is left alone for a moment, and as long as it
says when it answers 429 or 418. Requests pass the server's ledger: they leave from the same address as all others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import requests

from botbalance.lib.money import wide
from exchanges.adapters.answers import SHORTEST_BAN_SECONDS, code_and_text, error_for, parsed_json, pause_seconds
from exchanges.adapters.weights import listed_weight
from exchanges.errors import ExchangeError
from exchanges.ledger.domain import SERVER
from exchanges.paper.market.bars import Ints
from exchanges.paper.symbols import SymbolSpec
from exchanges.schemas import MalformedAnswer, decimal, integer, used_limits

if TYPE_CHECKING:  # the markets can be had without a Django project, the ledger cannot
    from exchanges.ledger.services import Ledger

TIMEOUT_SECONDS = (2.0, 5.0)
PAUSE_MS = 2000
"""So long nothing is asked after a failure."""
SLOWED_SECONDS = 60
"""So long after a 429 that does not say how long."""
FRESH_MS = 1000
"""So long an answer about the present serves all who ask."""
RULES_MS = 3_600_000
PAGE = 1000
"""Candles of one request, and of one page kept here."""
_PAGES = 600
CLOSED_AFTER_MS = 2000
"""So long after its end a candle is taken as final."""
_BODY_LIMIT = 40_000_000
INTERVALS = {1000: "1s", 60_000: "1m", 3_600_000: "1h"}
OPEN, HIGH, LOW, CLOSE, LOTS, QUOTE, TRADES, TAKER_LOTS, TAKER_QUOTE = range(9)
_FIELDS = 9


T = TypeVar("T")


class HostFailure(Exception):
    """The host gave no answer that can be used. `asked`: it was really asked, and did not just have its pause."""

    def __init__(self, text: str, *, asked: bool = True) -> None:
        super().__init__(text)
        self.asked = asked


@dataclass(frozen=True, slots=True)
class Best:
    """The best of a book and the last price, all in the quote asset; quantities in the base asset."""

    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal
    last: Decimal


@dataclass(frozen=True, slots=True)
class HostBook:
    """A book by its own number, best first, (price, quantity)."""

    number: int
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]


@dataclass(frozen=True, slots=True)
class HostDay:
    """The last 24 hours as the host counts them, still in decimals."""

    open: Decimal
    high: Decimal
    low: Decimal
    last: Decimal
    previous_close: Decimal
    last_quantity: Decimal
    volume: Decimal
    quote_volume: Decimal
    trades: Decimal


class _Page:
    """PAGE candles from a moment on, of which the first `known` are known."""

    def __init__(self) -> None:
        self.rows: Ints = np.zeros((PAGE, _FIELDS), dtype=np.int64)
        self.known = 0
        self.lock = Lock()


class LiveHost:
    """One host for one process. `report` hears what goes wrong, and None whenever there are new prices."""

    def __init__(
        self,
        url: str,
        now_ms: Callable[[], int],
        report: Callable[[str | None], None],
        ledger: "Callable[[], Ledger] | None" = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._now_ms = now_ms
        self._report = report
        self._ledger = ledger
        self._session = requests.Session()
        self._silent_until_ms = 0
        self._banned_until_ms = 0
        self._answers: dict[str, tuple[int, Any]] = {}
        self._locks: dict[str, Lock] = {}
        self._guard = Lock()
        self._pages: dict[tuple[SymbolSpec, int, int], _Page] = {}

    # --- The present -------------------------------------------------------------------------------------

    def rules(self, table: Mapping[str, SymbolSpec]) -> dict[str, SymbolSpec]:
        """The symbols of `table` that trade there, with the numbers of the host's own filters."""

        def parse(body: Any) -> dict[str, SymbolSpec]:
            rows = {row["symbol"]: row for row in body["symbols"] if row["status"] == "TRADING"}
            return {name: _spec(spec, rows[name]) for name, spec in table.items() if name in rows}

        parameters = {"permissions": "SPOT", "showPermissionSets": "false"}
        return self._kept("rules", RULES_MS, lambda: self._get("/api/v3/exchangeInfo", parameters, parse))

    def best(self) -> Mapping[str, Best]:
        """All books' best and the last prices: the one answer by which the host counts as reached."""

        def fetch() -> Mapping[str, Best]:
            prices = self._get("/api/v3/ticker/price", {}, _last_prices)
            found = self._get("/api/v3/ticker/bookTicker", {}, lambda body: _best(body, prices))
            self._report(None)
            return found

        return self._kept("best", FRESH_MS, fetch)

    def last_known(self, symbol: str) -> Decimal:
        """The last price that was ever heard of, 0: none."""
        kept = self._answers.get("best")
        best = kept[1].get(symbol) if kept else None
        return best.last if best else Decimal(0)

    def book(self, symbol: str) -> HostBook:
        """The first hundred levels of each side."""
        parameters = {"symbol": symbol, "limit": "100"}
        return self._kept(f"book:{symbol}", FRESH_MS, lambda: self._get("/api/v3/depth", parameters, _book))

    def days(self) -> Mapping[str, HostDay]:
        """The last 24 hours of all symbols."""
        return self._kept("days", 5 * FRESH_MS, lambda: self._get("/api/v3/ticker/24hr", {}, _days))

    # --- The past ----------------------------------------------------------------------------------------

    def candles(self, spec: SymbolSpec, unit_ms: int, first: int, end: int) -> Ints:
        """The closed candles first .. end - 1, counted in units since 1970: a row each, zeros where there is none."""
        parts = []
        for number in range(first // PAGE, -(-end // PAGE)):
            begin, stop = max(first, number * PAGE), min(end, (number + 1) * PAGE)
            page = self._page(spec, unit_ms, number, stop - number * PAGE)
            parts.append(page.rows[begin - number * PAGE : stop - number * PAGE])
        return np.concatenate(parts) if parts else np.zeros((0, _FIELDS), dtype=np.int64)

    def _page(self, spec: SymbolSpec, unit_ms: int, number: int, needed: int) -> _Page:
        key = (spec, unit_ms, number)
        with self._guard:
            page = self._pages.pop(key, None) or _Page()
            self._pages[key] = page  # the newest last
            while len(self._pages) > _PAGES:
                del self._pages[next(iter(self._pages))]
        begin = number * PAGE
        with page.lock:
            if page.known < needed:
                # One request brings all of the page that is closed by now.
                closed = (self._now_ms() - CLOSED_AFTER_MS) // unit_ms - begin
                end = max(needed, min(PAGE, closed))
                parameters = {
                    "symbol": spec.symbol,
                    "interval": INTERVALS[unit_ms],
                    "startTime": str((begin + page.known) * unit_ms),
                    "endTime": str((begin + end) * unit_ms - 1),
                    "limit": str(PAGE),
                }
                for at, row in self._get("/api/v3/klines", parameters, lambda body: _candles(spec, unit_ms, body)):
                    if page.known <= at - begin < end:
                        page.rows[at - begin] = row
                page.known = end
        return page

    # --- Asking ------------------------------------------------------------------------------------------

    def _kept(self, name: str, fresh_ms: int, fetch: Callable[[], T]) -> T:
        """An answer not older than `fresh_ms`; of several threads that want a new one, one asks."""
        found = self._answers.get(name)
        if found is None or self._now_ms() - found[0] >= fresh_ms:
            with self._guard:
                lock = self._locks.setdefault(name, Lock())
            with lock:
                found = self._answers.get(name)
                if found is None or self._now_ms() - found[0] >= fresh_ms:
                    found = (self._now_ms(), fetch())
                    self._answers[name] = found
        answer: T = found[1]
        return answer

    def _get(self, path: str, parameters: Mapping[str, str], parse: Callable[[Any], T]) -> T:
        now = self._now_ms()
        if now < self._banned_until_ms:
            text = f"it wants to be left alone for {-(-(self._banned_until_ms - now) // 1000)} s"
            self._report(text)
            raise HostFailure(text, asked=False)
        if now < self._silent_until_ms:
            raise HostFailure("it failed a moment ago", asked=False)
        try:
            body = self._ask(path, parameters)
            try:
                answer = parse(body)
            except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
                raise HostFailure(f"{path}: an answer of another form: {error!r}"[:200]) from error
        except HostFailure as failure:
            self._silent_until_ms = self._now_ms() + PAUSE_MS
            self._report(str(failure))
            raise
        return answer

    def _ask(self, path: str, parameters: Mapping[str, str]) -> Any:
        """One request that the ledger knows of, at once or not at all: a market without prices keeps nobody waiting."""
        if self._ledger is None:
            return self._body(path, self._send(path, parameters))
        ledger = self._ledger()
        passed = ledger.admit(
            self._url,
            owner=SERVER,
            account=0,
            weight=listed_weight("GET", path, parameters),
            orders=0,
            is_read=True,
            offset_ms=0,
            may_wait=False,
        )
        if isinstance(passed, ExchangeError):
            raise HostFailure(passed.message, asked=False)
        error, status, told = None, 0, {}
        try:
            answer = self._send(path, parameters)
            status, told = answer.status_code, used_limits(answer.headers)
            if status != 200:
                wait, text = answer.headers.get("Retry-After", ""), _text(answer)
                error = error_for(status, 0, text, is_read=True, retry_after=wait, now_ms=self._now_ms())
        finally:
            ledger.settle(passed, error, status, told, is_free=False)
        return self._body(path, answer)

    def _send(self, path: str, parameters: Mapping[str, str]) -> requests.Response:
        try:
            return self._session.get(
                self._url + path, params=parameters, timeout=TIMEOUT_SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            raise HostFailure(f"{path}: {type(error).__name__}") from error

    def _body(self, path: str, answer: requests.Response) -> Any:
        if answer.status_code in (418, 429):
            now, wait = self._now_ms(), answer.headers.get("Retry-After", "")
            is_ban = answer.status_code == 418
            unsaid = SHORTEST_BAN_SECONDS if is_ban else SLOWED_SECONDS
            seconds = pause_seconds(wait, _text(answer) if is_ban else "", now, unsaid)
            self._banned_until_ms = now + int(1000 * seconds)
        if answer.status_code != 200:
            raise HostFailure(f"{path}: HTTP {answer.status_code}")
        if len(answer.content) > _BODY_LIMIT:
            raise HostFailure(f"{path}: an answer of {len(answer.content)} bytes")
        try:
            return answer.json()
        except ValueError as error:
            raise HostFailure(f"{path}: no JSON") from error


def _text(answer: requests.Response) -> str:
    """Binance's words in an answer; "" where there are none."""
    return code_and_text(parsed_json(answer.content))[1]


def _spec(spec: SymbolSpec, row: Mapping[str, Any]) -> SymbolSpec:
    """Our row of a symbol with the host's numbers; a filter it does not have keeps ours."""
    filters = {each["filterType"]: each for each in row["filters"]}
    price, lot = filters["PRICE_FILTER"], filters["LOT_SIZE"]
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    tick, step = decimal(price["tickSize"]), decimal(lot["stepSize"])
    if tick <= 0 or step <= 0 or (row["baseAsset"], row["quoteAsset"]) != (spec.base, spec.quote):
        raise MalformedAnswer(f"the rules of {spec.symbol} cannot be used")
    return replace(
        spec,
        tick=tick.normalize(),
        step=step.normalize(),
        min_notional=decimal(notional.get("minNotional", str(spec.min_notional))),
        max_price=decimal(price["maxPrice"]) or spec.max_price,
        max_quantity=decimal(lot["maxQty"]),
    )


def _last_prices(body: Any) -> dict[str, Decimal]:
    return {row["symbol"]: decimal(row["price"]) for row in body}


def _best(body: Any, last: Mapping[str, Decimal]) -> dict[str, Best]:
    return {
        row["symbol"]: Best(
            bid=decimal(row["bidPrice"]),
            bid_quantity=decimal(row["bidQty"]),
            ask=decimal(row["askPrice"]),
            ask_quantity=decimal(row["askQty"]),
            last=last.get(row["symbol"], Decimal(0)),
        )
        for row in body
    }


def _book(body: Any) -> HostBook:
    sides = (tuple((decimal(price), decimal(quantity)) for price, quantity in body[side]) for side in ("bids", "asks"))
    return HostBook(integer(body["lastUpdateId"]), *sides)


def _days(body: Any) -> dict[str, HostDay]:
    names = (
        "openPrice", "highPrice", "lowPrice", "lastPrice", "prevClosePrice", "lastQty", "volume", "quoteVolume",
        "count",
    )  # fmt: skip
    return {row["symbol"]: HostDay(*(decimal(row[name]) for name in names)) for row in body}


def _candles(spec: SymbolSpec, unit_ms: int, body: Any) -> list[tuple[int, list[int]]]:
    return [(integer(row[0]) // unit_ms, _candle(spec, row)) for row in body]


def _candle(spec: SymbolSpec, row: list[Any]) -> list[int]:
    unit = spec.tick * spec.step
    with wide():
        return [
            *(int(decimal(price) / spec.tick) for price in row[1:5]),
            int(decimal(row[5]) / spec.step),
            int(decimal(row[7]) / unit),
            integer(row[8]),
            int(decimal(row[9]) / spec.step),
            int(decimal(row[10]) / unit),
        ]
