"""The rivals side by side, each in processes of the bench's environment: python -m bench.rivals.measure PYTHON.

PYTHON is an interpreter that has requirements-bench.txt, as .venv-bench/bin/python. Prints JSON.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.rivals import data, reference

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 600
MODULES = {"bt": "bench.rivals.bt_run", "vectorbt": "bench.rivals.vectorbt_run"}
# Ways that may be the quickest to start. For the months `order_func` is not: it compiles three times as long as
# `from_orders` takes to be imported and run.
BAND_WAYS = {"bt": ("out_of_bounds",), "vectorbt": ("order_func",)}
MONTHLY_WAYS = {"bt": ("monthly", "on_date"), "vectorbt": ("orders_numba", "orders_rust")}


def measure(python: Path, folder: Path, *, repeats: int, fresh_repeats: int) -> dict[str, Any]:
    """Every case: the reference's rebalances and end value, and for each rival

    - ms: the median of `repeats` warm runs of its quickest way, and best_ms; ways_ms: the median of every way;
      rebalances and end_value; for vectorbt also the bare_loop
    - end_value_difference: from the reference's, a fraction; other_rows: rows where only one of the two traded
    - fresh_ms: import and first run in a fresh process, the median of `fresh_repeats` of its quickest way;
      fresh_process_ms: the same with the start of the interpreter.

    `folder` holds the walks (bench.rivals.data.write). RuntimeError where a child fails, which has said why.
    """
    warm = {rival: _child(python, module, folder, repeats) for rival, module in MODULES.items()}
    found: dict[str, Any] = {}
    for name, case in reference.CASES.items():
        truth = reference.run(data.read(folder, case.walk), is_monthly=case.is_monthly)
        end_value = float(truth.end_value)
        found[name] = {"reference": {"rebalances": len(truth.rows), "end_value": end_value}}
        for rival, cases in warm.items():
            row = cases[name]
            ways = (MONTHLY_WAYS if case.is_monthly else BAND_WAYS)[rival]
            fresh = {way: start_afresh(python, MODULES[rival], folder, name, way, fresh_repeats) for way in ways}
            quickest = min(fresh.values(), key=lambda pair: pair["fresh_ms"])
            found[name][rival] = {
                **{key: value for key, value in row.items() if key != "rows"},
                "end_value_difference": row["end_value"] / end_value - 1,
                "other_rows": len(set(row["rows"]) ^ set(truth.rows)),
                **quickest,
                "fresh_ways_ms": {way: pair["fresh_ms"] for way, pair in fresh.items()},
            }
    return found


def start_afresh(python: Path, module: str, folder: Path, case: str, way: str, repeats: int) -> dict[str, float]:
    """Import of `module` and the first run of its `first(folder, case, way)`, each time in a new process, medians.

    One start beforehand is not counted: files come from the disk's cache, compiled Python and numba's cache are there.
    """
    inside, whole = [], []
    for repeat in range(repeats + 1):
        begun = time.monotonic_ns()
        found = _child(python, "bench.rivals.fresh", module, folder, case, way)
        if repeat:
            inside.append(found["ms"])
            whole.append((found["ended_ns"] - begun) / 1e6)
    return {
        "fresh_ms": round(statistics.median(inside), 1),
        "fresh_process_ms": round(statistics.median(whole), 1),
    }


def _child(python: Path, module: str, *arguments: object) -> Any:
    """What a module prints last, as JSON."""
    command = [str(python), "-m", module, *map(str, arguments)]
    # No settings or paths of ours in there: another environment, another Python.
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", ""), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, timeout=LIMIT_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} failed")
    return json.loads(done.stdout.splitlines()[-1])


def main(arguments: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data.write(folder)
        print(json.dumps(measure(Path(arguments[0]), folder, repeats=9, fresh_repeats=3), indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
