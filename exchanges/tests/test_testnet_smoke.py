"""`manage.py testnet_smoke`: one small order through its life, and nothing left behind, whatever fails."""

import io
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import responses
from django.core.management import CommandError, call_command

from accounts.models import User
from exchanges import services, smoke
from exchanges.domain import Venue
from exchanges.errors import ExchangeError
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from exchanges.paper import services as paper
from exchanges.paper.models import PaperAccount, PaperOrder
from exchanges.tests.support import DATABASES, Client, reply

pytestmark = pytest.mark.django_db(databases=DATABASES)

KEY, SECRET = "K" * 64, "S" * 64


def run(*options: str) -> str:
    out = io.StringIO()
    call_command("testnet_smoke", *options, stdout=out)
    return out.getvalue()


def orders() -> list[str]:
    return list(PaperOrder.objects.using("paper").order_by("pk").values_list("status", flat=True))


def test_an_order_is_placed_found_cancelled_and_seen_cancelled() -> None:
    said = run()
    for text in ("Placed: BUY ", "Found among the open orders.", "Cancelled, and the exchange says so."):
        assert text in said
    assert orders() == ["CANCELED"]


def test_on_paper_it_opens_an_account_of_its_own_and_closes_it_again() -> None:
    run()
    account = PaperAccount.objects.using("paper").get()
    assert account.is_closed
    assert paper.audit_account(account.api_key) == []


def test_it_can_use_an_account_and_another_symbol(alice: User, paper_account: Callable[..., ExchangeAccount]) -> None:
    account = paper_account(alice, {"USDT": 100})
    assert "ETHUSDT" in run("--account", str(account.pk), "--symbol", "ETHUSDT")
    (balance,) = services.adapter_for(account).account_info().balances
    assert (balance.asset, balance.free, balance.locked) == ("USDT", Decimal(100), 0)


FAULTS = {
    "placed, not heard of": {"match": "POST /api/v3/order", "kind": "lost_after"},
    "placed, answered by -1007": {"match": "POST /api/v3/order", "kind": "error_after"},
    "not listed": {"match": "GET /api/v3/openOrders", "kind": "refuse", "times": 3},
    "not cancelled at first": {"match": "DELETE", "kind": "error_before", "code": -1008, "status": 503},
    "cancelled, not heard of": {"match": "DELETE", "kind": "lost_after"},
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_failure_leaves_no_order_behind(
    case: str, alice: User, paper_account: Callable[..., ExchangeAccount]
) -> None:
    adapter = services.adapter_for(paper_account(alice))
    waits: list[float] = []
    with faults.plan([FAULTS[case]]) as given, pytest.raises(ExchangeError):
        list(smoke.run(adapter, "BTCUSDT", sleep=waits.append))
    assert given.happened
    assert orders() == ["CANCELED"]


def test_an_order_that_may_still_arrive_is_looked_for_until_it_no_longer_can(
    alice: User, paper_account: Callable[..., ExchangeAccount]
) -> None:
    adapter = services.adapter_for(paper_account(alice))
    waits: list[float] = []
    lost = [{"match": "POST /api/v3/order", "kind": "lost_before"}]
    with faults.plan(lost), pytest.raises(ExchangeError):
        list(smoke.run(adapter, "BTCUSDT", sleep=waits.append))
    assert sum(waits) * 1000 > adapter.recv_window_ms
    assert orders() == []


def test_stopping_halfway_cleans_up_as_well(alice: User, paper_account: Callable[..., ExchangeAccount]) -> None:
    steps = smoke.run(services.adapter_for(paper_account(alice)), "BTCUSDT", sleep=lambda seconds: None)
    while not next(steps).startswith("Placed"):
        pass
    assert orders() == ["NEW"]
    steps.close()  # type: ignore[attr-defined]
    assert orders() == ["CANCELED"]


def test_an_order_that_can_never_be_cancelled_is_named(
    alice: User, paper_account: Callable[..., ExchangeAccount], caplog: pytest.LogCaptureFixture
) -> None:
    adapter = services.adapter_for(paper_account(alice))
    broken = [{"match": "DELETE", "kind": "error_before", "code": -1008, "status": 503, "times": 1000}]
    with faults.plan(broken), pytest.raises(ExchangeError):
        list(smoke.run(adapter, "BTCUSDT", sleep=lambda seconds: None))
    (order,) = PaperOrder.objects.using("paper").all()
    assert f"smoke order {order.client_order_id} of BTCUSDT must be cancelled by hand" in caplog.text


BY_HAND = "must be cancelled by hand"


def test_an_order_that_may_exist_and_can_never_be_cancelled_is_named_too(
    alice: User, paper_account: Callable[..., ExchangeAccount], caplog: pytest.LogCaptureFixture
) -> None:
    adapter = services.adapter_for(paper_account(alice))
    broken = [
        {"match": "POST /api/v3/order", "kind": "lost_after"},
        {"match": "DELETE", "kind": "error_before", "code": -1008, "status": 503, "times": 1000},
    ]
    with faults.plan(broken), pytest.raises(ExchangeError):
        list(smoke.run(adapter, "BTCUSDT", sleep=lambda seconds: None))
    (order,) = PaperOrder.objects.using("paper").all()
    assert f"smoke order {order.client_order_id} of BTCUSDT {BY_HAND}" in caplog.text


@pytest.mark.parametrize("kind", ["lost_before", "lost_after"])
def test_an_order_that_is_gone_in_the_end_is_nobodys_work(
    kind: str, alice: User, paper_account: Callable[..., ExchangeAccount], caplog: pytest.LogCaptureFixture
) -> None:
    adapter = services.adapter_for(paper_account(alice))
    with faults.plan([{"match": "POST /api/v3/order", "kind": kind}]), pytest.raises(ExchangeError):
        list(smoke.run(adapter, "BTCUSDT", sleep=lambda seconds: None))
    assert BY_HAND not in caplog.text


@pytest.mark.parametrize(
    "fault",
    [{"kind": "refuse"}, {"kind": "throttled", "seconds": 1}, {"kind": "error_before", "code": -1008, "status": 503}],
    ids=lambda fault: fault["kind"],
)
def test_an_order_that_was_certainly_not_placed_needs_no_cancel(
    fault: dict[str, Any], alice: User, paper_account: Callable[..., ExchangeAccount], caplog: pytest.LogCaptureFixture
) -> None:
    adapter = services.adapter_for(paper_account(alice))
    cancels = {"match": "DELETE", "kind": "error_before", "code": -1008, "status": 503, "times": 1000}
    waits: list[float] = []
    with faults.plan([{"match": "POST /api/v3/order", **fault}, cancels]) as given, pytest.raises(ExchangeError):
        list(smoke.run(adapter, "BTCUSDT", sleep=waits.append))
    assert [request for _kind, request in given.happened] == ["POST /api/v3/order"]
    assert waits == []
    assert BY_HAND not in caplog.text


@pytest.mark.parametrize("symbol", ["NOSUCHTHING", "btcusdt"])
def test_a_symbol_that_does_not_trade_is_said_before_anything_is_placed(symbol: str) -> None:
    with pytest.raises(CommandError, match="does not trade here"):
        run("--symbol", symbol)
    assert orders() == []


# --- never with real money -------------------------------------------------------------------------------


def test_on_mainnet_nothing_is_sent(alice: User, settings: Any) -> None:
    account = services.connect_account(alice, label="Main", venue="binance", api_key=KEY, api_secret=SECRET)
    settings.EXCHANGE_ENV = "mainnet"
    with responses.RequestsMock() as network:
        for options in ((), ("--account", str(account.pk))):
            with pytest.raises(CommandError, match="mainnet"):
                run(*options)
        assert len(network.calls) == 0
    assert not PaperAccount.objects.using("paper").exists()


def test_an_adapter_of_mainnet_is_refused_before_anything_is_sent() -> None:
    client = Client(reply({}), venue=Venue.MAINNET)
    with pytest.raises(Exception, match="refused on mainnet"):
        list(smoke.run(client.adapter, "BTCUSDT"))
    assert client.sent == []


def test_a_paper_account_may_be_used_on_a_server_of_mainnet(
    alice: User, paper_account: Callable[..., ExchangeAccount], settings: Any
) -> None:
    account = paper_account(alice)
    settings.EXCHANGE_ENV = "mainnet"
    assert "Cancelled" in run("--account", str(account.pk))


def test_on_testnet_it_takes_the_servers_keys_and_says_when_there_are_none(settings: Any) -> None:
    settings.EXCHANGE_ENV = "testnet"
    with pytest.raises(CommandError, match="no testnet keys"):
        run()
    settings.ENABLE_SYSTEM_TESTNET_ACCOUNT = True
    settings.BINANCE_SPOT_TESTNET_API_KEY, settings.BINANCE_SPOT_TESTNET_API_SECRET = KEY, SECRET
    with responses.RequestsMock() as network:
        network.get(f"{settings.BINANCE_TESTNET_URL}/api/v3/time", json={"code": -1121, "msg": "Invalid."}, status=400)
        with pytest.raises(CommandError, match="Invalid"):
            run()
        assert len(network.calls) == 1
