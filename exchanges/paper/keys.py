"""Public keys of accounts that sign with RSA or Ed25519 instead of a shared secret."""

import base64
import binascii
import functools

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

MOST_PEM = 10_000
LEAST_RSA_BITS = 2048


@functools.lru_cache(maxsize=64)
def load(pem: str) -> RSAPublicKey | Ed25519PublicKey:
    """The public key of a PEM text; ValueError, with a sentence, when it is not an RSA or Ed25519 one."""
    if len(pem) > MOST_PEM:
        raise ValueError("this is too long for a public key")
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("this is no public key in PEM form (BEGIN PUBLIC KEY)") from None
    if isinstance(key, RSAPublicKey):
        if key.key_size < LEAST_RSA_BITS:
            raise ValueError(f"an RSA key needs at least {LEAST_RSA_BITS} bits; this one has {key.key_size}")
        return key
    if isinstance(key, Ed25519PublicKey):
        return key
    raise ValueError("this is neither an RSA nor an Ed25519 key")


def verifies(pem: str, payload: bytes, signature: str) -> bool:
    """Whether `signature`, base64 and case-sensitive, is the key's: RSA as PKCS #1 v1.5 with SHA-256, or Ed25519."""
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    key = load(pem)
    try:
        if isinstance(key, RSAPublicKey):
            key.verify(raw, payload, PKCS1v15(), SHA256())
        else:
            key.verify(raw, payload)
    except InvalidSignature:
        return False
    return True
