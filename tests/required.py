"""When a skip is a failure. Hooks of pytest, taken into the root conftest.

Some tests need something beside the code: files of ../shared, PostgreSQL, Redis, a browser. Where it is absent they are
skipped with a reason, so that `make test` works on any machine. A build server must not pass by skipping:

    REQUIRE_ALL=1                   any such skip fails
    REQUIRE_ALL=needs_shared,redis  only skips of these needs do
"""

import os
from collections.abc import Generator, Iterable

import pytest

# Marks of tests that need something a machine may not have, and what that is.
NEEDS = {
    "needs_shared": "files of ../shared",
    "postgres": "the suite to run on PostgreSQL",
    "redis": "a Redis server (REDIS_URL)",
    "e2e": "a real browser",
}


def required() -> frozenset[str]:
    """The needs whose absence is a failure here."""
    wanted = os.environ.get("REQUIRE_ALL", "").strip()
    if wanted in ("", "0"):
        return frozenset()
    if wanted == "1":
        return frozenset(NEEDS)
    names = frozenset(name.strip() for name in wanted.split(",") if name.strip())
    unknown = sorted(names - NEEDS.keys())
    if unknown:
        raise pytest.UsageError(f"REQUIRE_ALL names {', '.join(unknown)}; there are {', '.join(NEEDS)}")
    return names


def must_not_skip(marks: Iterable[str]) -> list[str]:
    """Of a test's marks, the needs that must be met here."""
    return sorted(required().intersection(marks))


def pytest_configure(config: pytest.Config) -> None:
    required()  # a wrong REQUIRE_ALL stops the run, not its first skip
    known = {line.split(":")[0] for line in config.getini("markers")}
    for name, what in NEEDS.items():
        if name not in known:
            config.addinivalue_line("markers", f"{name}: needs {what}; skipped with a reason where it is absent")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything must run, a skipped test that needs something failed to get it."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        needs = must_not_skip(mark.name for mark in item.iter_markers())
        if needs:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            report.outcome = "failed"
            report.longrepr = f"REQUIRE_ALL: a test marked {', '.join(needs)} was skipped. {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file that skips itself: its marks cannot be known."""
    report = yield
    if report.skipped and required():
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"REQUIRE_ALL: {collector.nodeid} was skipped as a whole. {reason}"
    return report
