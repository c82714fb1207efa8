"""docs/paper-exchange.md says what is covered, and truly so. `UPDATE_DOCS=1 pytest` on this file writes it anew."""

import os
import re

import pytest
from django.conf import settings

from exchanges.paper.rest import ROUTES
from exchanges.paper.tests import coverage
from exchanges.paper.tests.cases import CASES
from exchanges.paper.wire import Parameters

FACTS = settings.BASE_DIR.parent / "shared" / "binance" / "facts.md"
needs_facts = [
    pytest.mark.needs_shared,
    pytest.mark.skipif(not FACTS.is_file(), reason="../shared/binance is not there"),
]


def test_the_page_shows_the_routes_the_weights_and_the_refusals_of_this_code() -> None:
    page = coverage.PAGE.read_text()
    wanted = coverage.page_with(coverage.generated(), page)
    if os.environ.get("UPDATE_DOCS"):
        coverage.PAGE.write_text(wanted)
    assert coverage.PAGE.read_text() == wanted, "run UPDATE_DOCS=1 pytest exchanges/paper/tests/test_docs_table.py"


@pytest.mark.parametrize("route", sorted(ROUTES), ids=coverage.named)
def test_a_route_weighs_what_the_table_says(route: tuple[str, str]) -> None:
    for parameters, weight in coverage.WEIGHTS[coverage.named(route)]:
        assert ROUTES[route].cost(Parameters(parameters)) == weight


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(coverage.named(route), marks=needs_facts)
        for route in sorted(ROUTES)
        if route[1].startswith("/api/")  # the table is of these; those of /sapi are from the wallet's own pages
    ],
)
def test_the_weights_are_those_of_the_protocol(name: str) -> None:
    rows = [line.split("|")[1:3] for line in FACTS.read_text().splitlines() if line.startswith("| ")]
    (numbers,) = (
        [int(number) for number in re.findall(r"\d+", weight)]
        for endpoint, weight in rows
        if endpoint.strip().startswith(coverage.FACTS[name]) and _exact(endpoint, coverage.FACTS[name])
    )
    ours = [weight for _, weight in coverage.WEIGHTS[name]]
    assert numbers[: len(ours)] == ours


def _exact(endpoint: str, begin: str) -> bool:
    """Whether the row is of this endpoint and not of one whose name begins alike."""
    rest = endpoint.strip().removeprefix(begin)
    return not rest or not rest[0].isalnum()


def _facts_codes() -> list[int]:
    section = FACTS.read_text().split("## 8. Errors")[1].split("## 9.")[0]
    found: list[int] = []
    for line in section.splitlines():
        if not line.startswith("| -"):
            continue
        first = line.split("|")[1]
        between = re.search(r"(-\d+)\.\.(-\d+)", first)
        numbers = [int(number) for number in re.findall(r"-\d{4}", first)]
        if between:
            numbers += range(int(between[2]), int(between[1]) + 1)
        found += numbers
    return found


@pytest.mark.needs_shared
@pytest.mark.skipif(not FACTS.is_file(), reason="../shared/binance is not there")
def test_every_code_of_the_protocol_is_tested_or_said_not_to_be_given() -> None:
    tested = {case.code for case in CASES}
    known = tested | set(coverage.NEVER_GIVEN) | set(coverage.BY_FAULT)
    assert {code for code in _facts_codes() if code not in known} == set()
    assert tested & set(coverage.NEVER_GIVEN) == set()


def test_every_route_has_a_refusal_that_is_tested() -> None:
    assert set(ROUTES) - {case.route for case in CASES} == set()
