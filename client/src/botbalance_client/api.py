"""The API's client: one method a route, with time limits, and nothing sent twice that the server would do twice."""

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import parse_qs, urlsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import NewConnectionError

from botbalance_client.errors import AnswerLost, ConfigError, NotUnderstood, Refused, Unreachable
from botbalance_client.shapes import (
    Account,
    Autopilot,
    Balances,
    Me,
    Order,
    Plan,
    Run,
    RunRow,
    Strategy,
    Summary,
    Token,
)

ROOT = "/api/v1"
VERSION = "1"
CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
TRIES = 3
LONGEST_PAUSE = 30.0
# The server was there but not ready, or something in front of it was: asked again after a pause.
PASSING = frozenset({429, 502, 503, 504})
# Answers that leave open whether a deed was done.
NOT_KNOWN = frozenset({"server_error", "away", "idempotency_in_progress"})
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def new_key() -> str:
    """A new Idempotency-Key: one for everything that is meant to be done."""
    return secrets.token_hex(16)


class _Bearer(AuthBase):
    """The header. As the session's own `auth` it also keeps a .netrc from putting another in its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Token {self._token}"
        return request


class Client:
    """Asks one server as the owner of one token.

    Questions are asked again after a pause when the network or the server fails. Deeds carry a key, by which the server
    does them once: they are sent again with the same key, and AnswerLost says that nobody knows how it went. Raises
    Refused for what the server says no to.
    """

    def __init__(
        self,
        server: str,
        token: str,
        *,
        timeout: float = READ_SECONDS,
        allow_http: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`timeout` in seconds is for every answer. Raises ConfigError for an address or a token that cannot be one."""
        self.server = _address(server, allow_http=allow_http)
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise ConfigError("The token is empty, or has characters that no token has.")
        self._timeout = (min(CONNECT_SECONDS, timeout), timeout)
        self._sleep = sleep
        self._session = requests.Session()
        self._session.auth = _Bearer(token)
        self._session.headers.update({"Accept": "application/json", "User-Agent": "botbalance-client/1"})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    # --- questions ---------------------------------------------------------------------------------------

    def me(self) -> Me:
        return cast(Me, self._get("auth/me"))

    def current_token(self) -> Token | None:
        """What this token may do and how long; None for one that is not on the list."""
        tokens = cast(Iterator[Token], self._pages("me/tokens", {}))
        return next((token for token in tokens if token["is_current"]), None)

    def accounts(self) -> list[Account]:
        return list(cast(Iterator[Account], self._pages("me/accounts/", {})))

    def balances(self, account: int | None = None) -> Balances:
        return cast(Balances, self._get("me/balances", {"account": account}))

    def summary(self, account: int | None = None) -> Summary:
        return cast(Summary, self._get("me/portfolio/summary", {"account": account}))

    def strategies(self) -> list[Strategy]:
        return list(cast(Iterator[Strategy], self._pages("me/strategies/", {})))

    def plan(self, strategy: int) -> Plan:
        """The exact orders that a rebalance would begin with, and a digest that vouches for them."""
        return cast(Plan, self._get(f"me/strategies/{strategy}/plan"))

    def autopilot(self, strategy: int) -> Autopilot:
        return cast(Autopilot, self._get(f"me/strategies/{strategy}/autopilot"))

    def run(self, run: int) -> Run:
        return cast(Run, self._get(f"me/runs/{run}"))

    def runs(self) -> Iterator[RunRow]:
        """Rebalances, newest first."""
        return cast(Iterator[RunRow], self._pages("me/runs", {}))

    def orders(self, **filters: str | int | None) -> Iterator[Order]:
        """Orders, newest first; filters are account, run, symbol, status and side."""
        return cast(Iterator[Order], self._pages("me/orders", filters))

    # --- deeds -------------------------------------------------------------------------------------------

    def execute(self, strategy: int, plan_digest: str, key: str) -> tuple[Run, bool]:
        """Begin a rebalance with the plan the digest vouches for; the run, and whether this request began it.

        The same three again give the same run. Raises Refused(plan_changed) when the plan has moved meanwhile.
        """
        status, body = self._post("me/rebalance/execute", {"strategy": strategy, "plan_digest": plan_digest}, key)
        return cast(Run, body), status == 201

    def start(self, strategy: int, key: str = "") -> Autopilot:
        """Switch the autopilot on, or let a paused one go on."""
        return cast(Autopilot, self._post(f"me/strategies/{strategy}/start", {}, key)[1])

    def stop(self, strategy: int, key: str = "") -> Autopilot:
        """Switch the autopilot off: a rebalance it has begun stops, and its orders are cancelled."""
        return cast(Autopilot, self._post(f"me/strategies/{strategy}/stop", {}, key)[1])

    # --- how it goes over the wire -----------------------------------------------------------------------

    def _get(self, path: str, query: Mapping[str, str | int | None] | None = None) -> dict[str, Any]:
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        for number in range(TRIES):
            last = number + 1 == TRIES
            try:
                answer = self._send("GET", path, params=asked)
            except requests.RequestException as error:
                if last:
                    raise Unreachable(f"{self.server} does not answer: {_kind(error)}.") from None
                self._sleep(2.0**number / 2)
                continue
            if answer.status_code not in PASSING or last:
                return self._read(answer)
            self._sleep(_pause(answer, number))
        raise AssertionError

    def _post(self, path: str, body: Mapping[str, object], key: str) -> tuple[int, dict[str, Any]]:
        """One deed, by one key, however often it has to be sent to be answered."""
        headers = {"Idempotency-Key": key or new_key()}
        lost = away = ""
        for number in range(TRIES):
            if number:
                self._sleep(2.0**number / 2)
            try:
                answer = self._send("POST", path, json=body, headers=headers)
            except requests.RequestException as error:
                text = f"{self.server} does not answer: {_kind(error)}."
                lost, away = (lost, text) if _was_not_sent(error) else (text, away)
                continue
            try:
                return answer.status_code, self._read(answer)
            except (Refused, NotUnderstood) as error:
                if isinstance(error, Refused) and error.code not in NOT_KNOWN and not lost:
                    raise
                if isinstance(error, NotUnderstood) and answer.status_code < 500 and not lost:
                    raise
                # A refusal after a lost answer is one of this attempt only: the lost one may still be at work.
                lost = lost or str(error)
        if lost:
            raise AnswerLost(f"{lost} It is not known whether it was done: the same again with the same key is safe.")
        raise Unreachable(away)

    def _send(self, method: str, path: str, **more: Any) -> requests.Response:
        # A redirect would take the token, or turn a deed into a question.
        return self._session.request(
            method, f"{self.server}{ROOT}/{path}", timeout=self._timeout, allow_redirects=False, **more
        )

    def _read(self, answer: requests.Response) -> dict[str, Any]:
        if 300 <= answer.status_code < 400:
            raise ConfigError(f"{self.server} sends this program elsewhere: use the address it is served at.")
        try:
            body = answer.json()
        except (requests.JSONDecodeError, json.JSONDecodeError, RecursionError):
            body = None
        if answer.ok and isinstance(body, dict):
            return body
        error = body.get("error") if isinstance(body, dict) else None
        if not isinstance(error, dict) or not isinstance(error.get("code"), str):
            raise NotUnderstood(
                f"{self.server} answered with status {answer.status_code}, and not as BotBalance's API does."
            )
        fields = error.get("fields")
        raise Refused(
            answer.status_code,
            error["code"],
            str(error.get("message", "")),
            fields if isinstance(fields, dict) else None,
        )

    def _pages(self, path: str, filters: Mapping[str, str | int | None]) -> Iterator[Any]:
        """Every row of a list, page by page as they are asked for."""
        query: dict[str, str | int | None] = {"limit": 200, **filters}
        while True:
            body = self._get(path, query)
            rows = body.get("results")
            if not isinstance(rows, list):
                raise NotUnderstood(f"{self.server} answered {path} without results.")
            yield from rows
            following = body.get("next")
            if not following:
                return
            # Its query only: behind a proxy the server may not know its own address.
            given = parse_qs(urlsplit(str(following)).query)
            query = {name: values[-1] for name, values in given.items()}


def _address(server: str, *, allow_http: bool) -> str:
    try:
        parts = urlsplit(server.strip())
        host, _port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or parts.username or parts.query or parts.fragment:
        raise ConfigError("The server's address must look like https://botbalance.example.org.")
    if parts.scheme == "http" and host not in LOOPBACK and not allow_http:
        raise ConfigError(
            "Over http:// everybody on the way could read the token. Use https://, or set BOTBALANCE_ALLOW_HTTP=1 for "
            "a network that is yours alone."
        )
    path = parts.path.rstrip("/").removesuffix(ROOT).removesuffix("/api")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _pause(answer: requests.Response, number: int) -> float:
    text = answer.headers.get("Retry-After", "")
    wanted = float(text) if text.isascii() and text.isdigit() else 2.0**number / 2
    return min(wanted, LONGEST_PAUSE)


def _was_not_sent(error: requests.RequestException) -> bool:
    """Whether no connection came about, so that the server knows nothing of it."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.SSLError):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)


def _kind(error: requests.RequestException) -> str:
    """In words of ours: an error's own may hold addresses with what was asked."""
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "the connection failed"
    return "the request failed"
