"""Request signing. Pure.

Binance signs the percent-encoded text exactly as it goes on the wire (enforced since 2026-01-15): encode once, sign
that, send that.
"""

import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import quote


def encode(parameters: Iterable[tuple[str, str]]) -> str:
    """Percent-encoded `name=value` pairs joined by `&`: the very bytes that are signed and sent."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters)


def hmac_sha256(secret: str, payload: str) -> str:
    """Lower-case hex HMAC-SHA256 of `payload` (query string and body, joined without a separator)."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def signed(parameters: Iterable[tuple[str, str]], secret: str) -> str:
    """The encoded parameters with their signature appended last."""
    payload = encode(parameters)
    return f"{payload}&signature={hmac_sha256(secret, payload)}"
