"""Measure BotBalance: python -m bench [--parts rate dispatch …] [--tiny]. Tables are printed, and everything is written
to bench/results.json; nothing is asserted.

Works on databases made for the run: SQLite files, and databases beside DATABASE_URL when that is a PostgreSQL server.
What needs PostgreSQL and Redis says so where they are not to be had.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import tables
from bench.child import result, start
from bench.grounds import Grounds, on_servers, on_sqlite, unreachable

RIVALS_PYTHON = Path(__file__).resolve().parents[1] / ".venv-bench" / "bin" / "python"
NO_RIVALS = "bt and vectorbt are not there: `make bench` installs requirements-bench.txt into .venv-bench"
RESULTS = Path(__file__).parent / "results.json"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. Minutes of `rate` are simulated."""

    rate_users: int = 50
    rate_minutes: int = 30
    idle_minutes: tuple[int, ...] = (3, 5, 10)
    naive_users: int = 5
    naive_minutes: int = 4
    # With the seconds after which every worker has seen nearly everybody.
    strategies: tuple[tuple[int, int], ...] = ((1_000, 30), (10_000, 90))
    dispatch_seconds: int = 60
    period_seconds: int = 30
    portfolios: int = 10
    plans: int = 10
    page_users: tuple[int, ...] = (1, 100, 1_000)
    page_orders: int = 100_000
    page_requests: int = 20
    live_pages: int = 200
    live_orders: int = 100_000
    live_seconds: int = 60
    live_warm_seconds: int = 45
    paper_seconds: float = 0.5
    memory_users: int = 4_000
    backtest_repeats: int = 9
    backtest_fresh: int = 3
    # Rows and assets of the walk by the minute, and of those that show how cost grows, by the hour.
    minutes: tuple[int, int] = (525_600, 10)
    grown: tuple[tuple[int, int], ...] = (
        (43_800, 10), (87_600, 10), (175_200, 10), (350_400, 10), (43_800, 5), (43_800, 20), (43_800, 40),
    )  # fmt: skip
    sweep_rows: int = 43_824
    sweep_settings: int = 1_000


TINY = Sizes(
    rate_users=2, rate_minutes=3, idle_minutes=(10,), naive_users=1, naive_minutes=1,
    strategies=((20, 4),), dispatch_seconds=8, period_seconds=3, portfolios=1, plans=1,
    page_users=(2,), page_orders=60, page_requests=1, paper_seconds=0.05, memory_users=20,
    backtest_repeats=1, backtest_fresh=1, minutes=(5_000, 3), grown=((2_000, 2), (4_000, 2)), sweep_rows=1_000,
    sweep_settings=4, live_pages=4, live_orders=80, live_seconds=6, live_warm_seconds=3,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where to measure. `servers` is None where there is no PostgreSQL or no Redis, and `why` says which."""

    sqlite: Grounds
    servers: Grounds | None
    why: str
    sizes: Sizes


def rate(place: Place) -> dict[str, Any]:
    """By idle balance age; the figures of the default age, the last one, once more at the top."""
    sizes = place.sizes
    with ExitStack() as stack:
        naive = start(
            stack.enter_context(place.sqlite.copied()), "naive", users=sizes.naive_users, minutes=sizes.naive_minutes
        )
        running = [
            start(
                stack.enter_context(place.sqlite.copied()),
                "rate",
                users=sizes.rate_users,
                minutes=sizes.rate_minutes,
                idle_minutes=minutes,
            )
            for minutes in sizes.idle_minutes
        ]
        ages = [result(process) for process in running]
        found_naive = result(naive)
    return {
        "weight_per_user_minute": ages[-1]["weight_per_user_minute"],
        "users_per_ip": ages[-1]["users_per_ip"],
        "naive_weight_per_user_minute": found_naive["weight_per_user_minute"],
        "naive_users_per_ip": found_naive["users_per_ip"],
        "by_idle_balance_age": ages,
    }


def dispatch(place: Place) -> dict[str, Any]:
    """By number of strategies; the figures of the largest number once more at the top."""
    if place.servers is None:
        return {"skipped": place.why}
    sizes = []
    for strategies, warm in place.sizes.strategies:
        with place.servers.copied() as grounds:
            seconds = place.sizes.dispatch_seconds
            sizes.append(result(start(grounds, "dispatch", strategies=strategies, seconds=seconds, warm_seconds=warm)))
    names = ("strategies", "p95_lateness_s", "scan_cpu_ms_per_strategy")
    return {**{name: sizes[-1][name] for name in names}, "by_strategies": sizes}


def planner(place: Place) -> dict[str, Any]:
    return result(start(place.sqlite, "planner", portfolios=place.sizes.portfolios, repeats=place.sizes.plans))


def http(place: Place) -> dict[str, Any]:
    """Pages on the servers where they are, else on SQLite; the paper exchange on every database there is."""
    best = place.servers or place.sqlite
    found: dict[str, Any] = {"database": best.kind, "pages": [], "paper_exchange": {}}
    for users in place.sizes.page_users:
        with best.copied() as grounds:
            orders, requests = place.sizes.page_orders, place.sizes.page_requests
            found["pages"].append(result(start(grounds, "pages", users=users, orders=orders, requests=requests)))
    for grounds in filter(None, (place.sqlite, place.servers)):
        with grounds.copied() as copy:
            found["paper_exchange"][grounds.kind] = result(start(copy, "paper", seconds=place.sizes.paper_seconds))
    return found


def live(place: Place) -> dict[str, Any]:
    """Open pages, on the default installation: one process, SQLite."""
    sizes = place.sizes
    with place.sqlite.copied() as grounds:
        return result(
            start(
                grounds,
                "live",
                pages=sizes.live_pages,
                orders=sizes.live_orders,
                seconds=sizes.live_seconds,
                warm_seconds=sizes.live_warm_seconds,
            )
        )


def memory(place: Place) -> dict[str, Any]:
    with place.sqlite.copied() as grounds:
        result(start(grounds, "crowd", users=place.sizes.memory_users))
        return result(start(grounds, "memory"))


def backtest(place: Place) -> dict[str, Any]:
    """The cases beside bt and vectorbt, a year of minutes, and how cost grows with rows and assets."""
    sizes = place.sizes
    found: dict[str, Any] = {"cases": {"skipped": NO_RIVALS}}
    if RIVALS_PYTHON.exists():
        with tempfile.TemporaryDirectory() as folder:
            found["cases"] = result(
                start(
                    place.sqlite,
                    "backtest",
                    python=str(RIVALS_PYTHON),
                    own_python=sys.executable,
                    folder=folder,
                    repeats=sizes.backtest_repeats,
                    fresh_repeats=sizes.backtest_fresh,
                )
            )
    rows, assets = sizes.minutes
    found["minutes"] = result(start(place.sqlite, "backtest_size", rows=rows, assets=assets, step_ms=60_000, repeats=3))
    found["growth"] = [
        result(start(place.sqlite, "backtest_size", rows=rows, assets=assets, step_ms=3_600_000, repeats=5))
        for rows, assets in sizes.grown
    ]
    return found


def sweep(place: Place) -> dict[str, Any]:
    sizes = place.sizes
    with place.sqlite.copied() as grounds:
        return result(
            start(
                grounds,
                "sweep",
                assets=10,
                rows=sizes.sweep_rows,
                settings=sizes.sweep_settings,
                bands="2:20:0.5",
                intervals="1440:40320:1440",
                processes=[2, 1],
                seed=1,
            )
        )


PARTS: dict[str, Callable[[Place], dict[str, Any]]] = {
    "rate": rate,
    "planner": planner,
    "http": http,
    "live": live,
    "memory": memory,
    "dispatch": dispatch,
    "backtest": backtest,
    "sweep": sweep,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--tiny", action="store_true", help="so little that the figures mean nothing: to see it run")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    database_url, redis_url = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
    why = unreachable(database_url, redis_url)
    found: dict[str, Any] = {"python": platform.python_version(), "processors": os.cpu_count()}
    with ExitStack() as stack:
        sqlite = stack.enter_context(on_sqlite())
        servers = None if why else stack.enter_context(on_servers(database_url, redis_url))
        place = Place(sqlite, servers, why, TINY if options.tiny else Sizes())
        for name in options.parts:
            begun = time.monotonic()
            found[name] = PARTS[name](place)
            print(f"\n{tables.of(name, found[name])}\n({time.monotonic() - begun:.0f} s)", flush=True)
    options.output.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
