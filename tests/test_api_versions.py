"""Canonical addresses are /api/v1/…; /api/… is the present version under a shorter name."""

from collections.abc import Callable

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts.models import User
from tests.refusals import refusal

pytestmark = pytest.mark.django_db


def test_both_addresses_give_one_answer(alice: User, api_for: Callable[[User], APIClient]) -> None:
    api = api_for(alice)
    versioned, short = api.get("/api/v1/auth/me"), api.get("/api/auth/me")
    assert versioned.status_code == 200
    assert versioned.json() == short.json()


@pytest.mark.parametrize("path", ["/api/v1/auth/me", "/api/auth/me", "/api/v1/nowhere", "/api/v9/auth/me", "/api/"])
def test_every_answer_names_its_version(path: str, client: Client) -> None:
    assert client.get(path).headers["API-Version"] == "1"


def test_pages_name_none(client: Client) -> None:
    assert "API-Version" not in client.get("/auth/sign-in/").headers


@pytest.mark.parametrize("path", ["/api/v9/auth/me", "/api/v2/", "/api/v0/auth/me", "/api/v01/auth/me", "/api/v9"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_unknown_version_says_which_there_are(path: str, method: str, client: Client) -> None:
    answer = getattr(client, method)(path)
    refusal(answer, 404, "unknown_version")
    assert "/api/v1/" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/", "/api/v1/v1/auth/me", "/api/v1x/auth/me", "/api/v१/auth/me"])
def test_what_only_looks_like_a_version_is_an_unknown_address(path: str, client: Client) -> None:
    refusal(client.get(path), 404, "not_found")


@pytest.mark.parametrize("root", ["/api/v1/", "/api/"])
def test_the_next_page_keeps_the_version(root: str, alice: User, api_for: Callable[[User], APIClient]) -> None:
    accounts.tell(alice, "First")
    accounts.tell(alice, "Second")
    api = api_for(alice)
    following = api.get(f"{root}me/notices?limit=1").json()["next"]
    assert following.startswith(f"http://testserver{root}me/notices?")
    assert [row["title"] for row in api.get(following).json()["results"]] == ["First"]


def test_a_missing_slash_is_added_under_the_same_version(alice: User, api_for: Callable[[User], APIClient]) -> None:
    answer = api_for(alice).get("/api/v1/me/accounts")
    assert answer.status_code == 301
    assert answer.headers["Location"] == "/api/v1/me/accounts/"


def test_the_document_lists_canonical_addresses_only(client: Client) -> None:
    for path in ("/api/schema/", "/api/v1/schema/"):
        document = client.get(path, headers={"Accept": "application/vnd.oai.openapi+json"}).json()
        assert document["info"]["version"] == "1"
        assert document["paths"]
        assert not [name for name in document["paths"] if not name.startswith("/api/v1/")]
