"""Tests that run once. Hooks of pytest, taken into the root conftest.

What reads no database says the same on SQLite and on PostgreSQL, so the build server asks it on the first only:
`-m "not no_database"` leaves it out of the second. Nobody marks such tests by hand; one is, unless

    it is marked django_db, or takes a fixture that needs a database (pytest-django refuses every other access, and with
    it the cache, which lies in the database where there is no Redis);
    it is marked `processes`: it starts some that inherit the addresses of this run's database and cache;
    it drives a browser, whose own processes inherit everything: the build server leaves `e2e` out by its name.

A test that starts such a process without the mark fails, on SQLite too.
"""

import os
import subprocess
from typing import Any

import pytest

BOUND = {"django_db", "processes", "postgres", "redis", "e2e"}
FIXTURES = {"db", "transactional_db", "live_server"}
ADDRESSES = {"DATABASE_URL", "REDIS_URL"}  # who says both, if only that they are empty, inherits neither
OURS = "BOTBALANCE_TESTS_HAVE_BEGUN"  # is in the environment of this run, and of what inherits it


def pytest_itemcollected(item: pytest.Item) -> None:
    if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
        item.add_marker("search")
    names = getattr(item, "fixturenames", ())
    if BOUND.isdisjoint(mark.name for mark in item.iter_markers()) and FIXTURES.isdisjoint(names):
        item.add_marker("no_database")


@pytest.fixture(autouse=True)
def _inherits_nothing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("no_database") is None:
        return
    start: Any = subprocess.Popen.__init__

    def asked(self: Any, *arguments: Any, env: Any = None, **options: Any) -> None:
        given = os.environ if env is None else env
        if OURS in given and not given.keys() >= ADDRESSES:
            self._child_created = False  # what its destructor asks for
            pytest.fail("this test starts a process on this run's database: mark it `processes`")
        start(self, *arguments, env=env, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", asked)
