"""No key, secret or signature reaches a log, an error, a page or an API answer."""

import logging
import socket
import traceback
from collections.abc import Iterator

import pytest
import requests
from django.urls import reverse

from accounts import services as accounts
from accounts.models import User
from exchanges import services
from exchanges.adapters.binance import BinanceAdapter
from exchanges.errors import ExchangeError
from exchanges.models import ExchangeAccount
from exchanges.paper.services import PaperKeys
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
    "malformed": reply({"symbol": 7}),
    "cut short": reply("{"),
    "redirect": reply("", 302, {"Location": "https://elsewhere.test/"}),
    "throttled": refusal(418, -1003, Retry_After="100"),
    "skewed": refusal(400, -1021),
    "read timeout": requests.ReadTimeout("https://exchange.test/?signature=secret"),
    "reset": requests.ConnectionError("https://exchange.test/?signature=secret"),
    "chunk": requests.exceptions.ChunkedEncodingError("https://exchange.test/?signature=secret"),
}
CALLS = [
    lambda adapter: adapter.account_info(),
    lambda adapter: adapter.place_order(new_order(), NOW),
    lambda adapter: adapter.cancel_order("BTCUSDT", "abc"),
]


@pytest.mark.parametrize("name", REPLIES)
@pytest.mark.parametrize("call", CALLS)
def test_a_failure_tells_nothing_of_the_keys(call, name: str, heard: pytest.LogCaptureFixture) -> None:
    client = Client(REPLIES[name], api_key=KEY, api_secret=SECRET)
    with pytest.raises(ExchangeError) as caught:
        call(client.adapter)
    signatures = [sent_text(request).rpartition("signature=")[2] for request in client.script.requests]
    assert any(len(signature) == 64 for signature in signatures)
    logging.getLogger("test").error("failed", exc_info=caught.value)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + str(vars(caught.value))
    assert_silent(told, *[signature for signature in signatures if signature])
    assert_silent(heard.text, *[signature for signature in signatures if signature])


@pytest.mark.parametrize("call", CALLS)
def test_a_real_connection_that_breaks_tells_nothing_either(call, heard: pytest.LogCaptureFixture) -> None:
    seen: list[bytes] = []

    def hang_up(connection: socket.socket) -> None:
        seen.append(read_request(connection))

    with server(hang_up) as exchange, requests.Session() as session:
        session.trust_env = False
        adapter = BinanceAdapter(
            exchange.url, api_key=KEY, api_secret=SECRET, session=session, timeout=(1, 1), sleep=lambda seconds: None
        )
        with pytest.raises(ExchangeError) as caught:
            call(adapter)
    assert KEY.encode() in seen[0]
    logging.getLogger("test").error("failed", exc_info=caught.value)
    assert_silent("".join(traceback.format_exception(caught.value)) + heard.text)


def test_a_success_is_logged_without_its_parameters(heard: pytest.LogCaptureFixture) -> None:
    client = Client(reply([]), api_key=KEY, api_secret=SECRET)
    client.adapter.get_open_orders("BTCUSDT")
    assert "GET /api/v3/openOrders status=200" in heard.text
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
