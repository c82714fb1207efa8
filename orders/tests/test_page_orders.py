"""The pages of orders: the list with its filters, one order with its history, cancelling."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from accounts.models import User
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from orders import presentation, services
from orders.domain import RUN_REASONS, Status
from orders.models import Order, OrderEvent, Round, Run
from orders.tests.elsewhere import place
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

ClientFor = Callable[[User], Client]
Rebalance = Callable[..., Run]


@pytest.fixture
def browser(alice: User, client_for: ClientFor) -> Client:
    return client_for(alice)


@pytest.fixture
def rebalance(
    alice: User, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]
) -> Rebalance:
    """rebalance("Paper", order_step_pct="-0.5"): a run of a fresh account; by default its orders rest."""

    def start(label: str = "Paper", **limits: str) -> Run:
        account = paper_account(alice, {"USDT": 10_000, "SOL": 50}, label=label)
        limits = {"order_step_pct": "2", "order_size_pct": "100", **limits}
        row = strategy(account, {"BTC": 30, "ETH": 20, "SOL": 0}, **limits)
        return services.execute(alice, row, trigger=Run.Trigger.PAGE).run

    return start


def symbols(answer: Any) -> list[str]:
    return [row.order.symbol for row in answer.context["rows"]]


# --- the list --------------------------------------------------------------------------------------------


def test_without_orders_it_says_where_they_come_from(browser: Client) -> None:
    assert "There are no orders yet." in browser.get("/orders/").content.decode()


def test_it_lists_orders_newest_first_and_filters(browser: Client, rebalance: Rebalance) -> None:
    run = rebalance()
    assert symbols(browser.get("/orders/")) == ["ETHUSDT", "BTCUSDT", "SOLUSDT"]
    assert symbols(browser.get("/orders/?side=SELL")) == ["SOLUSDT"]
    assert symbols(browser.get("/orders/?symbol=btcusdt")) == ["BTCUSDT"]
    assert len(symbols(browser.get("/orders/?status=open"))) == 3
    assert symbols(browser.get("/orders/?status=FILLED&side=&symbol=")) == []
    assert len(symbols(browser.get(f"/orders/?account={run.account_id}&run={run.pk}"))) == 3
    assert "No order matches." in browser.get("/orders/?symbol=NONE").content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "status=sideways",
        "side=HOLD",
        "account=abc",
        "account=-1",
        "account=" + "9" * 30,
        "run=1e400",
        "before=NaN",
        "symbol=" + "X" * 41,
        "symbol=%00",
    ],
)
def test_a_filter_that_makes_no_sense_is_explained(query: str, browser: Client, rebalance: Rebalance) -> None:
    rebalance()
    answer = browser.get(f"/orders/?{query}")
    assert answer.status_code == 400
    assert "errorlist" in answer.content.decode()
    assert not answer.context["rows"]


def test_the_newest_page_of_the_list_updates_itself(browser: Client, rebalance: Rebalance) -> None:
    rebalance()
    page = browser.get("/orders/?side=BUY").content.decode()
    assert 'hx-get="/orders/?side=BUY"' in page
    fragment = browser.get("/orders/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment
    assert "BTCUSDT" in fragment
    older = browser.get("/orders/", {"before": 10**9}).content.decode()
    assert "data-live" not in older


def test_it_pages_through_many_orders(browser: Client, rebalance: Rebalance) -> None:
    round_ = Round.objects.get(run=rebalance())
    Order.objects.bulk_create(
        Order(
            user=round_.user,
            account=round_.run.account,
            round=round_,
            index=index,
            client_order_id=f"old-{index}",
            symbol="ADAUSDT",
            base_asset="ADA",
            quote_asset="USDT",
            side="BUY",
            price=1,
            quantity=10,
            status=Status.CANCELED,
        )
        for index in range(10, 110)
    )
    seen: list[int] = []
    query = "?symbol=ADAUSDT"
    pages = 0
    while query:
        context = browser.get(f"/orders/{query}").context
        seen += [row.order.pk for row in context["rows"]]
        query, pages = context["older"], pages + 1
    assert (len(seen), pages) == (100, 4)
    assert seen == sorted(set(seen), reverse=True)


# --- one order -------------------------------------------------------------------------------------------


def test_a_filled_order_shows_its_fills_and_what_happened(browser: Client, rebalance: Rebalance) -> None:
    run = rebalance(order_step_pct="-0.5")
    services.track_account(run.account)
    order = Order.objects.filter(status=Status.FILLED).order_by("pk").first()
    assert order is not None
    answer = browser.get(f"/orders/{order.pk}/")
    page = answer.content.decode()
    assert len(answer.context["fills"]) == order.fills.count() > 0
    assert "All of it has been bought or sold." in page
    assert "Planned and written down, before anything was sent." in page
    assert f'href="/orders/runs/{run.pk}/"' in page
    assert order.client_order_id in page
    assert "Cancel this order" not in page


def test_a_refused_order_says_what_the_exchange_said(browser: Client, rebalance: Rebalance) -> None:
    order = Order.objects.filter(round__run=rebalance()).first()
    assert order is not None
    Order.objects.filter(pk=order.pk).update(status=Status.REJECTED, error="Filter failure: <LOT_SIZE>")
    for path in ("/orders/", f"/orders/{order.pk}/"):
        page = browser.get(path).content.decode()
        assert "Filter failure: &lt;LOT_SIZE&gt;" in page
        assert "refused" in page


def test_every_state_and_every_event_has_words(rebalance: Rebalance) -> None:
    assert set(presentation.STATUS_WORDS) == set(Status)
    assert set(presentation.RUN_WORDS) == set(Run.State)
    run = rebalance(order_step_pct="-0.5")
    services.track_account(run.account)
    services.stop_run(run)
    services.cancel_all(rebalance("Other").account)
    services.stop_run(rebalance("Third"))
    kinds = set(OrderEvent.objects.values_list("kind", flat=True))
    assert kinds >= {"intent", "sending", "answer", "fill", "cancelling_ended", "cancelling_owner", "cancelled"}
    assert kinds <= set(presentation.EVENT_WORDS)


def test_why_we_cancelled_an_order_is_told_on_its_page(browser: Client, rebalance: Rebalance) -> None:
    order = Order.objects.filter(round__run=rebalance()).latest("pk")
    told = {
        "cancelling_old": "it had rested for its lifetime",
        "cancelling_far": "the market had moved too far from its price",
        "cancelling_turned": "the target has been reached without it",
        "cancelling_ended": "its rebalance has ended",
        "cancelling_leftover": "no rebalance waited for it any more",
        "cancelling_owner": "its owner cancelled it",
    }
    OrderEvent.objects.bulk_create(OrderEvent(order=order, kind=kind, status=order.status) for kind in told)
    page = browser.get(f"/orders/{order.pk}/").content.decode()
    assert [why for why in told.values() if f"Asked the exchange to cancel it: {why}." not in page] == []


def test_reasons_are_in_the_language_of_the_reader(browser: Client, rebalance: Rebalance) -> None:
    run = rebalance()
    services.stop_run(run)
    with translation.override("ru"):
        reason = translation.gettext(RUN_REASONS["stopped_by_owner"])
    page = browser.get(f"/orders/runs/{run.pk}/", headers={"Accept-Language": "ru"}).content.decode()
    assert reason in page


# --- cancelling ------------------------------------------------------------------------------------------


def test_cancelling_one_order_stops_its_run_and_says_so(browser: Client, rebalance: Rebalance) -> None:
    run = rebalance()
    order = Order.objects.get(symbol="BTCUSDT")
    answer = browser.post(f"/orders/{order.pk}/cancel/", {"next": "/orders/?side=BUY"}, follow=True)
    page = answer.content.decode()
    assert answer.redirect_chain == [("/orders/?side=BUY", 302)]
    assert "The order is cancelled." in page
    assert "Its rebalance is stopped" in page
    order.refresh_from_db()
    run.refresh_from_db()
    assert (order.status, run.state) == (Status.CANCELED, Run.State.STOPPED)
    again = browser.post(f"/orders/{order.pk}/cancel/", {"next": "https://evil.example/"})
    assert again.url == f"/orders/{order.pk}/"
    assert "has ended already" in browser.get(again.url).content.decode()


def test_an_order_that_cannot_be_cancelled_now_says_why(browser: Client, rebalance: Rebalance) -> None:
    rebalance()
    order = Order.objects.get(symbol="BTCUSDT")
    with faults.plan([{"kind": "refuse", "times": 1000}]):
        answer = browser.post(f"/orders/{order.pk}/cancel/", follow=True)
    assert answer.status_code == 200
    assert 'class="notice error"' in answer.content.decode()


def test_cancel_all_of_one_account_leaves_the_others_alone(browser: Client, rebalance: Rebalance) -> None:
    here, there = rebalance(), rebalance("Other")
    answer = browser.post("/orders/cancel-all/", {"account": here.account_id}, follow=True)
    assert "3 orders have ended." in answer.content.decode()
    for run in (here, there):
        run.refresh_from_db()
    assert (here.state, there.state) == (Run.State.STOPPED, Run.State.ACTIVE)
    answer = browser.post("/orders/cancel-all/", follow=True)
    assert "3 orders have ended." in answer.content.decode()
    answer = browser.post("/orders/cancel-all/", follow=True)
    assert "No order was open." in answer.content.decode()


@pytest.mark.parametrize("account", ["abc", "-1", "9" * 30, "12345678"])
def test_an_account_that_makes_no_sense_is_not_all_accounts(
    account: str, browser: Client, rebalance: Rebalance
) -> None:
    run = rebalance()
    assert browser.post("/orders/cancel-all/", {"account": account}).status_code == 404
    assert browser.post("/orders/refresh/", {"account": account}).status_code == 404
    run.refresh_from_db()
    assert run.is_active


def test_cancel_all_asks_first(browser: Client, rebalance: Rebalance) -> None:
    rebalance()
    page = browser.get("/orders/").content.decode()
    assert "Every open order of all your accounts is cancelled" in page
    assert browser.get("/orders/cancel-all/").status_code == 405


def test_asking_without_an_account_says_so(browser: Client) -> None:
    page = browser.post("/orders/refresh/", follow=True).content.decode()
    assert "There is no exchange account to ask about." in page


def test_asking_finds_what_was_placed_elsewhere_though_nothing_of_ours_is_open(
    browser: Client, alice: User, paper_account: Callable[..., ExchangeAccount]
) -> None:
    account = paper_account(alice, {"USDT": 1000})
    place(account)
    page = browser.post("/orders/refresh/", follow=True).content.decode()
    assert "The exchange was asked: this is how things stand there now." in page
    assert "Orders placed elsewhere" in page


def test_what_is_open_can_be_cancelled_though_a_filter_hides_it(
    browser: Client, alice: User, rebalance: Rebalance, paper_account: Callable[..., ExchangeAccount]
) -> None:
    rebalance()
    idle = paper_account(alice, label="Idle")
    for query in ("?status=FILLED", "?before=1"):
        page = browser.get(f"/orders/{query}").content.decode()
        assert 'action="/orders/cancel-all/"' in page
        assert "hx-get" in page
    assert 'action="/orders/cancel-all/"' not in browser.get(f"/orders/?account={idle.pk}").content.decode()


def test_what_we_wrote_down_ourselves_is_in_the_language_of_the_reader(browser: Client, rebalance: Rebalance) -> None:
    order = Order.objects.filter(round__run=rebalance()).latest("pk")
    error, detail = "The exchange refused it and does not say why.", "The exchange has never received it."
    Order.objects.filter(pk=order.pk).update(status=Status.REJECTED, error=error)
    OrderEvent.objects.create(order=order, kind="not_placed", status=Status.NOT_PLACED, detail=detail)
    with translation.override("ru"):
        russian = [translation.gettext(text) for text in (error, detail)]
    assert russian != [error, detail]
    page = browser.get(f"/orders/{order.pk}/", headers={"Accept-Language": "ru"}).content.decode()
    assert [text for text in russian if text not in page] == []
    assert "Project-Id-Version" not in page  # what the empty text is translated to
    assert russian[0] in browser.get("/orders/", headers={"Accept-Language": "ru"}).content.decode()


def test_an_order_that_was_not_placed_is_not_said_to_have_never_arrived(browser: Client, rebalance: Rebalance) -> None:
    order = Order.objects.filter(round__run=rebalance()).latest("pk")
    Order.objects.filter(pk=order.pk).update(status=Status.NOT_PLACED, error="Too many new orders.")
    page = browser.get(f"/orders/{order.pk}/").content.decode()
    assert "It was not placed; nothing was traded." in page
    assert "Too many new orders." in page
    assert "never reached" not in page


def test_an_order_that_is_gone_tells_of_the_testnets_monthly_wipe(browser: Client, rebalance: Rebalance) -> None:
    order = Order.objects.filter(round__run=rebalance()).latest("pk")
    Order.objects.filter(pk=order.pk).update(status=Status.VANISHED)
    assert "The testnet is wiped about once a month" in browser.get(f"/orders/{order.pk}/").content.decode()


# --- who may ---------------------------------------------------------------------------------------------


def test_another_users_orders_do_not_exist(charlie: User, client_for: ClientFor, rebalance: Rebalance) -> None:
    run = rebalance()
    order = Order.objects.first()
    assert order is not None
    stranger = client_for(charlie)
    assert symbols(stranger.get("/orders/")) == []
    for path in (f"/orders/{order.pk}/", f"/orders/?account={run.account_id}", f"/orders/?run={run.pk}"):
        assert stranger.get(path).status_code == 404
    assert stranger.post(f"/orders/{order.pk}/cancel/").status_code == 404
    assert stranger.post("/orders/cancel-all/", {"account": run.account_id}).status_code == 404
    stranger.post("/orders/cancel-all/")
    run.refresh_from_db()
    assert run.is_active
