"""Request signing. Pure.

Binance signs the percent-encoded text exactly as it goes on the wire (enforced since 2026-01-15): encode once, sign
that, send that. Three kinds of key, told apart by the form of the secret: a PEM private key is RSA or Ed25519 (base64
signature, percent-encoded), anything else is an HMAC secret (hex signature).

Nothing here raises with a secret in its hands: what is wrong with a key is an answer, not an exception.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

LEAST_RSA_BITS = 2048
# Longer texts are no key, however they were pasted, and are not searched for one.
MOST_PASTED_CHARACTERS = 8000
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_LINE_BREAKS = re.compile(r"\\r|\\n|\s+")


class KeyProblem(StrEnum):
    """Why a secret cannot sign."""

    ENCRYPTED = "encrypted"
    PUBLIC = "public"
    UNREADABLE = "unreadable"
    WRONG_KIND = "wrong_kind"
    TOO_SMALL = "too_small"


@dataclass(frozen=True, slots=True)
class HmacKey:
    """The shared secret of an HMAC key pair."""

    secret: str = field(repr=False)

    def sign(self, payload: str) -> str:
        return hmac_sha256(self.secret, payload)


@dataclass(frozen=True, slots=True)
class RsaKey:
    """PKCS#1 v1.5 over SHA-256."""

    private: rsa.RSAPrivateKey = field(repr=False)

    def sign(self, payload: str) -> str:
        signature = self.private.sign(payload.encode(), padding.PKCS1v15(), hashes.SHA256())
        return quote(base64.b64encode(signature), safe="")


@dataclass(frozen=True, slots=True)
class Ed25519Key:
    private: ed25519.Ed25519PrivateKey = field(repr=False)

    def sign(self, payload: str) -> str:
        return quote(base64.b64encode(self.private.sign(payload.encode())), safe="")


Key = HmacKey | RsaKey | Ed25519Key


def encode(parameters: Iterable[tuple[str, str]]) -> str:
    """Percent-encoded `name=value` pairs joined by `&`: the very bytes that are signed and sent."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters)


def hmac_sha256(secret: str, payload: str) -> str:
    """Lower-case hex HMAC-SHA256 of `payload` (query string and body, joined without a separator)."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def signed(parameters: Iterable[tuple[str, str]], key: Key) -> str:
    """The encoded parameters with their signature appended last."""
    payload = encode(parameters)
    return f"{payload}&signature={key.sign(payload)}"


def looks_like_pem(secret: str) -> bool:
    """Whether somebody meant a key file, whole or not."""
    return "-----" in secret


def tidy(secret: str) -> str:
    """A pasted secret as it is kept: without white space around it, a PEM key in lines of 64 characters.

    Line breaks of a PEM key survive being pasted into one line, indented, or written as backslash and n. What cannot
    be tidied is returned as it came; `read_key` says what is wrong with it.
    """
    found = _PEM.search(secret) if len(secret) <= MOST_PASTED_CHARACTERS else None
    if found is None:
        return secret.strip()
    body = _LINE_BREAKS.sub("", found[2])
    if not _BASE64.fullmatch(body):
        return secret.strip()
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return f"-----BEGIN {found[1]}-----\n{lines}\n-----END {found[1]}-----\n"


def read_key(secret: str, *, is_checked: bool = False) -> Key | KeyProblem:
    """The key that a secret is, or why it is none that Binance takes.

    `is_checked`: the key was read in full when it was stored. The arithmetic check of an RSA key takes up to a quarter
    of a second, and is left out then.
    """
    if not looks_like_pem(secret):
        return HmacKey(secret)
    if "ENCRYPTED" in secret:
        return KeyProblem.ENCRYPTED
    found = _PEM.search(secret)
    if found is None:
        return KeyProblem.UNREADABLE
    label = found[1]
    if label in ("PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE"):
        return KeyProblem.PUBLIC
    if label not in ("PRIVATE KEY", "RSA PRIVATE KEY"):
        return KeyProblem.WRONG_KIND
    try:
        private = serialization.load_pem_private_key(
            tidy(secret).encode(), password=None, unsafe_skip_rsa_key_validation=is_checked
        )
    except UnsupportedAlgorithm:
        return KeyProblem.WRONG_KIND
    except (ValueError, TypeError):
        return KeyProblem.UNREADABLE
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return Ed25519Key(private)
    if not isinstance(private, rsa.RSAPrivateKey):
        return KeyProblem.WRONG_KIND
    return RsaKey(private) if private.key_size >= LEAST_RSA_BITS else KeyProblem.TOO_SMALL
