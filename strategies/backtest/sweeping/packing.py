"""What pieces of a sweep leave behind, as bytes: figures as JSON, and growth day by day as plain numbers. Pure."""

import json
import zlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from botbalance.lib.money import plain
from strategies.backtest.sweeping.trying import Floats, Outcome

Body = bytes | memoryview

AMOUNTS = ("end_value", "fees", "turnover", "owed")
STATISTICS = ("total_return", "volatility", "sharpe", "calmar", "max_drawdown")


def figures_of(outcome: Outcome) -> dict[str, Any]:
    """All but the growth: amounts as strings, statistics as numbers, None where one cannot be told."""
    return {
        **{name: plain(getattr(outcome, name)) for name in AMOUNTS},
        "trades": outcome.trades,
        **{name: getattr(outcome, name) for name in STATISTICS},
    }


def pack(outcomes: Sequence[Outcome]) -> bytes:
    """Outcomes of the same days, so that `unpack` gives the very same."""
    head = json.dumps([figures_of(outcome) for outcome in outcomes]).encode()
    growth = np.array([outcome.growth for outcome in outcomes], "<f8")
    return zlib.compress(head + b"\n" + growth.tobytes(), 1)


def unpack(body: Body) -> list[Outcome]:
    head, _line, rest = zlib.decompress(bytes(body)).partition(b"\n")
    rows: list[dict[str, Any]] = json.loads(head)
    growth = np.frombuffer(rest, "<f8").reshape(len(rows), -1)
    found = []
    for row, line in zip(rows, growth, strict=True):
        values: dict[str, Any] = {name: Decimal(row[name]) if name in AMOUNTS else row[name] for name in row}
        found.append(Outcome(**values, growth=line))
    return found


def without_growth(body: Body) -> bytes:
    """The figures alone, for tables."""
    head, _line, _rest = zlib.decompress(bytes(body)).partition(b"\n")
    return pack_json(json.loads(head))


def pack_growth(growths: Sequence[Floats]) -> bytes:
    """Growth curves of the same days, one after the other."""
    return zlib.compress(np.array(growths, "<f8").tobytes(), 1)


def unpack_growth(body: Body, count: int) -> Floats:
    found: Floats = np.frombuffer(zlib.decompress(bytes(body)), "<f8").reshape(count, -1)
    return found


def pack_json(body: Any) -> bytes:
    return zlib.compress(json.dumps(body).encode())


def unpack_json(body: Body) -> Any:
    return json.loads(zlib.decompress(bytes(body)))
