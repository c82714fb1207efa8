"""Reading the environment so that a wrong value stops the start with one line that names it."""

import ipaddress
import re
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

env = environ.Env()

TRUE = ("true", "on", "yes", "1")
FALSE = ("false", "off", "no", "0")


def _read(name: str, default: str, parse: Callable[[str], T], expected: str) -> T:
    text = env.str(name, default=default).strip()
    try:
        return parse(text)
    except (ValueError, InvalidOperation):
        raise ImproperlyConfigured(f"{name} is {text!r}; it must be {expected}.") from None


def flag(name: str, default: bool) -> bool:
    """True or false. A misspelt word is refused: it would otherwise switch something off in silence."""

    def parse(text: str) -> bool:
        if text.lower() in TRUE:
            return True
        if text.lower() in FALSE:
            return False
        raise ValueError

    return _read(name, "true" if default else "false", parse, "true or false")


def whole(name: str, default: int, *, least: int = 0, most: int = 2**31) -> int:
    """A whole number within limits."""

    def parse(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise ValueError
        return value

    return _read(name, str(default), parse, f"a whole number from {least} to {most}")


def positive(name: str, default: str) -> Decimal:
    """A finite decimal number above 0."""

    def parse(text: str) -> Decimal:
        value = Decimal(text)
        if not value.is_finite() or value <= 0:
            raise ValueError
        return value

    return _read(name, default, parse, "a number greater than 0")


def between(name: str, default: str, least: Decimal, most: Decimal) -> Decimal:
    """A decimal number within limits."""

    def parse(text: str) -> Decimal:
        value = Decimal(text)
        if not value.is_finite() or not least <= value <= most:
            raise ValueError
        return value

    return _read(name, default, parse, f"a number from {least} to {most}")


def choice(name: str, default: str, choices: Sequence[str]) -> str:
    """One of a few words."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError
        return text

    return _read(name, default, parse, f"{', '.join(choices[:-1])} or {choices[-1]}")


def moment(name: str, default: str) -> str:
    """An ISO 8601 time with its zone, as text; an empty default may stay empty."""

    def parse(text: str) -> str:
        if text and datetime.fromisoformat(text).tzinfo is None:
            raise ValueError
        if not text and default:
            raise ValueError
        return text

    return _read(name, default, parse, "a time with its zone, such as 2026-01-01T00:00:00+00:00")


def host_of(url: str) -> str:
    """The host of an http or https address, in lower case and without a dot at its end.

    ValueError for an address that a client might read otherwise than it looks: with a user in it, with percent signs
    in its host, with anything but plain letters, digits, dots and dashes there.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or _STRANGE.search(url):
        raise ValueError("no plain http or https address")
    _ = parts.port  # raises ValueError for what is no port
    host = (parts.hostname or "").rstrip(".")
    if not _HOST.fullmatch(host):
        raise ValueError("no plain host")
    return host


def is_host(text: str) -> bool:
    """Whether a text is a plain host, in lower case."""
    return _HOST.fullmatch(text) is not None


_STRANGE = re.compile(r"[\s\x00-\x1f\x7f\\]")
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f:.]*:[0-9a-f:.]*")


def is_at(host: str, domains: Sequence[str], *, besides: Sequence[str] = ()) -> bool:
    """Whether a host is one of these domains or below one, and none of those in `besides`."""
    return host not in besides and any(host == domain or host.endswith(f".{domain}") for domain in domains)


def address(name: str, default: str, *, never: Sequence[str] = (), besides: Sequence[str] = ()) -> str:
    """An http or https address, and no host of the domains in `never`, but for those in `besides`."""

    def parse(text: str) -> str:
        if is_at(host_of(text), never, besides=besides):
            raise ValueError
        return text

    limits = f", and not at {' or '.join(never)}" if never else ""
    return _read(name, default, parse, f"an http or https address{limits}")


def server(name: str, default: str, schemes: Sequence[str]) -> str:
    """The address of a server by its scheme; empty where the default is and nothing is set."""

    def parse(text: str) -> str:
        if text and (urlsplit(text).scheme not in schemes or not text.split("://", 1)[-1]):
            raise ValueError
        return text

    return _read(name, default, parse, f"an address beginning with {schemes[0]}://")


def addresses(name: str) -> list[str]:
    """IP addresses, separated by commas; none where nothing is set."""

    def parse(text: str) -> list[str]:
        return [str(ipaddress.ip_address(part.strip())) for part in text.split(",") if part.strip()]

    return _read(name, "", parse, "IP addresses separated by commas, such as 203.0.113.7")


def rate(name: str, default: str) -> str:
    """So many requests in a period: 20/min."""

    def parse(text: str) -> str:
        if not re.fullmatch(r"[1-9][0-9]{0,8}/(s|sec|m|min|h|hour|d|day)", text):
            raise ValueError
        return text

    return _read(name, default, parse, "a rate such as 20/min")


def database(name: str, default: str) -> dict[str, Any]:
    """A database by its URL: SQLite or PostgreSQL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of an engine it does not know: the next line says so better
        config: dict[str, Any] = dict(env.db_url(name, default=default))
    engine = config.get("ENGINE", "")
    if not engine.endswith(("sqlite3", "postgresql")) or not config.get("NAME"):
        raise ImproperlyConfigured(f"{name} must be an address such as postgres://user:password@host:5432/name.")
    return config
