"""Out through the guard: what an address of a channel means, whether it may be used, and sending to it.

Nothing here touches the database, and no message of an exception or of Apprise's own log is passed on: they may hold
parts of the address.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from accounts.notifications import guard
from accounts.notifications.catalogue import COMMON_PARAMS, NATIVE, SENDING_MODULES, SERVICES, Service
from accounts.notifications.domain import signature
from accounts.notifications.guard import Attempt

logger = logging.getLogger(__name__)

MOST_LETTERS = 2000
# An address that names more is a mailing list.
MOST_TARGETS = 10
# So often Apprise takes the percent signs out of parts of an address, and once more.
MOST_UNQUOTED = 3
# Headers that say where a request goes and where it ends: they are ours.
FRAMING = frozenset(
    f"+{name}" for name in ("host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te")
)


class Unreadable(Exception):
    """This is no address that can be used. `code`: a key of `REASONS` in `services.addresses`."""

    def __init__(self, code: str, **values: str) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


@dataclass(frozen=True, slots=True)
class Message:
    """What is told, in the words of its reader. `link`: absolute where this server knows its own address."""

    id: str
    kind: str
    created: str
    title: str
    text: str
    link: str
    is_urgent: bool
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try went: `problem` is a key of `wording.PROBLEMS`, "" where it arrived."""

    problem: str
    values: Mapping[str, str]


# --- Webhooks --------------------------------------------------------------------------------------------


def check_webhook(address: str) -> None:
    """Raises Unreadable for what is no plain http or https address."""
    if len(address) > MOST_LETTERS or not address.isascii() or not address.isprintable() or " " in address:
        raise Unreadable("no_address")
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise Unreadable("no_address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or "\\" in address or port == 0:
        raise Unreadable("no_address")
    if "@" in parts.netloc:
        raise Unreadable("with_user")


@sensitive_variables("address", "secret", "body")
def post_webhook(address: str, secret: str, message: Message, timestamp: int, attempt: Attempt) -> bool:
    """POST a message as signed JSON; whether it was answered with 2xx. `timestamp`: UTC seconds."""
    body = webhook_body(message)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "BotBalance",
        "BotBalance-Event": message.id,
        "BotBalance-Timestamp": str(timestamp),
        "BotBalance-Signature": f"sha256={signature(secret, timestamp, body)}",
    }
    with attempt:
        answer = guard.http.post(address, data=body, headers=headers)
    return 200 <= answer.status_code < 300


def webhook_body(message: Message) -> bytes:
    """The body of every try of a message, byte for byte."""
    told = {"title": message.title, "text": message.text, "link": message.link}
    body = {"id": message.id, "kind": message.kind, "created": message.created, "data": {**told, **message.data}}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


# --- Apprise ---------------------------------------------------------------------------------------------


def allowed_services() -> dict[str, Service]:
    """What the table has and the operator has not taken out, by schema."""
    return {schema: service for schema, service in SERVICES.items() if schema in settings.NOTIFY_SCHEMAS}


@sensitive_variables("address")
def read_address(address: str) -> tuple[str, Service]:
    """The schema and the service of an Apprise address. Raises Unreadable for one that must not be used."""
    if len(address) > MOST_LETTERS or _hides_controls(address):
        raise Unreadable("no_address")
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        raise Unreadable("no_address") from None
    schema = parts.scheme
    if schema == "https":
        schema = NATIVE.get(host, "")
        if not schema:
            raise Unreadable("not_native")
    if "://" not in address or schema not in SERVICES:
        raise Unreadable("unknown_service", schema=schema[:20])
    if schema not in settings.NOTIFY_SCHEMAS:
        raise Unreadable("service_not_allowed", service=SERVICES[schema].name)
    return schema, SERVICES[schema]


@sensitive_variables("address")
def _hides_controls(address: str) -> bool:
    """Whether it has a character that nobody sees, such as a line break, which would end a header of a mail."""
    for _time in range(MOST_UNQUOTED):
        if not address.isprintable():
            return True
        address = unquote(address)
    return not address.isprintable()


@sensitive_variables("address", "settled")
def open_service(address: str) -> Any:
    """Apprise's own object for an address, made to send through the guard only. Raises Unreadable."""
    _schema, service = read_address(address)
    plugin = _plugin(service)
    is_native = address[:8].lower() == "https://"
    read = plugin.parse_native_url if is_native else plugin.parse_url
    try:
        settled = read(address.replace("/#", "/%23"))
        _check_parameters(service, settled.get("qsd", {}) if settled else {})
        opened = plugin(**settled, asset=_asset()) if settled else None
        if opened is None or not 1 <= len(opened) <= MOST_TARGETS:
            raise Unreadable("incomplete", service=service.name, example=service.example)
    except (TypeError, ValueError, AttributeError, KeyError, IndexError):
        # What it has against the address holds the address.
        raise Unreadable("incomplete", service=service.name, example=service.example) from None
    opened.throttle = _do_not_wait
    return opened


@sensitive_variables("address")
def send_through(address: str, message: Message, attempt: Attempt) -> bool:
    """Send a message to an Apprise address; whether the service has taken it."""
    opened = open_service(address)
    parts = [message.text, message.link]
    body = "\n\n".join(part for part in parts if part) or message.title
    with attempt:
        return bool(
            opened.notify(
                body=body,
                title=message.title,
                notify_type="warning" if message.is_urgent else "info",
                body_format="text",
            )
        )


def rehearse(type_: str, address: str, message: Message) -> Attempt:
    """Where sending to an address would connect to first, and why that must not be; without sending anything."""
    attempt = Attempt(is_rehearsal=True)
    _send(type_, address, "", message, 0, attempt)
    return attempt


def deliver(type_: str, address: str, secret: str, message: Message, timestamp: int) -> Outcome:
    """Send a message once. Never raises: whatever happens is this channel's trouble."""
    attempt = Attempt()
    if _send(type_, address, secret, message, timestamp, attempt):
        return Outcome("", {})
    return Outcome(attempt.problem or "not_taken", attempt.values)


@sensitive_variables()
def _send(type_: str, address: str, secret: str, message: Message, timestamp: int, attempt: Attempt) -> bool:
    try:
        if type_ == "webhook":
            check_webhook(address)
            return post_webhook(address, secret, message, timestamp, attempt)
        return send_through(address, message, attempt)
    except Unreadable as error:
        attempt.note("not_allowed" if error.code == "service_not_allowed" else "unusable")
    except (requests.RequestException, OSError):
        pass  # the guard has noted what it was
    except Exception as error:  # noqa: BLE001  (a plugin's mistake must not end the worker, nor name its address)
        if not attempt.is_rehearsal:
            logger.error("a notification failed by a mistake: %s", type(error).__name__)
            attempt.note("mistake")
    return False


def _check_parameters(service: Service, query: Mapping[str, str]) -> None:
    """Of what Apprise itself has read of a query, nothing may be there that is not in the table."""
    prefixes = tuple(service.prefixes)
    for name in (name.strip().lower() for name in query):
        is_own = bool(prefixes) and name.startswith(prefixes) and name not in FRAMING
        if name not in service.params | COMMON_PARAMS and not is_own:
            raise Unreadable("parameter", name=name[:40])


def _do_not_wait(*_args: Any, **_options: Any) -> None:
    """Apprise would sleep between requests; retries and their pauses are ours."""


def _plugin(service: Service) -> Any:
    for name in SENDING_MODULES.get(service.module, (service.module,)):
        module: Any = import_module(f"apprise.plugins.{name}")
        if hasattr(module, "requests"):
            module.requests = guard.http
        if hasattr(module, "smtplib"):
            module.smtplib = guard.smtp
    return getattr(import_module(f"apprise.plugins.{service.module}"), service.cls)


def _asset() -> Any:
    from apprise import AppriseAsset  # at first use: it takes 0.2 s and 8 MB, and most processes never need it

    return AppriseAsset(
        app_id="BotBalance",
        app_desc="BotBalance",
        app_url=settings.SITE_URL,
        http_redirects=False,
        secure_logging=True,
        interpret_emojis=False,
        pgp_autogen=False,
        pem_autogen=False,
        storage_mode="memory",
        allow_templates=False,
        language="en",
    )
