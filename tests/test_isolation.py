"""Two users never see or change each other's rows, through any route: the URL conf itself is walked, so that a route
added tomorrow is covered tomorrow.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts.models import User
from accounts.notifications.models import Channel, Delivery, Event, Kind, Mark, Preferences
from accounts.tokens.selectors import live_tokens
from exchanges.models import ExchangeAccount
from orders.dust.models import DustSweep
from orders.models import Fill, Order, OrderEvent, Round, Run, StrangerOrder, Tick
from portfolio import services as portfolio
from portfolio.models import AccountBalances, CashFlow, ExplainedBalances, PortfolioSnapshot
from strategies import services as strategies
from strategies.models import Strategy
from strategies.tests.backtest_scenes import done_run
from strategies.tests.sweep_scenes import done, search, stocked
from tests.refusals import refusal
from tests.routes import METHODS, Route, owned_models, routes, secrets_of, snapshot

pytestmark = pytest.mark.django_db(databases=["default", "paper"])

# Open to everybody, each for a reason.
PUBLIC = {
    "/auth/sign-in/": "where one signs in",
    "/auth/sign-up/": "where one registers",
    "/auth/sign-out/": "signing out of nothing is no error",
    "/auth/inactive/": "a fixed page",
    "/auth/password/reset/": "for those who cannot sign in",
    "/auth/password/reset/sent/": "a fixed page",
    "/auth/password/reset/done/": "a fixed page",
    "/auth/password/reset/key/<uidb36>-<key>/": "the key in the address is the permission",
    "/language/": "the language of this browser",
    "/api/auth/register": "where one registers",
    "/api/auth/token": "where one signs in",
    "/api/schema/": "the description of the API",
    "/api/docs/": "the same for people",
    "/health/live": "asked by machines",
}
WITH_ROWS = [route for route in routes() if route.parameters and not route.is_admin and route.template not in PUBLIC]
WITHOUT_ROWS = [route for route in routes() if not route.parameters and not route.is_admin]
PRIVATE = [route for route in routes() if not route.is_admin and route.template not in PUBLIC]
ADMIN = [route for route in routes() if route.is_admin]
# Where it is not a list that is answered, but what the asker alone has one of.
OWN_SETTINGS = {"/api/me/notification-settings"}
# Where it is not a list that is answered, but one account of the asker's, who has none.
NEEDS_AN_ACCOUNT = {
    "/api/me/balances",
    "/api/me/portfolio/summary",
    "/api/me/portfolio/history",
    "/api/me/portfolio/performance",
    "/api/me/portfolio/tax-lots",
    "/api/me/portfolio/history.csv",
    "/api/me/cash-flows",
    "/api/me/stranger-orders",
    "/api/me/dust",
    "/api/me/dust/offer",
}
# Not a list, and nobody's rows where one has none.
NO_LIST = {"/api/me/status"}

Send = Callable[..., Any]


@dataclass
class Estate:
    """A user who owns one of everything, and the values of her ids by the name of a route's parameter."""

    owner: User
    ids: dict[str, Any]
    browser: Client
    api: APIClient

    def path(self, route: Route) -> str:
        unknown = [name for name in route.parameters if name not in self.ids]
        assert not unknown, f"{route}: say in test_isolation.py which of Alice's rows {unknown} stands for"
        return route.path(self.ids)

    def send(self, method: str, path: str) -> HttpResponse:
        """As the owner, without a trace: she has signed in before."""
        client = self.api if path.startswith("/api/") else self.browser
        return getattr(client, method.lower())(path)


@pytest.fixture
def estate(
    alice: User,
    paper_account: Callable[..., ExchangeAccount],
    strategy: Callable[..., Strategy],
    api_for: Callable[[User], APIClient],
    client_for: Callable[[User], Client],
    settings: Settings,
    tmp_path: Path,
) -> Estate:
    stocked(settings, tmp_path)
    account = paper_account(alice, {"USDT": 10_000}, label="Alices strongbox")
    targets = strategy(account, {"BTC": 60}, name="Alices secret recipe", order_step_pct="2", order_size_pct="30")
    targets_that_fill = strategy(account, {"ETH": 50}, name="Alices other recipe", order_step_pct="-0.5")
    api = api_for(alice)
    _rebalance(api, targets_that_fill)
    run = _rebalance(api, targets)
    portfolio.take_snapshot(account, PortfolioSnapshot.Reason.HOURLY)
    assert run["state"] == "active"
    assert run["orders"][0]["status"] == "NEW"
    api.post(f"/api/me/strategies/{targets.pk}/start", headers={"Idempotency-Key": "alices-own-key"})
    _happenings(account, targets)
    targets = strategies.update_strategy(targets, {"target_model": "equal"}, None)
    proposal = strategies.refresh(targets, by_hand=True)
    assert proposal is not None
    ids = {
        "account_id": account.pk,
        "strategy_id": targets.pk,
        "run_id": run["run"],
        "order_id": run["orders"][0]["id"],
        "channel_id": _told(alice).pk,
        "notice_id": accounts.tell(alice, "Alices private trouble").pk,
        "key": live_tokens(alice)[0].key,
        "proposal_id": proposal.pk,
        "backtest_id": done_run(alice, strategy=targets, name="Alices own experiment").pk,
        "sweep_id": done(alice, search=search(min_delta_pct="2,4")).pk,
        "number": 0,
        "asset": "BTC",
    }
    return Estate(alice, ids, client_for(alice), api)


def _told(user: User) -> Channel:
    """Somebody with a channel of her own, through which something has gone."""
    channel = Channel.objects.create(
        user=user, type="webhook", name="Alices siren", address="https://alice.example/hook", secret="whsec_x",
        hint="https://alice.example/…",
    )  # fmt: skip
    Preferences.objects.create(user=user)
    event = Event.objects.create(user=user, kind=Kind.FILLS, title="Alices happy fill")
    Delivery.objects.create(event=event, channel=channel, next_try_at=None)
    Mark.objects.get_or_create(
        user=user, kind=Kind.FILLS, subject=1, defaults={"first_at": timezone.now(), "last_at": timezone.now()}
    )
    return channel


def _happenings(account: ExchangeAccount, strategy: Strategy) -> None:
    """What trackers and ticks leave behind."""
    now = timezone.now()
    Tick.objects.create(
        user=account.user, strategy=strategy, status="failed", code="failed", started_at=now, ended_at=now,
        values={"details": "Alices own failure"},
    )  # fmt: skip
    StrangerOrder.objects.create(
        account=account, exchange_order_id=7, client_order_id="alices-web-order", symbol="BTCUSDT", side="BUY",
        type="LIMIT", price=1, quantity=1, seen_at=now,
    )  # fmt: skip
    CashFlow.objects.create(account=account, at=now, kind="deposit", asset="ALICECOIN", amount=1)
    ExplainedBalances.objects.get_or_create(account=account, defaults={"at": now})
    DustSweep.objects.create(user=account.user, account=account, state="failed", assets=["ALICECOIN"])


def _rebalance(api: APIClient, strategy: Strategy) -> dict[str, Any]:
    api.patch(f"/api/me/strategies/{strategy.pk}/", {"is_active": True}, format="json")
    answer = api.post("/api/me/rebalance/execute", {"strategy": strategy.pk}, format="json")
    assert answer.status_code == 201, answer.json()
    for _look in range(3):
        if answer.json()["state"] != "active" or any(order["status"] == "NEW" for order in answer.json()["orders"]):
            break
        api.post("/api/me/orders/refresh", {"account": strategy.account_id}, format="json")
    if strategy.order_step_pct < 0:
        api.post(f"/api/me/runs/{answer.json()['run']}/stop", format="json")
    return answer.json()


@pytest.fixture
def send(client_for: Callable[[User], Client], api_for: Callable[[User], APIClient]) -> Send:
    """Send one request as somebody (None: nobody) with a browser, or the user's own token under /api/."""
    known: dict[int, APIClient] = {}  # a user may have so many tokens only
    browsers: dict[int, Client] = {}

    def send_as(user: User | None, method: str, path: str, data: Any = None) -> HttpResponse:
        if path.startswith("/api/"):
            if user is None:
                api = APIClient()
            elif (method, path) == ("POST", "/api/auth/logout"):  # the end of the token that is sent
                api = api_for(user)
            else:
                api = known.setdefault(user.pk, known.get(user.pk) or api_for(user))
            if method == "GET":
                return api.get(path, data)
            return getattr(api, method.lower())(path, data or {}, format="json")
        if user is None:
            browser = Client()
        elif path.startswith("/auth/"):  # where one may be signed out
            browser = client_for(user)
        else:
            browser = browsers.setdefault(user.pk, browsers.get(user.pk) or client_for(user))
        return getattr(browser, method.lower())(path, data or {})

    return send_as


@pytest.fixture
def unchanged(estate: Estate) -> Iterator[None]:
    """Whatever a test sends, Alice's rows are afterwards what they were before, to the last column."""
    before = snapshot(estate.owner)
    yield
    assert snapshot(estate.owner) == before


def shown(response: HttpResponse) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
    return content.decode() + str(response.headers.get("Location", ""))


# --- what the walk rests on ------------------------------------------------------------------------------


def test_alice_owns_a_row_of_everything_that_can_be_owned(estate: Estate) -> None:
    rows = snapshot(estate.owner)
    ours = {
        model._meta.label for model in owned_models() if model._meta.app_label not in ("account",)
    }  # allauth's own table of addresses, which this site does not use
    assert ours >= {
        model._meta.label
        for model in (
            AccountBalances, ExchangeAccount, Fill, Order, OrderEvent, PortfolioSnapshot, Round, Run, Strategy
        )
    }  # fmt: skip
    assert [label for label in sorted(ours) if not rows[label]] == []
    assert all(rows[f"paper.{name}"] for name in ("PaperAccount", "PaperBalance", "PaperOrder", "PaperTrade"))


def test_the_walk_sees_every_part_of_the_site() -> None:
    found = {route.template for route in routes()}
    assert found >= {
        "/",
        "/orders/<int:order_id>/",
        "/api/me/runs/<int:run_id>",
        "/auth/account/tokens/<slug:key>/revoke/",
    }
    assert set(PUBLIC) <= found, "a public route that is gone is still on the list"
    assert any(route.template.endswith("/<path:object_id>/change/") for route in ADMIN)


# --- another user's ids ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("unchanged")
def test_another_users_ids_do_not_exist(estate: Estate, bob: User, send: Send, subtests: pytest.Subtests) -> None:
    secrets = secrets_of(estate.owner)
    for route in WITH_ROWS:
        with subtests.test(route=str(route)):
            path = estate.path(route)
            statuses = {}
            for method in METHODS:
                answer = send(bob, method, path)
                statuses[method] = answer.status_code
                assert not [word for word in secrets if word in shown(answer).replace(path, "")]
                if answer.status_code == 405:
                    # No way out of the rule: what is not allowed for Bob is not allowed for its owner either.
                    assert estate.send(method, path).status_code == 405, f"{method} {path}"
                elif route.is_api:
                    refusal(answer, answer.status_code)
            assert set(statuses.values()) <= {404, 405}, statuses
            assert 404 in statuses.values(), "a route that allows no method at all"
            allowed = next(name for name, status in statuses.items() if status == 404)
            unknown = send(bob, allowed, nobody(route, estate))
            assert unknown.status_code == 404, "what is another's and what is nobody's look alike"


def nobody(route: Route, estate: Estate) -> str:
    """The same address with ids that nobody has."""
    ids = {name: value + 10**9 if isinstance(value, int) else "NoSuchKey" for name, value in estate.ids.items()}
    return route.path(ids)


def test_the_owner_reaches_what_others_do_not(estate: Estate, subtests: pytest.Subtests) -> None:
    for route in WITH_ROWS:
        with subtests.test(route=str(route)):
            assert estate.send("GET", estate.path(route)).status_code in (200, 405)


@pytest.mark.usefixtures("unchanged")
def test_another_users_ids_in_a_query_or_a_body_do_not_exist(
    estate: Estate, bob: User, send: Send, paper_account: Callable[..., ExchangeAccount]
) -> None:
    paper_account(bob, {"USDT": 100})
    account, strategy = estate.ids["account_id"], estate.ids["strategy_id"]
    weights = [{"asset": "BTC", "weight_pct": "10"}]
    tried = [
        ("GET", "/api/me/balances", {"account": account}),
        ("GET", "/api/me/portfolio/summary", {"account": account}),
        ("GET", "/api/me/portfolio/history", {"account": account}),
        ("GET", "/api/me/cash-flows", {"account": account}),
        ("GET", "/api/me/stranger-orders", {"account": account}),
        ("POST", "/api/me/strategies/", {"name": "Mine", "account": account, "allocations": weights}),
        ("POST", "/api/me/rebalance/execute", {"strategy": strategy}),
        ("POST", "/api/me/orders/refresh", {"account": account}),
        ("POST", "/api/me/orders/cancel", {"account": account}),
        ("GET", "/orders/", {"account": account}),
        ("GET", "/orders/", {"run": estate.ids["run_id"]}),
        ("POST", "/orders/refresh/", {"account": account}),
        ("POST", "/orders/cancel-all/", {"account": account}),
    ]
    answers = {f"{method} {path}": send(bob, method, path, data).status_code for method, path, data in tried}
    assert set(answers.values()) == {404}, answers


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.usefixtures("unchanged")
def test_no_list_and_no_form_shows_or_takes_another_users_rows(
    method: str, estate: Estate, bob: User, send: Send, paper_account: Callable
) -> None:
    paper_account(bob, {"USDT": 100})
    words = [word for word in secrets_of(estate.owner) if word not in estate.ids.values()]  # what is sent may be echoed
    named = {name.removesuffix("_id"): value for name, value in estate.ids.items()}
    leaks = defaultdict(list)
    for route in WITHOUT_ROWS:
        for data in ({}, named):
            answer = send(bob, method, route.template, data)
            assert answer.status_code < 500, route
            leaks[route.template] += [word for word in words if word in shown(answer)]
    assert {path: found for path, found in leaks.items() if found} == {}


# --- those who own nothing, and those who are nobody -----------------------------------------------------


@pytest.mark.usefixtures("estate")
def test_charlie_who_owns_nothing_sees_only_empty_lists(alice: User, charlie: User, send: Send) -> None:
    words = secrets_of(alice)
    for route in WITHOUT_ROWS:
        answer = send(charlie, "GET", route.template)
        text = shown(answer)
        assert not [word for word in words if word in text], route
        if not route.template.startswith("/api/me/") or answer.status_code == 405:
            continue
        if route.template in NEEDS_AN_ACCOUNT:
            assert answer.status_code == 404, route
            assert answer.json()["error"]["code"] == "no_account"
        elif route.template in OWN_SETTINGS or route.template in NO_LIST:
            assert answer.status_code == 200, route
        else:
            assert answer.status_code == 200, route
            if route.template.endswith(".csv"):
                assert text.count("\r\n") == 1, f"{route}: nothing but the names of the columns"
            else:  # nothing but the token he asks with
                assert [row for row in answer.json()["results"] if not row.get("is_current")] == [], route


@pytest.mark.usefixtures("unchanged")
def test_nobody_is_asked_to_sign_in(estate: Estate, send: Send, subtests: pytest.Subtests) -> None:
    for route in PRIVATE:
        with subtests.test(route=str(route)):
            answers = [send(None, method, estate.path(route)) for method in METHODS]
            asked = [answer for answer in answers if answer.status_code != 405]
            assert asked, "a route that allows no method at all"
            for answer in answers if route.is_api else asked:
                if route.is_api:
                    assert answer.status_code == 401
                    assert answer.headers["WWW-Authenticate"].startswith("Token")
                    refusal(answer, answer.status_code)
                elif str(route) == "/metrics":  # read by programs, which follow no sign-in page
                    assert answer.status_code == 401
                    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
                else:
                    assert answer.status_code == 302
                    assert answer.headers["Location"].startswith("/auth/sign-in/")


def test_what_is_public_shows_nobodys_rows(estate: Estate, send: Send) -> None:
    for template in PUBLIC:
        answer = send(None, "GET", template.replace("<uidb36>", "1").replace("<key>", "no-such-key"))
        assert answer.status_code in (200, 302, 405), template
        assert not [word for word in secrets_of(estate.owner) if word in shown(answer)], template


@pytest.mark.usefixtures("unchanged")
def test_the_admin_is_closed_to_everybody_else(estate: Estate, bob: User, client_for: Callable[[User], Client]) -> None:
    browsers = client_for(bob), Client()
    ids = defaultdict(lambda: str(estate.owner.pk), {"app_label": "orders", "url": "orders/order/"})
    for route in sorted(ADMIN, key=lambda route: "logout" in route.template):  # the last one signs Bob out
        for browser in browsers:
            for method in ("get", "post"):
                answer = getattr(browser, method)(route.path(ids))
                assert answer.status_code in (302, 403, 404), f"{method} {route}"
                if answer.status_code == 302:
                    assert answer.headers["Location"].startswith(("/auth/", "/admin/")), route
