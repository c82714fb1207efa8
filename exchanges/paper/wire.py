"""What goes over the wire: requests, answers, refusals, and the reading of parameters with the exchange's own texts."""

import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import quote_from_bytes, unquote_plus

from exchanges.paper import keys

Json = dict[str, Any]

NUMBER = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
INTEGER = r"^[0-9]{1,20}$"
CLIENT_ORDER_ID = r"^[a-zA-Z0-9-_]{1,36}$"
SYMBOL = r"^[A-Z0-9-_.]{1,20}$"
SYMBOL_LIST = r'^\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\]$'
_PRECISION = 8
_MICROSECONDS = 10**14
"""A time with so many digits is in microseconds."""
_END_OF_TIME_MS = 10**15


class ApiRefusal(Exception):
    """An answer that is an error: HTTP status, code, text and perhaps `data`, as the exchange gives them."""

    def __init__(
        self,
        code: int,
        text: str,
        status: int = 400,
        headers: Mapping[str, str] | None = None,
        data: Json | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {text}")
        self.code = code
        self.text = text
        self.status = status
        self.headers = dict(headers or {})
        self.data = data


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request as received: the query string and the body are the raw bytes, still percent-encoded. `address` is where
    it came from; "" is this process.
    """

    method: str
    path: str
    query: bytes = b""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    address: str = ""

    def header(self, name: str) -> str:
        for key, value in self.headers.items():
            if key.lower() == name.lower():
                return value
        return ""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    body = json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
    base = {"Content-Type": "application/json;charset=UTF-8", "x-mbx-uuid": str(uuid.uuid4())}
    return Answer(status, {**base, "Content-Length": str(len(body)), **(headers or {})}, body)


def refusal(error: ApiRefusal) -> Answer:
    body: Json = {"code": error.code, "msg": error.text}
    if error.data is not None:
        body["data"] = error.data
    return answer(body, error.status, error.headers)


# --- Signing ---------------------------------------------------------------------------------------------


def signed_payload(request: RawRequest) -> bytes:
    """The bytes under the signature: query string and body without separator, each without its `signature`.

    What a client left unencoded is encoded here, so that a signature made over unencoded text does not match.
    """
    parts = (
        b"&".join(piece for piece in raw.split(b"&") if not piece.startswith(b"signature="))
        for raw in (request.query, request.body)
    )
    return b"".join(re.sub(rb"[\x80-\xff]+", lambda match: quote_from_bytes(match[0]).encode(), part) for part in parts)


def signature_matches(request: RawRequest, secret: str, signature: str, public_key: str = "") -> bool:
    """With a public key (PEM): base64 of its RSA or Ed25519 signature. Otherwise HMAC, as hex in either case."""
    if public_key:
        return keys.verifies(public_key, signed_payload(request), signature)
    expected = hmac.new(secret.encode(), signed_payload(request), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.lower().encode())


# --- Parameters ------------------------------------------------------------------------------------------


class Parameters:
    """The parameters of one request. Reading one names what is wrong with it in the exchange's words."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    @classmethod
    def of(cls, request: RawRequest) -> "Parameters":
        """From the query, and from a form body except for GET; a name in both takes the query's value."""
        query = _pairs(request.query)
        body = {} if request.method == "GET" else _pairs(request.body)
        return cls({**body, **query})

    def __contains__(self, name: str) -> bool:
        return self._values.get(name, "") != ""

    def check(self, mandatory: tuple[str, ...], optional: tuple[str, ...]) -> None:
        """-1102 for a missing one, -1105 for an empty one, -1104 for one that this route does not know."""
        for name in mandatory:
            if name not in self:
                raise missing(name)
        known = {*mandatory, *optional}
        for name, value in self._values.items():
            if name in known and value == "":
                raise ApiRefusal(-1105, f"Parameter '{name}' was empty.")
        read = sum(name in known for name in self._values)
        if read != len(self._values):
            raise ApiRefusal(
                -1104,
                f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{len(self._values)}'.",
            )

    def text(self, name: str, pattern: str | None = None) -> str | None:
        value = self._values.get(name)
        if value is not None and pattern is not None and not re.fullmatch(pattern[1:-1], value, re.ASCII):
            raise illegal(name, pattern)
        return value

    def required(self, name: str, pattern: str | None = None) -> str:
        value = self.text(name, pattern)
        if not value:
            raise missing(name)
        return value

    def symbol(self) -> str | None:
        """A symbol name; one outside ASCII is possible, so it is not illegal, only unknown."""
        value = self._values.get("symbol")
        if value is not None and value.isascii():
            return self.text("symbol", SYMBOL)
        return value

    def integer(self, name: str, *, low: int = 0, high: int | None = None) -> int | None:
        """A whole number; -1100 for another form, -1130 outside low .. high."""
        value = self.text(name, INTEGER)
        if value is None:
            return None
        number = int(value)
        if number < low or (high is not None and number > high) or number >= 1 << 63:
            raise invalid(name)
        return number

    def moment(self, name: str) -> int | None:
        """A time in milliseconds or microseconds, as milliseconds. None is too large to be one: it is clamped later."""
        text = self.text(name, INTEGER)
        if text is None:
            return None
        value = int(text)
        return min(value // 1000 if value >= _MICROSECONDS else value, _END_OF_TIME_MS)

    def amount(self, name: str) -> Decimal:
        """A positive-form number with at most eight decimals."""
        text = self.required(name, NUMBER)
        if len(text.partition(".")[2].rstrip("0")) > _PRECISION:
            raise ApiRefusal(-1111, f"Parameter '{name}' has too much precision.")
        return Decimal(text)

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self._values.get(name, default)
        if value not in allowed:
            raise invalid(name)
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self._values.get(name)
        if value is None:
            return default
        if value.lower() not in ("true", "false"):
            raise invalid(name)
        return value.lower() == "true"


def _pairs(raw: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for piece in raw.decode("utf-8", "replace").split("&"):
        if not piece:
            continue
        name, _, value = piece.partition("=")
        name = unquote_plus(name)
        if name in found:
            raise ApiRefusal(-1101, "Duplicate values for a parameter detected.")
        found[name] = unquote_plus(value)
    return found


def missing(name: str) -> ApiRefusal:
    return ApiRefusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def neither(first: str, second: str) -> ApiRefusal:
    return ApiRefusal(-1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")


def illegal(name: str, pattern: str) -> ApiRefusal:
    return ApiRefusal(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'.")


def invalid(name: str) -> ApiRefusal:
    return ApiRefusal(-1130, f"Data sent for parameter '{name}' is not valid.")
