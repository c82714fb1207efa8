"""The findings of each part, as a table for people."""

from collections.abc import Iterable, Sequence
from typing import Any


def of(part: str, found: dict[str, Any]) -> str:
    """The table of a part, or why there is none."""
    if "skipped" in found:
        return f"{part}: skipped, {found['skipped']}"
    return TABLES[part](found)


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join([title, *text])


def _rate(found: dict[str, Any]) -> str:
    rows = [
        (
            f"{age['idle_minutes']} min",
            age["weight_per_user_minute"],
            age["server_weight_per_minute"],
            age["users_per_ip"],
            age["weight_a_rebalance"],
        )
        for age in found["by_idle_balance_age"]
    ]
    rows.append(("naive", found["naive_weight_per_user_minute"], 0, found["naive_users_per_ip"], ""))
    head = ("balances read every", "weight/user/min", "server's own/min", "users per IP", "weight/rebalance")
    return _table("rate", head, rows)


def _dispatch(found: dict[str, Any]) -> str:
    rows = [
        (
            size["strategies"],
            size["looks"],
            size["missed_turns"],
            size["p95_lateness_s"],
            size["max_lateness_s"],
            size["scan_cpu_ms_per_strategy"],
            size["flat_out_cpu_ms_per_strategy"],
            size["flat_out_per_second"],
        )
        for size in found["by_strategies"]
    ]
    head = (
        "strategies", "looks", "missed", "p95 late, s", "max late, s", "CPU ms/look", "flat out CPU ms", "flat out/s",
    )  # fmt: skip
    return _table("dispatch", head, rows)


def _planner(found: dict[str, Any]) -> str:
    rows = [(assets, row["us"], row["legs"]) for assets, row in found.items()]
    return _table("planner", ("assets", "µs a plan", "legs"), rows)


def _http(found: dict[str, Any]) -> str:
    pages = [
        (size["users"], size["orders_stored"], *(size[name][what] for name in PAGES for what in ("queries", "ms")))
        for size in found["pages"]
    ]
    head = ("users", "orders", *(f"{name} {what}" for name in PAGES for what in ("queries", "ms")))
    paper = [
        (kind, row["job"], row["road"], row["clients"], row["per_second"])
        for kind, rows in found["paper_exchange"].items()
        for row in rows
    ]
    return "\n\n".join(
        [
            _table(f"pages, {found['database']}", head, pages),
            _table("paper exchange", ("database", "requests", "road", "clients", "per second"), paper),
        ]
    )


def _live(found: dict[str, Any]) -> str:
    rows = [
        ("pages", found["pages"]),
        ("requests a second", found["requests_per_second"]),
        ("of the server's CPU, cores", found["server_cpu_cores"]),
        ("an unchanged answer: median, p95, ms", "{p50}, {p95}".format(**found["unchanged_ms"])),
        (
            "from a change to the page: median, p95, most, ms",
            "{p50}, {p95}, {most}".format(**found["change_to_page_ms"]),
        ),
        ("changes seen, not seen", f"{found['changes']}, {found['changes_not_seen']}"),
    ]
    return _table("open pages", ("", ""), rows)


def _memory(found: dict[str, Any]) -> str:
    row = (found["users"], found["mb_before"], found["mb_after"], found["mb_per_1000_users"])
    return _table("memory of a dispatcher", ("users", "MB before", "MB after", "MB per 1,000 users"), [row])


def _backtest(found: dict[str, Any]) -> str:
    cases = found["cases"]
    tables = []
    if "skipped" in cases:
        tables.append(f"back-test beside others: skipped, {cases['skipped']}")
    else:
        rows = [
            (
                name,
                case["rebalances"]["ours"],
                case["ours_ms"],
                case["bt_ms"],
                case["times_faster_than_bt"],
                case["bt_quickest_ms"],
                case["times_faster_than_bt_quickest"],
                case["vectorbt_ms"],
                case["times_faster_than_vectorbt"],
                *(round(case["fresh_ms"][tool]) for tool in ("ours", "bt", "vectorbt")),
                f"{max(abs(value) for value in case['end_value_difference'].values()):.4%}",
            )
            for name, case in cases.items()
        ]
        head = (
            "case", "rebalances", "ours, ms", "bt, ms", "times", "its quickest, ms", "times", "vectorbt, ms", "times",
            "fresh, ms", "bt", "vectorbt",
            "end values differ by",
        )  # fmt: skip
        tables.append(_table("back-test beside others", head, rows))
    sizes = [found["minutes"], *found["growth"]]
    names = ("rows", "assets", "rebalances", "ms", "us_each", "peak_mb")
    grown = [[size[name] for name in names] for size in sizes]
    return "\n\n".join([*tables, _table("back-test by size (the first by the minute)", names, grown)])


def _sweep(found: dict[str, Any]) -> str:
    return "sweep\n" + "\n".join(f"{name}: {value}" for name, value in found.items())


PAGES = ("summary", "dashboard", "orders", "strategies", "strategy", "autopilot", "unchanged")
TABLES = {
    "rate": _rate,
    "dispatch": _dispatch,
    "planner": _planner,
    "http": _http,
    "live": _live,
    "memory": _memory,
    "backtest": _backtest,
    "sweep": _sweep,
}
