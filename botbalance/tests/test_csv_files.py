"""Orders, fills, snapshots and ticks as CSV files: exact, whole, safe to open in a spreadsheet, and one's own."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from botbalance.lib import csv_files
from exchanges.models import ExchangeAccount
from orders.models import Fill, Order, Round, Run, Tick
from portfolio.models import PortfolioSnapshot
from strategies.models import Strategy
from tests.refusals import refusal

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    return paper_account(alice, {"USDT": 1000}, label="Мой сейф")


@pytest.fixture
def targets(account: ExchangeAccount, strategy: Callable[..., Strategy]) -> Strategy:
    return strategy(account, {"BTC": 40})


@pytest.fixture
def api(alice: User, api_for: Callable[[User], APIClient]) -> APIClient:
    return api_for(alice)


def made(account: ExchangeAccount, targets: Strategy, count: int = 1, **values: Any) -> list[Order]:
    """Orders of a rebalance of their own, each with a fill."""
    user = account.user
    run = Run.objects.create(user=user, account=account, strategy=targets, trigger="api", state="complete")
    last = Round.objects.filter(user=user).count()
    one = Round.objects.create(run=run, user=user, number=1, tick_ts=last + 1, nav=D(1))
    usual = {
        "symbol": "BTCUSDT", "base_asset": "BTC", "quote_asset": "USDT", "side": "BUY", "status": "FILLED",
        "price": D("0.000000010000000001"), "quantity": D("12345678901234567890.5"), "fees": {"BTC": "0.1"},
    }  # fmt: skip
    Order.objects.bulk_create(
        Order(user=user, account=account, round=one, index=n, client_order_id=f"{run.pk}-{n}", **{**usual, **values})
        for n in range(count)
    )
    orders = list(one.orders.order_by("pk"))
    Fill.objects.bulk_create(
        Fill(
            user=user, order=order, trade_id=order.pk, price=order.price, quantity=order.quantity,
            quote_quantity=D("-0.5"), commission=D("1E-18"), commission_asset="BTC", is_maker=True, at=NOON,
        )
        for order in orders
    )  # fmt: skip
    return orders


def text_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return b"".join(answer.streaming_content).decode()


def rows_of(answer: Any) -> list[dict[str, str]]:
    text = text_of(answer)
    assert text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


# --- what stands in them ---------------------------------------------------------------------------------


def test_amounts_are_exact_and_times_are_utc(api: APIClient, account: ExchangeAccount, targets: Strategy) -> None:
    (order,) = made(account, targets)
    assert text_of(api.get("/api/me/orders.csv")).replace("\r\n", "").isprintable(), "lines end with CR LF alone"
    (row,) = rows_of(api.get("/api/me/orders.csv"))
    assert (row["price"], row["quantity"]) == ("0.000000010000000001", "12345678901234567890.5")
    assert (row["id"], row["status"], row["fees"]) == (str(order.pk), "FILLED", "0.1 BTC")
    assert row["account_label"] == "Мой сейф"
    assert datetime.fromisoformat(row["created_at"]) == order.created_at
    assert row["created_at"].endswith("Z")
    assert row["finished_at"] == ""
    (fill,) = rows_of(api.get("/api/me/fills.csv"))
    assert (fill["at"], fill["commission"], fill["is_maker"]) == ("2026-11-01T12:00:00Z", "0.000000000000000001", "yes")
    assert fill["quote_quantity"] == "-0.5", "a number below zero is no formula"


def test_snapshots_and_ticks_are_files_too(api: APIClient, account: ExchangeAccount, targets: Strategy) -> None:
    holdings = [{"asset": "BTC", "total": "0.5", "value": "40000"}, {"asset": "USDT", "total": "3", "value": "3"}]
    for hours in (1, 0):
        PortfolioSnapshot.objects.create(
            account=account, at=NOON + timedelta(hours=hours), reason="hourly", quote="USDT", nav=D("1.10"),
            holdings=holdings,
        )  # fmt: skip
    older, newer = rows_of(api.get("/api/me/portfolio/history.csv"))
    assert (older["at"], newer["at"]) == ("2026-11-01T12:00:00Z", "2026-11-01T13:00:00Z")
    assert (older["nav"], older["quote"], older["holdings"]) == ("1.1", "USDT", "0.5 BTC 3 USDT")
    Tick.objects.create(
        user=account.user, strategy=targets, status="acted", code="run_ended", actions={"placed": 3},
        started_at=NOON, ended_at=NOON,
    )  # fmt: skip
    (english,) = rows_of(api.get(f"/api/me/strategies/{targets.pk}/ticks.csv"))
    assert (english["status"], english["placed"], english["filled"]) == ("acted", "3", "0")
    (russian,) = rows_of(api.get(f"/api/me/strategies/{targets.pk}/ticks.csv", headers={"Accept-Language": "ru"}))
    assert english["reason"] != russian["reason"] != ""


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_a_text_that_a_spreadsheet_would_compute_is_disarmed(
    begin: str, api: APIClient, account: ExchangeAccount, targets: Strategy
) -> None:
    evil = f'{begin}HYPERLINK("http://evil.example";"a,b")'
    ExchangeAccount.objects.filter(pk=account.pk).update(label=evil)
    made(account, targets, error=evil)
    (row,) = rows_of(api.get("/api/me/orders.csv"))
    assert row["account_label"] == f"'{evil}"
    assert row["error"].startswith("'")


def test_numbers_are_never_disarmed() -> None:
    assert [csv_files.cell(value) for value in (D("-1E-18"), -3, D("1E+5"), True, None)] == [
        "-0.000000000000000001", "-3", "100000", "yes", "",
    ]  # fmt: skip


# --- which rows ------------------------------------------------------------------------------------------


def test_all_pages_are_in_one_file_in_the_order_of_the_list(
    api: APIClient, account: ExchangeAccount, targets: Strategy
) -> None:
    orders = made(account, targets, csv_files.A_CHUNK + 2)
    expected = [str(order.pk) for order in reversed(orders)]
    assert [row["id"] for row in rows_of(api.get("/api/me/orders.csv?limit=2"))] == expected
    assert [row["order"] for row in rows_of(api.get("/api/me/fills.csv"))] == expected
    PortfolioSnapshot.objects.bulk_create(
        PortfolioSnapshot(account=account, at=NOON, reason="fill", quote="USDT", nav=D(nav))
        for nav in range(csv_files.A_CHUNK + 2)  # of one moment, over the edge of a chunk
    )
    values = [row["nav"] for row in rows_of(api.get("/api/me/portfolio/history.csv"))]
    assert values == [str(nav) for nav in range(csv_files.A_CHUNK + 2)]


def test_a_file_is_read_as_it_is_written(api: APIClient, account: ExchangeAccount, targets: Strategy) -> None:
    made(account, targets, 3 * csv_files.A_CHUNK)
    with CaptureQueriesContext(connection) as asked:
        pieces = iter(api.get("/api/me/orders.csv").streaming_content)
        assert next(pieces).count(b"\r\n") == csv_files.A_WRITE
        first = len(asked)
        rest = b"".join(pieces)
    assert rest.count(b"\r\n") == 3 * csv_files.A_CHUNK + 1 - csv_files.A_WRITE
    assert len(asked) - first == 3, "a query for every chunk, and the last that finds nothing more"


def test_the_filters_are_those_of_the_list(api: APIClient, account: ExchangeAccount, targets: Strategy) -> None:
    bought = made(account, targets, 2)
    (sold,) = made(account, targets, symbol="ETHUSDT", side="SELL", status="CANCELED")
    tomorrow = f"{timezone.now() + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    for query, expected in {
        "side=BUY": bought,
        "symbol=ethusdt": [sold],
        "status=canceled": [sold],
        f"run={sold.round.run_id}": [sold],
        f"strategy={targets.pk}": [*bought, sold],
        f"account={account.pk}": [*bought, sold],
        f"from={tomorrow}": [],
        f"to={tomorrow}": [*bought, sold],
    }.items():
        ids = {int(row["id"]) for row in rows_of(api.get(f"/api/me/orders.csv?{query}"))}
        assert ids == {order.pk for order in expected}, query
        assert ids == {row["id"] for row in api.get(f"/api/me/orders?{query}").json()["results"]}, query
    assert set(refusal(api.get("/api/me/orders.csv?side=UP"), 400, "invalid")) == {"side"}
    assert set(refusal(api.get("/api/me/fills.csv?from=x"), 400, "invalid")) == {"from"}


def test_a_file_is_named_after_what_is_in_it(api: APIClient, account: ExchangeAccount, targets: Strategy) -> None:
    def name(path: str) -> str:
        return str(api.get(path).headers["Content-Disposition"])

    assert name("/api/me/orders.csv?from=2026-11-01T00:00:00Z&to=2026-11-02T23:59:59Z") == (
        'attachment; filename="orders-all-accounts-2026-11-01-2026-11-02.csv"'
    )
    today = f"{timezone.now():%Y-%m-%d}"
    assert name(f"/api/me/strategies/{targets.pk}/ticks.csv") == (
        f'attachment; filename="ticks-targets-{targets.pk}-until-{today}.csv"'
    )
    russian = name(f"/api/me/fills.csv?account={account.pk}")
    assert russian.startswith("attachment; filename*=utf-8''fills-%D0%BC")
    assert russian.endswith(f"-{account.pk}-until-{today}.csv")


# --- whose rows ------------------------------------------------------------------------------------------


def test_files_hold_ones_own_rows_only(
    alice: User, bob: User, charlie: User, account: ExchangeAccount, targets: Strategy,
    api_for: Callable[[User], APIClient], paper_account: Callable[..., ExchangeAccount],
) -> None:  # fmt: skip
    (order,) = made(account, targets)
    paper_account(bob)
    for stranger in (bob, charlie):
        api = api_for(stranger)
        for path in ("/api/me/orders.csv", "/api/me/fills.csv"):
            assert rows_of(api.get(path)) == []
            for query in (f"account={account.pk}", f"strategy={targets.pk}", f"run={order.round.run_id}"):
                refusal(api.get(f"{path}?{query}"), 404, "not_found")
        assert rows_of(api.get(f"/api/me/fills.csv?order={order.pk}")) == []
        refusal(api.get(f"/api/me/portfolio/history.csv?account={account.pk}"), 404, "not_found")
        refusal(api.get(f"/api/me/strategies/{targets.pk}/ticks.csv"), 404, "not_found")
    refusal(APIClient().get("/api/me/orders.csv"), 401)


def test_what_is_disconnected_keeps_its_files(api: APIClient, account: ExchangeAccount, targets: Strategy) -> None:
    made(account, targets)
    assert api.delete(f"/api/me/accounts/{account.pk}/").status_code == 204
    assert len(rows_of(api.get(f"/api/me/orders.csv?account={account.pk}"))) == 1
    assert rows_of(api.get(f"/api/me/portfolio/history.csv?account={account.pk}")) == []


# --- links -----------------------------------------------------------------------------------------------


def test_pages_link_to_files_of_what_they_show(
    alice: User, account: ExchangeAccount, targets: Strategy, client_for: Callable[[User], Client]
) -> None:
    browser = client_for(alice)
    made(account, targets)
    page = browser.get("/orders/?side=BUY&symbol=BTCUSDT").content.decode()
    for path in ("/api/me/orders.csv", "/api/me/fills.csv"):
        link = f"{path}?side=BUY&amp;symbol=BTCUSDT"
        assert link in page
        assert len(rows_of(browser.get(link.replace("&amp;", "&")))) == 1
    assert "fills.csv" not in browser.get("/orders/?status=FILLED").content.decode(), "fills have no status"
    Tick.objects.create(
        user=alice, strategy=targets, status="acted", code="run_ended", started_at=NOON, ended_at=NOON
    )  # fmt: skip
    page = browser.get(f"/orders/autopilot/{targets.pk}/?status=acted").content.decode()
    assert f"/api/me/strategies/{targets.pk}/ticks.csv?status=acted" in page
