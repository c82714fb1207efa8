"""No key, secret or signature reaches a log, an error, a page or an API answer."""

import logging
import socket
import traceback
from collections.abc import Iterator

import pytest
import requests
import sentry_sdk
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from django.test import override_settings
from django.urls import reverse
from django.views.debug import ExceptionReporter
from sentry_sdk.utils import event_from_exception

from accounts import services as accounts
from accounts.models import User
from botbalance.lib.errors import Invalid
from exchanges import services
from exchanges.adapters.binance import BinanceAdapter
from exchanges.adapters.guard import forget_guards
from exchanges.adapters.session import new_session
from exchanges.domain import Venue
from exchanges.errors import ExchangeError
from exchanges.models import ExchangeAccount
from exchanges.paper.services import PaperKeys
from exchanges.tests.ledgers import meter
from exchanges.tests.methods import SIGNED, Method
from exchanges.tests.support import (
    DATABASES,
    NOW,
    Client,
    new_order,
    read_request,
    refusal,
    reply,
    sent_text,
    server,
)

KEY, SECRET = "PLANTEDKEYplantedkeyPLANTEDKEYtail", "PLANTEDSECRETplantedsecretPLANTEDSECRET"


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that is logged, down to DEBUG."""
    with caplog.at_level(logging.DEBUG):
        yield caplog


def assert_silent(text: str, *signatures: str) -> None:
    for planted in (KEY, SECRET, *signatures):
        assert planted not in text
    assert "signature=" not in text


REPLIES = {
    "refused key": refusal(401, -2015, "Invalid API-key, IP, or permissions for action."),
    "refused order": refusal(400, -1013, "Filter failure: LOT_SIZE"),
    "5xx": refusal(503, 0, ""),
    "html": reply("<html>", 403),
    "restricted": refusal(451, 0, "Service unavailable from a restricted location."),
    "malformed": reply("7"),
    "cut short": reply("{"),
    "redirect": reply("", 302, {"Location": "https://elsewhere.test/"}),
    "throttled": refusal(429, -1003, Retry_After="100"),
    "skewed": refusal(400, -1021),
    "read timeout": requests.ReadTimeout("https://exchange.test/?signature=secret"),
    "reset": requests.ConnectionError("https://exchange.test/?signature=secret"),
    "chunk": requests.exceptions.ChunkedEncodingError("https://exchange.test/?signature=secret"),
    "bad header": requests.exceptions.InvalidHeader(f"header value: {KEY}"),
    "a bug below": ValueError(f"https://exchange.test/?signature=secret {KEY} {SECRET}"),
    "banned": refusal(418, -1003, Retry_After="100"),
}
# One for each way through the code: an answer that is refused, one that is none, none at all, and a mistake of ours.
ONE_OF_EACH_WAY = {"refused order", "malformed", "read timeout", "a bug below"}


def _pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture(scope="module")
def secrets_by_kind() -> dict[str, str]:
    return {
        "hmac": SECRET,
        "rsa": _pem(rsa.generate_private_key(65537, 2048)),
        "ed25519": _pem(ed25519.Ed25519PrivateKey.generate()),
    }


# Harsher than the settings, which leave local variables out of reports.
SENTRY = sentry_sdk.Client(dsn=None, include_local_variables=True).options


def everything_told(error: BaseException) -> Iterator[str]:
    """All that is shown of an error: its chain, its traceback, and what Sentry is sent."""
    each: BaseException | None = error
    while each is not None:
        yield repr(each) + str(each) + str(vars(each))
        each = each.__cause__ or each.__context__
    yield "".join(traceback.format_exception(error))
    event, _hint = event_from_exception((type(error), error, error.__traceback__), client_options=SENTRY)
    yield str(event)


def developers_page(error: BaseException) -> str:
    """What Django shows in place of a page with DEBUG on: every frame with its variables."""
    with override_settings(DEBUG=True):
        return str(ExceptionReporter(None, type(error), error, error.__traceback__).get_traceback_html())


@pytest.mark.parametrize("kind", ["hmac", "rsa", "ed25519"])
@pytest.mark.parametrize("method", SIGNED, ids=str)
def test_a_failure_tells_nothing_of_the_keys_anywhere(
    method: Method, kind: str, secrets_by_kind: dict[str, str], heard: pytest.LogCaptureFixture
) -> None:
    secret = secrets_by_kind[kind]
    venue = Venue.MAINNET if method.is_mainnet_only else Venue.TESTNET
    for reply_name, given in REPLIES.items():
        forget_guards()
        client = Client(given, api_key=KEY, api_secret=secret, venue=venue)
        with pytest.raises(ExchangeError) as caught:
            method.call(client.adapter, NOW)
        logging.getLogger("test").error("failed", exc_info=caught.value)
        signatures = [sent_text(request).rpartition("signature=")[2] for request in client.script.requests]
        assert any(signatures)
        planted = [*filter(None, signatures), *secret_lines(secret)]
        error = caught.value.with_traceback(caught.tb.tb_next)  # without this test's own frame, which holds them all
        for told in (*everything_told(error), heard.text, repr(client.adapter)):
            assert_silent(told, *planted)
        if kind == "ed25519" and reply_name in ONE_OF_EACH_WAY:  # slow to make; the frames are those of every kind
            assert_silent(developers_page(error), *planted)
        heard.clear()


def secret_lines(secret: str) -> list[str]:
    """A secret as it may be recognised: whole, or any line of a key file."""
    return [secret, *(line for line in secret.splitlines() if "-----" not in line)]


CALLS = [
    lambda adapter: adapter.account_info(),
    lambda adapter: adapter.place_order(new_order(), NOW),
    lambda adapter: adapter.cancel_order("BTCUSDT", "abc"),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_real_connection_that_breaks_tells_nothing_either(call, heard: pytest.LogCaptureFixture) -> None:
    seen: list[bytes] = []

    def hang_up(connection: socket.socket) -> None:
        seen.append(read_request(connection))

    with server(hang_up) as exchange, pytest.raises(ExchangeError) as caught:
        call(adapter_of(exchange.url))
    assert KEY.encode() in seen[0]
    logging.getLogger("test").error("failed", exc_info=caught.value)
    assert_silent("".join(traceback.format_exception(caught.value)) + heard.text)


@pytest.mark.parametrize("call", CALLS)
def test_headers_that_make_no_sense_are_not_logged_with_the_signed_address(
    call, heard: pytest.LogCaptureFixture
) -> None:
    def mumble(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nthis is no header\r\nContent-Length: 1\r\n\r\n{")

    with server(mumble) as exchange, pytest.raises(ExchangeError):
        call(adapter_of(exchange.url))
    assert_silent(heard.text)


def adapter_of(url: str) -> BinanceAdapter:
    session = new_session()
    session.trust_env = False
    return BinanceAdapter(
        url, api_key=KEY, api_secret=SECRET, session=session, meter=meter(), timeout=(1, 1), sleep=lambda seconds: None
    )


def test_a_success_is_logged_without_its_parameters(heard: pytest.LogCaptureFixture) -> None:
    client = Client(reply([]), api_key=KEY, api_secret=SECRET)
    client.adapter.get_open_orders("BTCUSDT")
    assert "method=GET route=/api/v3/openOrders weight=6 status=200" in heard.text
    assert_silent(heard.text)
    assert "BTCUSDT" not in heard.text


def test_nothing_that_holds_keys_prints_them() -> None:
    adapter = Client(reply({}), api_key=KEY, api_secret=SECRET).adapter
    account = ExchangeAccount(label="Mine", api_key=KEY, api_secret=SECRET, key_tail=KEY[-4:])
    assert_silent(f"{adapter!r} {adapter} {account!r} {account} {PaperKeys(KEY, SECRET)!r} {PaperKeys(KEY, SECRET)}")
    assert "tail" in repr(adapter)


# --- what people and programs are shown ----------------------------------------------------------------------


@pytest.fixture
def planted(alice: User) -> ExchangeAccount:
    """An account of alice's with planted keys, and paper keys beside them."""
    account = services.connect_account(alice, label="Mine", venue="binance", api_key=KEY, api_secret=SECRET)
    account.paper_key, account.paper_secret = "PLANTEDPAPERKEY", "PLANTEDPAPERSECRET"
    account.save()
    return account


def operators_mail(error: BaseException) -> str:
    """What an operator is sent of an error on a server with DEBUG off: frames, without what is marked as secret."""
    with override_settings(DEBUG=False):
        return str(ExceptionReporter(None, type(error), error, error.__traceback__).get_traceback_html())


@pytest.mark.parametrize(
    "wrong",
    [{"label": ""}, {"venue": "nowhere"}, {"api_secret": f"{SECRET} with a space"}, {"api_key": f"{KEY} {KEY}"}],
    ids=str,
)
@pytest.mark.django_db(databases=DATABASES)
def test_an_account_that_cannot_be_connected_leaves_no_key_in_the_report_of_it(
    wrong: dict[str, str], alice: User
) -> None:
    given = {"label": "Mine", "venue": "binance", "api_key": KEY, "api_secret": SECRET, **wrong}
    with pytest.raises(Invalid) as caught:
        services.connect_account(alice, **given)
    error = caught.value.with_traceback(caught.tb.tb_next)  # without this test's own frame
    report = operators_mail(error)
    assert "connect_account" in report
    assert_silent(report)


def shown_nowhere(answer) -> None:
    text = answer.content.decode()
    assert_silent(text)
    assert "PLANTED" not in text
    assert "gAAAA" not in text  # how anything encrypted by Fernet begins


@pytest.mark.django_db(databases=DATABASES)
def test_the_admin_shows_the_tail_only(planted: ExchangeAccount, client) -> None:
    client.force_login(accounts.ensure_superadmin("root@example.com", "correct horse battery")[0])
    change = reverse("admin:exchanges_exchangeaccount_change", args=[planted.pk])
    for url in (change, reverse("admin:exchanges_exchangeaccount_changelist")):
        answer = client.get(url)
        assert answer.status_code == 200
        shown_nowhere(answer)
        assert "tail" in answer.content.decode()
    assert client.get(reverse("admin:exchanges_exchangeaccount_add")).status_code == 403
    answer = client.post(change, {"label": "Renamed", "status": "paused", "status_reason": "", "api_key": "other"})
    assert answer.status_code == 302
    planted.refresh_from_db()
    assert (planted.label, planted.api_key) == ("Renamed", KEY)


@pytest.mark.django_db(databases=DATABASES)
def test_the_api_answers_with_the_tail_only(planted: ExchangeAccount, client, heard: pytest.LogCaptureFixture) -> None:
    client.force_login(planted.user)
    one = f"/api/me/accounts/{planted.pk}/"
    made = client.post(
        "/api/me/accounts/",
        {"label": "Second", "venue": "binance", "api_key": KEY, "api_secret": SECRET},
        content_type="application/json",
    )
    assert made.status_code == 201
    renamed = client.patch(one, {"label": "Third"}, content_type="application/json")
    assert renamed.status_code == 200
    for answer in (made, renamed, client.get("/api/me/accounts/"), client.get(one)):
        shown_nowhere(answer)
        assert "tail" in answer.content.decode()
    refused = client.post(
        "/api/me/accounts/",
        {"label": "", "venue": "binance", "api_key": KEY, "api_secret": f"{SECRET} with a space"},
        content_type="application/json",
    )
    assert refused.status_code == 400
    shown_nowhere(refused)
    assert_silent(heard.text)
