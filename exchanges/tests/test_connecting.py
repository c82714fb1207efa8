"""Connecting an account: what is asked of the exchange, what is refused with a message at its field, what is kept."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
import requests
import responses

from accounts.models import Notice, User
from accounts.services import set_language
from botbalance.lib.clock import now_ms
from botbalance.lib.errors import Conflict, Invalid, NotFound
from exchanges import selectors, services
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from exchanges.tests.support import ACCOUNT, DATABASES

pytestmark = pytest.mark.django_db(databases=DATABASES)

KEY, SECRET = "K" * 60 + "tail", "S" * 64


def connect(user: User, **changes: object) -> ExchangeAccount:
    return services.connect_account(user, **{"label": "Mine", "venue": "paper", **changes})


def refused(user: User, **changes: object) -> dict[str, list[str]]:
    """The field messages of a connection that must be refused, and that must leave nothing behind."""
    before = ExchangeAccount.objects.count()
    with pytest.raises(Invalid) as caught:
        connect(user, **changes)
    assert ExchangeAccount.objects.count() == before
    assert all(text for texts in caught.value.fields.values() for text in texts)
    return caught.value.fields


def balances(account: ExchangeAccount) -> dict[str, Decimal]:
    return {row.asset: row.free for row in services.adapter_for(account).account_info().balances}


# --- paper ---------------------------------------------------------------------------------------------------


def test_a_paper_account_works_at_once(alice: User) -> None:
    account = connect(alice)
    assert (account.status, account.key_tail, account.has_own_keys) == ("ok", "", False)
    assert balances(account) == {"USDT": Decimal(10_000)}


def test_a_paper_account_starts_in_its_own_stablecoin_or_with_what_it_is_given(alice: User) -> None:
    assert balances(connect(alice, quote="USDC")) == {"USDC": Decimal(10_000)}
    given = {"USDT": Decimal(5), "BTC": Decimal("0.5")}
    assert balances(connect(alice, label="Given", paper_balances=given)) == given


def test_two_paper_accounts_have_nothing_in_common(alice: User, bob: User) -> None:
    first, second = connect(alice), connect(bob, paper_balances={"USDT": Decimal(7)})
    assert first.paper_key != second.paper_key
    assert balances(first) == {"USDT": Decimal(10_000)}
    assert balances(second) == {"USDT": Decimal(7)}


def test_a_reset_paper_account_starts_afresh(alice: User) -> None:
    account = connect(alice, paper_balances={"BTC": Decimal(1)})
    services.reset_paper(account)
    assert balances(account) == {"USDT": Decimal(10_000)}


def test_balances_that_cannot_be_set_are_refused(alice: User) -> None:
    assert refused(alice, paper_balances={"NOSUCHCOIN": Decimal(1)})
    assert refused(alice, paper_balances={"USDT": Decimal(-1)})
    assert refused(alice, paper_balances={"USDT": Decimal("NaN")})


# --- fields --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"label": ""}, "label"),
        ({"label": "   "}, "label"),
        ({"label": "x" * 41}, "label"),
        ({"venue": "kraken"}, "venue"),
        ({"venue": ""}, "venue"),
        ({"quote": "EUR"}, "quote"),
        ({"quote": ""}, "quote"),
        ({"venue": "binance", "api_key": KEY}, "api_secret"),
        ({"venue": "binance", "api_secret": SECRET}, "api_key"),
        ({"venue": "binance", "api_key": KEY, "api_secret": "   "}, "api_secret"),
        ({"api_key": KEY, "api_secret": SECRET}, "api_key"),
        ({"venue": "binance", "api_key": "k" * 201, "api_secret": SECRET}, "api_key"),
        ({"venue": "binance", "api_key": "two words", "api_secret": SECRET}, "api_key"),
        ({"venue": "binance", "api_key": "key\r\nX-Evil: 1", "api_secret": SECRET}, "api_key"),
        ({"venue": "binance", "api_key": KEY, "api_secret": "sécret"}, "api_secret"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(changes: dict[str, str], field: str, alice: User) -> None:
    assert field in refused(alice, **changes)


def test_a_label_is_unique_among_a_users_connected_accounts(alice: User, bob: User) -> None:
    first = connect(alice, label=" Mine ")
    assert first.label == "Mine"
    assert "label" in refused(alice, label="Mine")
    connect(bob, label="Mine")
    second = connect(alice, label="Other")
    with pytest.raises(Invalid) as caught:
        services.rename_account(second, " Mine ")
    assert "label" in caught.value.fields
    second.refresh_from_db()
    assert second.label == "Other"
    services.archive_account(first)
    assert services.rename_account(second, "Mine").label == "Mine"


def test_a_user_has_twenty_accounts_at_most(alice: User) -> None:
    for number in range(services.MAX_ACCOUNTS_PER_USER):
        ExchangeAccount.objects.create(user=alice, label=f"Account {number}")
    assert "label" in refused(alice)


# --- Binance on a server that never contacts it --------------------------------------------------------------


@responses.activate(assert_all_requests_are_fired=False)
def test_on_mock_keys_are_stored_and_binance_is_never_contacted(alice: User) -> None:
    account = connect(alice, venue="binance", api_key=f" {KEY} ", api_secret=SECRET)
    account.refresh_from_db()
    assert (account.api_key, account.api_secret, account.key_tail) == (KEY, SECRET, "tail")
    assert account.status == "unchecked"
    assert "never contacted" in account.status_reason
    assert services.check_account(account).status == "unchecked"
    with pytest.raises(Conflict):
        services.market_for(account, trading=False)
    assert len(responses.calls) == 0


def test_on_mock_a_binance_account_without_keys_trades_paper(alice: User) -> None:
    account = connect(alice, venue="binance")
    assert account.status == "ok"
    assert balances(account) == {"USDT": Decimal(10_000)}


# --- Binance's test network ----------------------------------------------------------------------------------


@pytest.fixture
def testnet(settings) -> Iterator[responses.RequestsMock]:
    """A server on testnet, and a network on which nothing answers yet."""
    settings.EXCHANGE_ENV = "testnet"
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def serve(mock: responses.RequestsMock, path: str, **answer: object) -> None:
    mock.get(f"https://testnet.binance.vision/api/v3/{path}", **answer)


def connect_binance(user: User) -> ExchangeAccount:
    return connect(user, venue="binance", api_key=KEY, api_secret=SECRET)


def refused_binance(user: User) -> str:
    (message,) = refused(user, venue="binance", api_key=KEY, api_secret=SECRET)["api_key"]
    return message


def test_a_key_that_works_is_stored(alice: User, testnet) -> None:
    serve(testnet, "time", json={"serverTime": now_ms()})
    serve(testnet, "account", json=ACCOUNT)
    account = connect_binance(alice)
    assert (account.status, account.status_reason, account.key_tail) == ("ok", "", "tail")
    assert account.checked_at is not None
    assert [call.request.url.partition("?")[0] for call in testnet.calls] == [
        "https://testnet.binance.vision/api/v3/time",
        "https://testnet.binance.vision/api/v3/account",
    ]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (-2014, "API-key format invalid."),
        (-2015, "Invalid API-key, IP, or permissions for action."),
        (-1022, "Signature for this request is not valid."),
    ],
)
def test_a_wrong_key_is_not_stored(code: int, text: str, alice: User, testnet) -> None:
    serve(testnet, "time", json={"serverTime": now_ms()})
    serve(testnet, "account", json={"code": code, "msg": text}, status=401 if code < -2000 else 400)
    assert text in refused_binance(alice)


def test_a_key_that_may_not_trade_is_not_stored(alice: User, testnet) -> None:
    serve(testnet, "time", json={"serverTime": now_ms()})
    serve(testnet, "account", json={**ACCOUNT, "canTrade": False})
    assert "may not trade" in refused_binance(alice)


def test_a_clock_ten_minutes_off_is_measured_and_made_up_for(alice: User, testnet) -> None:
    def account(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        stamp = int(request.url.partition("timestamp=")[2].partition("&")[0])
        if abs(stamp - (now_ms() + 600_000)) > 1000:
            return 400, {}, '{"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}'
        return 200, {}, '{"canTrade": true, "balances": []}'

    testnet.add_callback(
        responses.GET,
        "https://testnet.binance.vision/api/v3/time",
        lambda request: (200, {}, f'{{"serverTime": {now_ms() + 600_000}}}'),
    )
    testnet.add_callback(responses.GET, "https://testnet.binance.vision/api/v3/account", account)
    assert connect_binance(alice).status == "ok"


def test_a_clock_that_cannot_be_made_up_for_is_said(alice: User, testnet) -> None:
    serve(testnet, "time", json={"serverTime": now_ms()})
    text = "Timestamp for this request is outside of the recvWindow."
    serve(testnet, "account", json={"code": -1021, "msg": text}, status=400)
    message = refused_binance(alice)
    assert "clock" in message
    assert text in message


@pytest.mark.parametrize(
    "answer",
    [
        {"body": "<html>Bad gateway</html>", "status": 502},
        {"body": requests.ConnectionError("connection refused")},
        {"body": requests.ConnectTimeout("no connection")},
        {"body": requests.ReadTimeout("no answer")},
        {"body": "{", "status": 200},
        {"json": {"serverTime": "NaN"}, "status": 200},
        {"json": {"code": -1003, "msg": "Way too much."}, "status": 418, "headers": {"Retry-After": "120"}},
        {"json": {"code": 0, "msg": "Service unavailable from a restricted location"}, "status": 451},
    ],
    ids=["502", "refused", "connect timeout", "read timeout", "cut short", "malformed", "banned", "restricted"],
)
def test_an_exchange_that_does_not_answer_leaves_nothing_half_done(answer, alice: User, testnet) -> None:
    serve(testnet, "time", **answer)
    assert refused_binance(alice)
    assert all("/time" in call.request.url for call in testnet.calls)


def test_the_paper_exchange_fails_like_any_other(alice: User) -> None:
    account = connect(alice)
    with faults.plan([{"match": "GET /api/v3/account", "kind": "html", "status": 503, "times": 3}]):
        assert services.check_account(account).status == "ok"
    assert account.status_reason
    assert services.check_account(account).status_reason == ""


# --- afterwards ----------------------------------------------------------------------------------------------


def test_a_refused_account_says_so_until_it_is_checked_again(alice: User) -> None:
    account = connect(alice)
    services.mark_refused(account, "The exchange refused the API key. " * 40)
    account.refresh_from_db()
    assert account.status == "refused"
    assert account.status_reason.startswith("The exchange refused the API key.")
    assert len(account.status_reason) <= 400
    assert services.check_account(account).status == "ok"
    account.refresh_from_db()
    assert (account.status, account.status_reason) == ("ok", "")


def test_its_owner_is_told_once_what_to_do_whenever_a_key_is_refused(alice: User) -> None:
    set_language(alice, "ru")
    account = connect(alice)
    for _time in range(3):
        services.mark_refused(account, "Invalid API-key.")
    (notice,) = Notice.objects.filter(user=alice)
    assert account.label in notice.title
    assert notice.link == "/exchange-accounts/"
    assert "ключ" in notice.text
    services.check_account(account)
    services.mark_refused(account, "Invalid API-key.")
    assert Notice.objects.filter(user=alice).count() == 2


def test_a_check_that_is_refused_is_remembered(alice: User, testnet) -> None:
    serve(testnet, "time", json={"serverTime": now_ms()})
    serve(testnet, "account", json=ACCOUNT)
    account = connect_binance(alice)
    testnet.replace(
        responses.GET,
        "https://testnet.binance.vision/api/v3/account",
        json={"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."},
        status=401,
    )
    services.check_account(account)
    account.refresh_from_db()
    assert account.status == "refused"
    assert "Invalid API-key" in account.status_reason


def test_a_disconnected_account_is_gone_and_its_keys_are_erased(alice: User) -> None:
    account = connect(alice)
    adapter = services.adapter_for(account)
    services.archive_account(account)
    account.refresh_from_db()
    assert account.archived_at is not None
    assert account.api_key == account.api_secret == account.paper_key == account.paper_secret == ""
    assert list(selectors.accounts_of(alice)) == []
    with pytest.raises(NotFound):
        selectors.account_of(alice, account.pk)
    with pytest.raises(NotFound):
        selectors.chosen_account(alice, None)
    with pytest.raises(Exception, match="Invalid API-key"):
        adapter.account_info()


def test_an_account_whose_paper_books_are_gone_can_still_be_disconnected(alice: User) -> None:
    account = connect(alice)
    account.paper_key = "A" * 64
    account.save()
    services.archive_account(account)
    account.refresh_from_db()
    assert account.archived_at is not None


def test_nobody_finds_anothers_account(alice: User, bob: User) -> None:
    account = connect(alice)
    assert selectors.account_of(alice, account.pk) == account
    with pytest.raises(NotFound):
        selectors.account_of(bob, account.pk)
    with pytest.raises(NotFound):
        selectors.chosen_account(bob, account.pk)
    with pytest.raises(NotFound) as caught:
        selectors.chosen_account(bob, None)
    assert caught.value.code == "no_account"
