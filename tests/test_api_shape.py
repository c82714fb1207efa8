"""Whatever is thrown at the API, it answers in one shape: never a page, never a trace, never a 500."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from botbalance.lib.api_versions import canonical
from exchanges.models import ExchangeAccount
from strategies.models import Strategy
from tests.refusals import refusal
from tests.routes import Route, routes

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
API = [route for route in routes() if route.is_api and route.template not in ("/api/schema/", "/api/docs/")]
# Deeds that take nothing but their address: what else is sent is not read.
READS_NO_BODY = {
    "/api/auth/logout",
    "/api/me/accounts/<int:account_id>/check",
    "/api/me/accounts/<int:account_id>/reset",
    "/api/me/orders/<int:order_id>/cancel",
    "/api/me/runs/<int:run_id>/stop",
    "/api/me/strategies/<int:strategy_id>/proposals/<int:proposal_id>/apply/",
    "/api/me/strategies/<int:strategy_id>/proposals/<int:proposal_id>/dismiss/",
    "/api/me/strategies/<int:strategy_id>/refresh/",
    "/api/me/strategies/<int:strategy_id>/start",
    "/api/me/strategies/<int:strategy_id>/stop",
    "/api/me/notices/<int:notice_id>/seen",
    "/api/me/channels/<int:channel_id>/test",
    "/api/me/channels/<int:channel_id>/rotate-secret",
}
TAKES_LITTLE = {
    "/api/me/orders/refresh",
    "/api/me/orders/cancel",
    "/api/me/strategies/<int:strategy_id>/",
}
BODIES: dict[str, tuple[bytes, str, set[int]]] = {
    "no JSON": (b"{", "application/json", {400}),
    "half a string": (b'{"name": "', "application/json", {400}),
    "a list": (b"[]", "application/json", {400}),
    "a string": (b'"x"', "application/json", {400}),
    "a number": (b"1", "application/json", {400}),
    "null": (b"null", "application/json", {400}),
    "a bare NaN": (b'{"strategy": NaN}', "application/json", {400}),
    "a number beyond all": (b'{"strategy": 1' + b"0" * 5000 + b"}", "application/json", {400}),
    "no UTF-8": (b'{"label": "\xff\xfe"}', "application/json", {400}),
    "a lone surrogate": (b'{"label": "\\ud800", "name": "\\ud800"}', "application/json", {400}),
    "a hundred thousand brackets": (b"[" * 100_000, "application/json", {400}),
    "plain text": (b"hello", "text/plain", {415}),
    "XML": (b"<a/>", "application/xml", {415}),
    "a wrong charset": (b"{}", "application/json; charset=klingon", {400, 415}),
}


@pytest.fixture
def ids(
    alice: User, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]
) -> dict[str, Any]:
    account = paper_account(alice, {"USDT": 1000})
    return {
        "account_id": account.pk,
        "strategy_id": strategy(account, {"BTC": 40}).pk,
        "run_id": 1,
        "order_id": 1,
        "notice_id": 1,
        "key": "bb_0",
        "channel_id": 1,
        "proposal_id": 1,
        "backtest_id": 1,
        "sweep_id": 1,
        "number": 1,
    }


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_cannot_be_read_is_refused_everywhere(
    case: str, alice: User, ids: dict[str, Any], api_for: Callable[[User], APIClient], subtests: pytest.Subtests
) -> None:
    content, content_type, expected = BODIES[case]
    api = api_for(alice)
    before = snapshot_of_settings(ids)
    for route in API:
        if route.template in READS_NO_BODY:
            continue
        for method in methods_of(route):
            with subtests.test(f"{method} {route}"):
                answer = api.generic(method.upper(), route.path(ids), content, content_type=content_type)
                if answer.status_code in (404, 405):
                    refusal(answer, answer.status_code)
                elif answer.status_code in (200, 201):
                    assert_body_is_optional(route, case)
                else:
                    assert answer.status_code in expected, answer.content.decode()[:300]
                    refusal(answer, answer.status_code)
    assert snapshot_of_settings(ids) == before


def methods_of(route: Route) -> list[str]:
    """Those that take a body. What is not allowed is refused before it is read: tests/test_isolation.py asks."""
    return [method for method in ("post", "put", "patch") if hasattr(route.view.view_class, method)]


def snapshot_of_settings(ids: dict[str, Any]) -> list[Any]:
    return [
        *ExchangeAccount.objects.values_list("pk", "label", "archived_at"),
        *Strategy.objects.values_list("pk", "name", "is_active", "archived_at"),
    ]


def assert_body_is_optional(route: Route, case: str) -> None:
    """Nothing in it is a field of these routes; the rest of it can be read."""
    if case != "a wrong charset":  # an empty object in any letters
        assert case == "a lone surrogate", case
    assert route.template in TAKES_LITTLE


@pytest.mark.parametrize("path", ["/api/", "/api/nothing", "/api/me/nope/", "/api/me/orders/1/nope", "/api/me/runs/x"])
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_an_unknown_address_is_a_json_404(path: str, method: str, client: Client, db: None) -> None:
    refusal(getattr(client, method)(path), 404, "not_found")


def test_an_unknown_page_is_a_page(client: Client, db: None) -> None:
    answer = client.get("/nowhere/")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")


def test_an_address_with_a_null_byte_or_bad_text_is_a_404(client: Client, db: None) -> None:
    for path in ("/api/me/%00", "/api/me/%ff%fe", "/api/me/../../etc/passwd"):
        refusal(client.get(path), 404)


def test_a_method_that_is_not_allowed_is_said_in_the_same_shape(
    alice: User, api_for: Callable[[User], APIClient]
) -> None:
    api = api_for(alice)
    refusal(api.delete("/api/me/orders"), 405, "method_not_allowed")
    refusal(api.put("/api/me/rebalance/execute", {}, format="json"), 405, "method_not_allowed")


@pytest.mark.parametrize(
    "header", ["Token", "Token x", "Token x y", "Token " + "x" * 10_000, "Token é", "Bearer x", "Basic eDp5", "\x00"]
)
def test_a_wrong_token_is_a_401_in_the_same_shape(header: str, db: None) -> None:
    answer = APIClient(HTTP_AUTHORIZATION=header).get("/api/me/accounts/")
    refusal(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Token")


def test_a_session_without_its_csrf_token_may_look_but_not_act(alice: User) -> None:
    api = APIClient(enforce_csrf_checks=True)
    api.force_login(alice)
    assert api.get("/api/me/accounts/").status_code == 200
    refusal(api.post("/api/me/accounts/", {"label": "Paper"}, format="json"), 403)
    assert not ExchangeAccount.objects.exists()


def test_a_body_that_is_too_large_is_refused(alice: User, api_for: Callable[[User], APIClient]) -> None:
    answer = api_for(alice).post("/api/me/accounts/", {"label": "x" * 5_000_000}, format="json")
    refusal(answer, 413, "too_large")


def test_what_goes_wrong_here_is_a_json_500_without_a_trace(
    alice: User, api_for: Callable[[User], APIClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(user: User) -> None:
        raise RuntimeError("planted-secret-in-a-trace")

    monkeypatch.setattr("exchanges.selectors.accounts_of", explode)
    api = api_for(alice)
    api.raise_request_exception = False
    answer = api.get("/api/me/accounts/")
    refusal(answer, 500, "server_error")
    assert "planted-secret" not in answer.content.decode()


def test_the_schema_names_every_route(db: None, client: Client) -> None:
    answer = client.get("/api/schema/?format=json")
    assert answer.status_code == 200
    text = answer.content.decode()
    for route in API:
        plain = re.sub(r"<\w+:(\w+)>", r"{\1}", canonical(route.template))
        assert plain in text, f"{plain} is not described"
