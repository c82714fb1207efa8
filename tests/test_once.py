"""What runs once is what reads no database, and cannot reach one by mistake."""

import os
import subprocess
import sys

import pytest
from django.core.cache import cache

RAN = [sys.executable, "-c", ""]


def is_run_once(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker("no_database") is not None


def test_a_test_of_nothing_but_python_runs_once(request: pytest.FixtureRequest) -> None:
    assert is_run_once(request)


@pytest.mark.django_db
def test_one_with_a_database_does_not(request: pytest.FixtureRequest) -> None:
    assert not is_run_once(request)


def test_nor_does_one_whose_fixture_needs_a_database(request: pytest.FixtureRequest, alice: object) -> None:
    assert not is_run_once(request)


@pytest.mark.processes
def test_one_that_starts_processes_says_so(request: pytest.FixtureRequest) -> None:
    assert not is_run_once(request)
    subprocess.run(RAN, check=True, timeout=60)


def test_without_saying_so_it_fails() -> None:
    for inherited in (None, dict(os.environ)):
        with pytest.raises(pytest.fail.Exception, match="mark it `processes`"):
            subprocess.run(RAN, check=True, timeout=60, env=inherited)
    subprocess.run(RAN, check=True, timeout=60, env={})


def test_the_embedded_cache_cannot_be_asked_either() -> None:
    if os.environ.get("REDIS_URL"):
        pytest.skip("the cache is in Redis")
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        cache.get("anything")
