"""A token that may read changes nothing, through any route: the URL conf itself is walked, so that a route added
tomorrow is covered tomorrow.
"""

from collections import defaultdict

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tokens.services import issue_token
from tests.refusals import refusal
from tests.routes import routes, snapshot

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
# Without a token, or about nothing but the token itself.
ALLOWED = {
    "/api/auth/register": "where one registers",
    "/api/auth/token": "where one signs in, with a password",
    "/api/auth/logout": "a token of any scope may be given up",
}
API = [route for route in routes() if route.is_api and route.template not in ALLOWED]
IDS: dict[str, object] = defaultdict(lambda: 1)


def reader(user: User) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Token {issue_token(user, 'read')}")


@pytest.mark.parametrize("root", ["/api/", "/api/v1/"])
def test_a_token_that_may_read_is_refused_every_change(root: str, alice: User, subtests: pytest.Subtests) -> None:
    api = reader(alice)
    before = snapshot(alice)
    for route in API:
        path = root + route.path(IDS).removeprefix("/api/")
        for method in UNSAFE:
            with subtests.test(f"{method} {path}"):
                answer = api.generic(method, path, b"{}", content_type="application/json")
                if answer.status_code != 405:  # what shows everybody the same, and takes nothing
                    refusal(answer, 403, "token_scope")
    assert snapshot(alice) == before


def test_a_token_that_may_read_may_read_everything(alice: User, subtests: pytest.Subtests) -> None:
    api = reader(alice)
    for route in API:
        with subtests.test(str(route)):
            assert api.get(route.path(IDS)).status_code != 403


def test_what_is_allowed_still_exists() -> None:
    assert set(ALLOWED) <= {route.template for route in routes()}
