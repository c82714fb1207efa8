"""Every page is looked at: a route that answers with one is in tests/every_page.py, and nothing else is."""

import pytest
from django.test import Client

from tests.every_page import ACTION, ELSEWHERE, PAGES
from tests.routes import routes

BROKEN = ("/broken/", "/nowhere/")
OURS = [route for route in routes() if not route.is_admin and (not route.is_api or route.template == "/api/docs/")]


def test_every_route_has_a_page_or_a_reason_to_have_none() -> None:
    known = {entry.route for entry in PAGES} | ELSEWHERE.keys()
    assert [route.template for route in OURS if route.template not in known] == []


def test_no_page_is_of_a_route_that_is_gone() -> None:
    there = {route.template for route in OURS}
    known = {entry.route for entry in PAGES if not entry.route.startswith(BROKEN)} | ELSEWHERE.keys()
    assert sorted(known - there) == []


def test_a_page_has_one_name() -> None:
    names = [entry.name for entry in PAGES]
    assert len(names) == len(set(names))


@pytest.mark.django_db
def test_what_takes_post_only_has_no_page(client: Client, subtests: pytest.Subtests) -> None:
    for route in OURS:
        if ELSEWHERE.get(route.template) == ACTION:
            with subtests.test(route.template):
                assert client.get(route.path(dict.fromkeys(route.parameters, 1))).status_code == 405
