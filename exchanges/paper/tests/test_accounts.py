"""Accounts of the paper exchange: opened, filled, reset, closed, audited."""

import string
from decimal import Decimal

import pytest
from django.db import connections

from botbalance.lib.errors import Invalid, NotFound
from exchanges.paper import services
from exchanges.paper.models import PaperAccount, PaperBalance, PaperLedger, PaperTrade
from exchanges.paper.tests.support import DATABASES, client_with

pytestmark = pytest.mark.django_db(databases=DATABASES)
D = Decimal


def test_keys_look_like_the_exchanges_own_and_never_repeat() -> None:
    pairs = [services.open_account("a", {"USDT": D(1)}) for _ in range(3)]
    words = {word for pair in pairs for word in (pair.api_key, pair.api_secret)}
    assert len(words) == 6
    assert all(len(word) == 64 and set(word) <= set(string.ascii_letters + string.digits) for word in words)
    assert all(pair.api_secret not in repr(pair) for pair in pairs)


def test_the_secret_is_encrypted_where_it_is_kept() -> None:
    keys = services.open_account("a", {})
    with connections["paper"].cursor() as cursor:
        cursor.execute("SELECT api_secret FROM paper_paperaccount WHERE api_key = %s", [keys.api_key])
        (kept,) = cursor.fetchone()
    assert keys.api_secret.encode() not in bytes(kept)
    assert PaperAccount.objects.get(api_key=keys.api_key).api_secret == keys.api_secret


@pytest.mark.parametrize(
    ("asset", "amount"),
    [("DOUBLOON", "1"), ("USDT", "-1"), ("USDT", "NaN"), ("USDT", "1e400"), ("USDT", "0.000000001"), ("usdt", "1")],
)
def test_balances_that_cannot_be_are_refused_by_name(asset: str, amount: str) -> None:
    with pytest.raises(Invalid) as caught:
        services.open_account("a", {"USDC": D(1), asset: D(amount)})
    assert list(caught.value.fields) == [asset]
    assert not PaperAccount.objects.exists()


def test_deposits_and_withdrawals_are_in_the_ledger() -> None:
    client = client_with(USDT="100")
    services.deposit(client.keys.api_key, "BTC", D("0.12345678"))
    services.withdraw(client.keys.api_key, "USDT", D("40"))
    assert client.balances() == {"BTC": ("0.12345678", "0.00000000"), "USDT": ("60.00000000", "0.00000000")}
    kinds = list(PaperLedger.objects.order_by("id").values_list("asset", "kind", "amount"))
    assert kinds == [("USDT", "deposit", D(100)), ("BTC", "deposit", D("0.12345678")), ("USDT", "withdrawal", D(-40))]
    assert client.audit() == []


def test_what_is_locked_cannot_be_withdrawn() -> None:
    client = client_with(USDT="100")
    client.order("BUY", "0.001", "60000")
    with pytest.raises(Invalid, match="is free"):
        services.withdraw(client.keys.api_key, "USDT", D("40.00000001"))
    services.withdraw(client.keys.api_key, "USDT", D("40"))


@pytest.mark.parametrize("door", [services.deposit, services.withdraw])
def test_nothing_is_no_transfer(door: object) -> None:
    client = client_with(USDT="1")
    with pytest.raises(Invalid, match="greater than 0"):
        services.__dict__[door.__name__](client.keys.api_key, "USDT", D(0))


def test_a_reset_cancels_what_is_open_and_keeps_the_history() -> None:
    client = client_with(USDT="10000")
    client.order("BUY", "0.01", f"{client.book()['askPrice'] * D('1.01'):.2f}")
    client.order("BUY", "0.01", "50000")
    services.reset_account(client.keys.api_key, {"USDT": D(500), "ETH": D(2)})
    assert client.balances() == {"ETH": ("2.00000000", "0.00000000"), "USDT": ("500.00000000", "0.00000000")}
    statuses = [order["status"] for order in client.send("GET", "/api/v3/allOrders", symbol="BTCUSDT").json()]
    assert statuses == ["FILLED", "CANCELED"]
    assert client.send("GET", "/api/v3/myTrades", symbol="BTCUSDT").json()
    assert client.audit() == []


def test_a_closed_account_is_gone_but_its_books_are_kept() -> None:
    client = client_with(USDT="10000")
    client.order("BUY", "0.01", "50000")
    services.close_account(client.keys.api_key)
    assert client.audit() == []
    for door in (services.close_account, lambda key: services.reset_account(key, {})):
        with pytest.raises(NotFound):
            door(client.keys.api_key)


def test_the_audit_names_what_does_not_add_up() -> None:
    client = client_with(USDT="10000")
    client.order("BUY", "0.01", f"{client.book()['askPrice'] * D('1.01'):.2f}")
    assert client.audit() == []
    PaperBalance.objects.filter(asset="USDT").update(free=D("1.5"))
    PaperTrade.objects.update(quantity=D("0.02"))
    found = client.audit()
    assert len(found) == 2
    assert found[0].startswith("USDT total: kept 1.5, computed ")
    assert "executed: kept 0.01, computed 0.02" in found[1]
