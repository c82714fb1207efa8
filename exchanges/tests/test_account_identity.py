"""Balances are of the account that was asked for, and one Binance account is connected to a server once."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
import responses
from pytest_django import Settings

from accounts.models import User
from botbalance.lib.clock import now_ms
from botbalance.lib.errors import Invalid
from exchanges import services
from exchanges.errors import Unavailable
from exchanges.models import ExchangeAccount
from exchanges.tests.support import ACCOUNT, API_SECRET, DATABASES, read_request, server
from portfolio import services as portfolio

pytestmark = pytest.mark.django_db(databases=DATABASES)

HOST = "https://testnet.binance.vision/api/v3/"
KEYS = {"A" * 64: 7001, "B" * 64: 7002}
FIRST, SECOND = KEYS


def body_of(uid: int) -> bytes:
    balances = [{"asset": "USDT", "free": str(uid), "locked": "0"}]
    return json.dumps({**ACCOUNT, "uid": uid, "balances": balances}).encode()


def key_in(request: bytes) -> str:
    lines = request.decode("latin-1").split("\r\n")
    return next(line.partition(": ")[2] for line in lines if line.lower().startswith("x-mbx-apikey"))


def keeping_alive(answer: Callable[[list[bytes]], bytes]) -> Callable[[socket.socket], None]:
    """A conversation that answers every request of a connection by what has been asked on it so far."""

    def conversation(connection: socket.socket) -> None:
        asked: list[bytes] = []
        while request := read_request(connection):
            asked.append(request)
            body = answer(asked)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    return conversation


def repeating_the_first(asked: list[bytes]) -> bytes:
    """Whoever asks on a connection gets what its first request got."""
    return body_of(KEYS[key_in(asked[0])])


def connected(user: User, key: str, uid: int | None, **values: object) -> ExchangeAccount:
    return ExchangeAccount.objects.create(
        user=user, label=key[:9], venue="binance", api_key=key, api_secret=API_SECRET, key_tail=key[-4:],
        exchange_uid=uid, **values,
    )  # fmt: skip


@contextmanager
def exchange(settings: Settings, answer: Callable[[list[bytes]], bytes]) -> Iterator[None]:
    settings.EXCHANGE_ENV = "testnet"
    with server(keeping_alive(answer)) as host:
        settings.BINANCE_TESTNET_URL = host.url
        yield
        services.adapter_for(ExchangeAccount.objects.first()).hang_up()


def usdt(account: ExchangeAccount) -> int:
    (balance,) = portfolio.read_balances(account).balances
    return int(balance.free)


def test_an_answer_that_belongs_to_another_account_is_asked_for_again_on_a_fresh_connection(
    alice: User, bob: User, settings: Settings
) -> None:
    first, second = connected(alice, FIRST, None), connected(bob, SECOND, 7002)
    with exchange(settings, repeating_the_first):
        assert [usdt(first), usdt(second), usdt(first)] == [7001, 7002, 7001]
    first.refresh_from_db()
    assert first.exchange_uid == 7001


def test_a_number_that_stands_is_taken_for_a_new_one(alice: User, settings: Settings) -> None:
    account = connected(alice, FIRST, 6000)
    with exchange(settings, repeating_the_first):
        assert usdt(account) == 7001
    account.refresh_from_db()
    assert account.exchange_uid == 7001


def test_two_answers_of_two_other_accounts_are_no_answer(alice: User, settings: Settings) -> None:
    account, numbers = connected(alice, FIRST, 7001), iter([8001, 8002])
    answering = exchange(settings, lambda _asked: body_of(next(numbers)))
    with answering, pytest.raises(Unavailable, match="another question"):
        portfolio.read_balances(account)
    account.refresh_from_db()
    assert account.exchange_uid == 7001


def test_an_exchange_that_tells_no_number_is_believed(alice: User, settings: Settings) -> None:
    account = connected(alice, FIRST, 7001)
    body = json.dumps({**ACCOUNT, "balances": [{"asset": "USDT", "free": "5", "locked": "0"}]}).encode()
    with exchange(settings, lambda _asked: body):
        assert usdt(account) == 5


# --- connected once ------------------------------------------------------------------------------------------


@pytest.fixture
def testnet(settings: Settings) -> Iterator[responses.RequestsMock]:
    settings.EXCHANGE_ENV = "testnet"
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(f"{HOST}time", json={"serverTime": now_ms()})
        mock.get(f"{HOST}account", json={**ACCOUNT, "uid": 7001})
        yield mock


def connect(user: User, key: str = SECOND, label: str = "Mine") -> ExchangeAccount:
    return services.connect_account(user, label=label, venue="binance", api_key=key, api_secret=API_SECRET)


@pytest.mark.parametrize("key", [FIRST, SECOND], ids=["the same key", "another key of it"])
def test_an_account_that_is_connected_is_refused_to_anybody_without_saying_whose_it_is(
    key: str, alice: User, bob: User, testnet: responses.RequestsMock
) -> None:
    connected(alice, FIRST, 7001)
    for user in (alice, bob):
        with pytest.raises(Invalid) as caught:
            connect(user, key)
        (message,) = caught.value.fields["api_key"]
        assert "connected to this server already" in message
        assert alice.email not in message
    assert ExchangeAccount.objects.count() == 1


def test_a_key_that_is_connected_is_refused_also_where_the_number_is_not_known_yet(
    alice: User, bob: User, testnet: responses.RequestsMock
) -> None:
    connected(alice, FIRST, None)
    with pytest.raises(Invalid) as caught:
        connect(bob, FIRST)
    assert "api_key" in caught.value.fields


def test_the_number_is_kept_from_the_connecting_on(alice: User, bob: User, testnet: responses.RequestsMock) -> None:
    assert connect(alice, FIRST).exchange_uid == 7001
    with pytest.raises(Invalid):
        connect(bob)


def test_a_disconnected_account_can_be_connected_again(alice: User, testnet: responses.RequestsMock) -> None:
    services.archive_account(connect(alice))
    assert connect(alice).status == "ok"


def test_accounts_on_the_servers_own_keys_share_one_on_purpose(
    alice: User, bob: User, settings: Settings, testnet: responses.RequestsMock
) -> None:
    settings.ENABLE_SYSTEM_TESTNET_ACCOUNT = True
    settings.BINANCE_SPOT_TESTNET_API_KEY, settings.BINANCE_SPOT_TESTNET_API_SECRET = FIRST, API_SECRET
    for user in (alice, bob):
        assert services.connect_account(user, label="Trial", venue="binance").exchange_uid == 7001
    assert connect(alice).status == "ok"


def test_paper_accounts_are_not_concerned(alice: User, bob: User) -> None:
    for user in (alice, bob):
        account = services.connect_account(user, label="Paper", venue="paper", paper_balances={"USDT": Decimal(1)})
        assert services.check_account(account).status == "ok"
