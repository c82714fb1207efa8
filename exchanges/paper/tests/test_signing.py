"""Signatures over the bytes as received. The vectors are the exchange's published ones."""

import base64
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
import requests
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from botbalance.lib.clock import now_ms
from botbalance.lib.errors import Invalid
from exchanges.paper import services
from exchanges.paper.services import PaperKeys
from exchanges.paper.tests.support import DATABASES, Client, client_with, refused, signature

pytestmark = pytest.mark.django_db(databases=DATABASES)

KEYS = PaperKeys(
    "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
    "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
)
MOMENT = 1_499_827_319_559
REST = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
INVALID_SIGNATURE = (400, -1022, "Signature for this request is not valid.")
# With a right signature these two are refused for what they ask, not for how they are signed.
TOO_EXPENSIVE = (400, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE")
UNKNOWN_SYMBOL = (400, -1121, "Invalid symbol.")


@pytest.fixture
def client() -> Any:
    with time_machine.travel(MOMENT / 1000, tick=False):
        services.open_account("vectors", {"BTC": Decimal(1)}, keys=KEYS)
        yield Client(KEYS)


def send(client: Client, query: str, body: str = "") -> tuple[int, int, str]:
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    return refused(client.raw("POST", "/api/v3/order", query, body, **headers))


@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_a_query_is_accepted_with_hex_of_either_case(client: Client, case: Any) -> None:
    digest = case("c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71")
    assert send(client, f"symbol=LTCBTC&{REST}&signature={digest}") == TOO_EXPENSIVE


def test_a_percent_encoded_symbol_is_signed_as_it_is_encoded(client: Client) -> None:
    symbol = "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96"
    digest = "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"
    assert send(client, f"symbol={symbol}&{REST}&signature={digest}") == UNKNOWN_SYMBOL


@pytest.mark.parametrize("in_body", [False, True])
def test_a_signature_over_unencoded_text_is_refused(client: Client, in_body: bool) -> None:
    text = f"symbol=１２３４５６&{REST}&signature=ca2cdfbf21d2e2958de492c7f2dd1f059dd2ed4d4459d26a5ec7928db50c8d4f"
    assert send(client, *(("", text) if in_body else (text, ""))) == INVALID_SIGNATURE


def test_query_and_body_are_joined_without_a_separator(client: Client) -> None:
    digest = "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"
    query = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC"
    body = f"quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559&signature={digest}"
    assert send(client, query, body) == TOO_EXPENSIVE
    assert send(client, query, body.replace("quantity=1&", "quantity=2&")) == INVALID_SIGNATURE


def test_a_parameter_in_both_places_takes_the_value_of_the_query() -> None:
    client = client_with(USDT="10000")
    query = "symbol=BTCUSDT&side=BUY"
    body = f"side=WRONG&type=LIMIT&timeInForce=GTC&quantity=0&price=1&timestamp={now_ms()}"
    body += f"&signature={signature(client.keys.api_secret, query + body)}"
    assert send(client, query, body) == (400, -1013, "Invalid quantity.")


def test_another_secret_or_a_changed_byte_is_refused() -> None:
    client = client_with(USDT="1")
    text = client.sign({"timestamp": 1_700_000_000_000})
    assert refused(client.raw("GET", "/api/v3/account", text + "0")) == INVALID_SIGNATURE
    assert refused(client.raw("GET", "/api/v3/account", text.replace("=17", "=18"))) == INVALID_SIGNATURE
    stranger = Client(PaperKeys(client.keys.api_key, "x" * 64))
    assert refused(stranger.send("GET", "/api/v3/account")) == INVALID_SIGNATURE


@pytest.mark.parametrize(
    ("offset_ms", "window", "text"),
    [
        (-4900, None, None),
        (-5100, None, "Timestamp for this request is outside of the recvWindow."),
        (-5100, "5200.5", None),
        (-900, "500", "Timestamp for this request is outside of the recvWindow."),
        (999, None, None),
        (1000, None, "Timestamp for this request was 1000ms ahead of the server's time."),
        (600_000, "60000", "Timestamp for this request was 1000ms ahead of the server's time."),
        (-600_000, "60000", "Timestamp for this request is outside of the recvWindow."),
    ],
)
@pytest.mark.parametrize("micro", [False, True])
def test_a_request_lives_for_its_window(offset_ms: int, window: str | None, text: str | None, micro: bool) -> None:
    with time_machine.travel(1_790_000_000, tick=False):
        client = client_with(USDT="1")
        stamp = 1_790_000_000_000 + offset_ms
        more = {} if window is None else {"recvWindow": window}
        response = client.send("GET", "/api/v3/account", timestamp=stamp * 1000 if micro else stamp, **more)
        if text is None:
            assert response.status_code == 200
        else:
            assert refused(response) == (400, -1021, text)


def test_a_window_above_a_minute_is_refused() -> None:
    response = client_with(USDT="1").send("GET", "/api/v3/account", recvWindow="60000.001")
    assert refused(response) == (400, -1131, "recvWindow must be less than 60000")


@pytest.mark.parametrize("api_key", ["", "short", "ü" * 64, "a" * 63 + "-"])
def test_a_malformed_key_is_refused(api_key: str) -> None:
    client = Client(PaperKeys(api_key.encode().decode("latin-1"), "x" * 64))
    assert refused(client.send("GET", "/api/v3/account")) == (401, -2014, "API-key format invalid.")


def test_an_unknown_key_and_a_closed_account_are_refused_alike() -> None:
    text = "Invalid API-key, IP, or permissions for action."
    assert refused(Client(PaperKeys("a" * 64, "x" * 64)).send("GET", "/api/v3/account")) == (401, -2015, text)
    client = client_with(USDT="1")
    services.close_account(client.keys.api_key)
    assert refused(client.send("GET", "/api/v3/account")) == (401, -2015, text)


# --- Keys that are not shared ------------------------------------------------------------------------------


def key_pair(kind: str) -> tuple[RSAPrivateKey | Ed25519PrivateKey, str]:
    private = rsa.generate_private_key(65537, 2048) if kind == "RSA" else Ed25519PrivateKey.generate()
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private, pem.decode()


def signed_by(private: RSAPrivateKey | Ed25519PrivateKey, text: str) -> str:
    if isinstance(private, RSAPrivateKey):
        raw = private.sign(text.encode(), PKCS1v15(), SHA256())
    else:
        raw = private.sign(text.encode())
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize("kind", ["RSA", "Ed25519"])
def test_an_account_with_a_public_key_is_signed_for_in_base64_of_exactly_this_case(kind: str) -> None:
    private, pem = key_pair(kind)
    keys = services.open_account("asymmetric", {"USDT": Decimal(1)}, public_key=pem)
    client = Client(keys)
    text = f"timestamp={now_ms()}"

    def asked(digest: str) -> requests.Response:
        return client.raw("GET", "/api/v3/account", f"{text}&signature={digest}")

    right = signed_by(private, text)
    assert asked(quote(right, safe="")).status_code == 200
    stranger = signed_by(key_pair(kind)[0], text)
    for wrong in (right.swapcase(), stranger, right[:-4], "", "%00", "%F0%9F%98%80", signature(keys.api_secret, text)):
        expected = INVALID_SIGNATURE if wrong else (400, -1102)
        assert refused(asked(quote(wrong, safe="%") if wrong else ""))[: len(expected)] == expected
    # A plus sign that is not encoded is a space.
    if "+" in right:
        assert refused(asked(right)) == INVALID_SIGNATURE
    assert keys.api_secret == ""


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: "secret", "this is no public key in PEM form (BEGIN PUBLIC KEY)"),
        (lambda: "x" * 20_000, "this is too long for a public key"),
        (lambda: weak_pem(), "an RSA key needs at least 2048 bits; this one has 1024"),
        (lambda: curve_pem(), "this is neither an RSA nor an Ed25519 key"),
    ],
)
def test_a_key_that_cannot_verify_is_refused_when_the_account_is_opened(make: Callable[[], str], why: str) -> None:
    with pytest.raises(Invalid, match=re.escape(f"The public key cannot be used: {why}.")):
        services.open_account("asymmetric", {"USDT": Decimal(1)}, public_key=make())


def weak_pem() -> str:
    """Made with OpenSSL: 1024 bits, which the library still reads and no longer makes."""
    return """-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCrJcqDFPPvdJAX+UJUabLxkPJD
HJcZIzpe97WexKwiiw7+0F2QEldkFgkPIyEicchbG8xkUt96GkiJ8LqVUzJ0K3Ct
L/aKUDs9mnvj+Jm8kKc1rjQH2W6e5TKeyHcg9KC6IkChfKfMBTJg0+wIByvGE7w0
CXZKiqkHSurLDkphgQIDAQAB
-----END PUBLIC KEY-----
"""


def curve_pem() -> str:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
