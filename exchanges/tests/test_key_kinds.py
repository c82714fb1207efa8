"""HMAC, RSA and Ed25519 keys: told apart by their form, forgiving of how they were pasted; what cannot sign is told."""

import base64
from urllib.parse import unquote

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

from accounts.models import User
from botbalance.lib.clock import now_ms
from botbalance.lib.errors import Invalid
from exchanges import services, signing
from exchanges.adapters.binance import BinanceAdapter
from exchanges.adapters.session import new_session
from exchanges.errors import CredentialsRefused, Rejected
from exchanges.models import ExchangeAccount
from exchanges.paper import services as paper
from exchanges.paper.transport import PaperTransport
from exchanges.signing import Ed25519Key, HmacKey, KeyProblem, RsaKey
from exchanges.tests.ledgers import meter
from exchanges.tests.support import ACCOUNT, API_KEY, API_SECRET, DATABASES, Client, new_order, reply, sent_text

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
PKCS8 = serialization.PrivateFormat.PKCS8
OPEN = serialization.NoEncryption()
PAYLOAD = "symbol=%EF%BC%91%EF%BC%92&side=BUY&timestamp=1499827319559"
NAMES = ["rsa", "ed25519"]


def pem(key, format=PKCS8, encryption=OPEN) -> str:
    return key.private_bytes(PEM, format, encryption).decode()


def public_pem(key) -> str:
    return key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture(scope="module")
def keys() -> dict[str, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey]:
    return {"rsa": rsa.generate_private_key(65537, 2048), "ed25519": ed25519.Ed25519PrivateKey.generate()}


def verify(key, signature: bytes, payload: str) -> None:
    if isinstance(key, rsa.RSAPrivateKey):
        key.public_key().verify(signature, payload.encode(), padding.PKCS1v15(), hashes.SHA256())
    else:
        key.public_key().verify(signature, payload.encode())


def test_a_secret_that_is_no_key_file_is_an_hmac_secret() -> None:
    assert signing.read_key(API_SECRET) == HmacKey(API_SECRET)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("is_checked", [False, True])
def test_a_private_key_signs_what_its_public_half_verifies(name: str, is_checked: bool, keys) -> None:
    key = signing.read_key(pem(keys[name]), is_checked=is_checked)
    assert isinstance(key, {"rsa": RsaKey, "ed25519": Ed25519Key}[name])
    text = key.sign(PAYLOAD)
    assert not {"+", "/", "="} & set(text), "percent-encoded, as it goes into an address"
    signature = base64.b64decode(unquote(text), validate=True)
    verify(keys[name], signature, PAYLOAD)
    with pytest.raises(InvalidSignature):
        verify(keys[name], signature, PAYLOAD + "0")


@pytest.mark.parametrize("name", NAMES)
def test_the_signature_is_over_the_bytes_on_the_wire_and_comes_last(name: str, keys) -> None:
    client = Client(reply(ACCOUNT), api_secret=pem(keys[name]))
    client.adapter.account_info()
    payload, _, signature = sent_text(client.script.requests[0]).rpartition("&signature=")
    verify(keys[name], base64.b64decode(unquote(signature), validate=True), payload)


def test_a_documented_ed25519_seed_gives_the_documented_signature() -> None:
    """RFC 8032, section 7.1, test 3."""
    seed = bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
    private = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    key = signing.read_key(pem(private))
    assert isinstance(key, Ed25519Key)
    expected = (
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    )
    assert key.private.sign(bytes.fromhex("af82")).hex() == expected


@pytest.mark.parametrize("name", NAMES)
def test_a_key_survives_how_it_was_pasted(name: str, keys) -> None:
    whole = pem(keys[name])
    ways = [
        whole,
        whole.replace("\n", "\r\n"),
        "\n\n  " + whole + "\t ",
        whole.replace("\n", " "),
        whole.replace("\n", "\\n"),
        "\n".join(f"    {line}" for line in whole.splitlines()),
        whole.replace("\n", "\n\n"),
    ]
    for pasted in ways:
        assert signing.tidy(pasted) == whole
        assert isinstance(signing.read_key(pasted), RsaKey | Ed25519Key)


def test_the_older_form_of_an_rsa_key_is_taken_as_well(keys) -> None:
    older = pem(keys["rsa"], serialization.PrivateFormat.TraditionalOpenSSL)
    assert "BEGIN RSA PRIVATE KEY" in older
    assert isinstance(signing.read_key(older), RsaKey)


def unusable(keys) -> dict[str, tuple[str, KeyProblem]]:
    locked = serialization.BestAvailableEncryption(b"passphrase")
    whole = pem(keys["rsa"])
    curve = ec.generate_private_key(ec.SECP256R1())
    older = serialization.PrivateFormat.TraditionalOpenSSL
    return {
        "encrypted": (pem(keys["rsa"], encryption=locked), KeyProblem.ENCRYPTED),
        "encrypted in the older form": (pem(keys["rsa"], older, locked), KeyProblem.ENCRYPTED),
        "public": (public_pem(keys["rsa"]), KeyProblem.PUBLIC),
        "public ed25519": (public_pem(keys["ed25519"]), KeyProblem.PUBLIC),
        "an elliptic curve": (pem(curve), KeyProblem.WRONG_KIND),
        "an elliptic curve in the older form": (pem(curve, older), KeyProblem.WRONG_KIND),
        "ed448": (pem(ed448.Ed448PrivateKey.generate()), KeyProblem.WRONG_KIND),
        "openssh": (pem(keys["ed25519"], serialization.PrivateFormat.OpenSSH), KeyProblem.WRONG_KIND),
        "1024 bits": (pem(rsa.generate_private_key(65537, 1024)), KeyProblem.TOO_SMALL),  # noqa: S505  (refused)
        "without its end": (whole[: len(whole) // 2], KeyProblem.UNREADABLE),
        "without its beginning": (whole[len(whole) // 2 :], KeyProblem.UNREADABLE),
        "with lines missing": ("\n".join(whole.splitlines()[:5] + whole.splitlines()[9:]), KeyProblem.UNREADABLE),
        "with a letter changed": (whole.replace("MII", "MIX", 1), KeyProblem.UNREADABLE),
        "with foreign letters": (whole.replace("MII", "ключ", 1), KeyProblem.UNREADABLE),
        "empty": ("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----", KeyProblem.UNREADABLE),
    }


CASES = [
    "encrypted", "encrypted in the older form", "public", "public ed25519", "an elliptic curve",
    "an elliptic curve in the older form", "ed448", "openssh", "1024 bits", "without its end",
    "without its beginning", "with lines missing", "with a letter changed", "with foreign letters", "empty",
]  # fmt: skip


@pytest.fixture(scope="module")
def cases(keys) -> dict[str, tuple[str, KeyProblem]]:
    found = unusable(keys)
    assert list(found) == CASES
    return found


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_sign_is_told_for_what_it_is(case: str, cases) -> None:
    secret, problem = cases[case]
    assert signing.read_key(secret) == problem
    assert signing.read_key(signing.tidy(secret)) == problem


def test_a_key_prints_nothing_of_itself(keys) -> None:
    for secret in (API_SECRET, pem(keys["rsa"]), pem(keys["ed25519"])):
        assert repr(signing.read_key(secret)) in ("HmacKey()", "RsaKey()", "Ed25519Key()")


# --- connecting an account with one ----------------------------------------------------------------------

TOLD = {
    KeyProblem.ENCRYPTED: "encrypted",
    KeyProblem.PUBLIC: "public half",
    KeyProblem.UNREADABLE: "cannot be read",
    KeyProblem.WRONG_KIND: "RSA and Ed25519",
    KeyProblem.TOO_SMALL: "2048 bits",
}


@pytest.mark.django_db(databases=DATABASES)
@pytest.mark.parametrize("case", CASES)
def test_an_unusable_key_is_refused_at_its_field(case: str, alice: User, cases) -> None:
    secret, problem = cases[case]
    with pytest.raises(Invalid) as caught:
        services.connect_account(alice, label="Mine", venue="binance", api_key=API_KEY, api_secret=secret)
    (message,) = caught.value.fields["api_secret"]
    assert TOLD[problem] in message
    assert not ExchangeAccount.objects.exists()


@pytest.mark.django_db(databases=DATABASES)
@pytest.mark.parametrize("text", ["-----" * 1000, "-----BEGIN A-----" * 100_000])
def test_a_secret_of_any_length_is_not_searched_for_a_key(text: str, alice: User) -> None:
    with pytest.raises(Invalid) as caught:
        services.connect_account(alice, label="Mine", venue="binance", api_key=API_KEY, api_secret=text)
    assert "too long" in caught.value.fields["api_secret"][0]


@pytest.mark.django_db(databases=DATABASES)
@pytest.mark.parametrize("size", ["ed25519", "rsa", "rsa 4096"])
def test_a_pasted_key_is_stored_tidily_and_only_the_tail_of_the_api_key_shown(size: str, alice, client, keys) -> None:
    secret = pem(rsa.generate_private_key(65537, 4096) if size == "rsa 4096" else keys[size])
    client.force_login(alice)
    answer = client.post(
        "/exchange-accounts/connect/",
        {"venue": "binance", "label": "Main", "quote": "USDT", "api_key": API_KEY, "api_secret": f"  {secret}\r\n"},
    )
    assert answer.status_code == 302
    account = ExchangeAccount.objects.get()
    assert (account.api_secret, account.key_tail) == (secret, API_KEY[-4:])
    page = client.get("/exchange-accounts/").content.decode()
    assert f"…{API_KEY[-4:]}" in page
    assert "PRIVATE KEY" not in page


@pytest.mark.django_db(databases=DATABASES)
def test_a_key_may_be_sent_to_the_api_with_its_line_breaks(alice: User, api_for, keys) -> None:
    secret = pem(keys["ed25519"])
    answer = api_for(alice).post(
        "/api/me/accounts/",
        {"label": "Main", "venue": "binance", "api_key": API_KEY, "api_secret": secret},
        format="json",
    )
    assert answer.status_code == 201
    assert "PRIVATE KEY" not in answer.content.decode()
    assert ExchangeAccount.objects.get().api_secret == secret


@pytest.mark.django_db(databases=DATABASES)
def test_a_refused_form_does_not_send_the_key_back(alice: User, client, keys) -> None:
    client.force_login(alice)
    answer = client.post(
        "/exchange-accounts/connect/",
        {"venue": "binance", "label": "", "quote": "USDT", "api_key": API_KEY, "api_secret": pem(keys["rsa"])},
    )
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "PRIVATE KEY-" not in page
    assert pem(keys["rsa"]).splitlines()[1] not in page


def test_a_stored_key_that_can_no_longer_be_read_stops_the_account_and_sends_nothing(cases) -> None:
    client = Client(reply(ACCOUNT), api_secret=cases["without its end"][0])
    with pytest.raises(CredentialsRefused, match="cannot be read"):
        client.adapter.account_info()
    assert client.sent == []


# --- at an exchange that verifies ------------------------------------------------------------------------


@pytest.mark.django_db(databases=DATABASES)
@pytest.mark.parametrize("name", NAMES)
def test_the_exchange_takes_what_such_a_key_signs_and_nothing_that_another_signs(name: str, keys) -> None:
    opened = paper.open_account("signed", {}, public_key=public_pem(keys[name]))
    session = new_session()
    session.mount(paper.BASE_URL, PaperTransport())

    def adapter(secret: str) -> BinanceAdapter:
        return BinanceAdapter(paper.BASE_URL, api_key=opened.api_key, api_secret=secret, session=session, meter=meter())

    assert adapter(pem(keys[name])).account_info().can_trade
    with pytest.raises(Rejected, match="insufficient balance"):
        adapter(pem(keys[name])).place_order(new_order(symbol="BTCUSDT"), now_ms())
    other = ed25519.Ed25519PrivateKey.generate()
    with pytest.raises(CredentialsRefused):
        adapter(pem(other)).account_info()
