"""One measurement in a process of its own, whose environment says where: python -m bench.child NAME ARGUMENTS_AS_JSON.

Its last line is the result, as JSON.
"""

import importlib
import json
import subprocess
import sys
from typing import Any

from bench.grounds import ROOT, Grounds

MEASUREMENTS = {
    "crowd": "bench.crowd:fill",
    "rate": "bench.rate:measure",
    "naive": "bench.rate:measure_naive",
    "dispatch": "bench.dispatch:measure",
    "planner": "bench.planner:measure",
    "pages": "bench.pages:measure",
    "live": "bench.live:measure",
    "paper": "bench.paper_exchange:measure",
    "memory": "bench.memory:measure",
    "backtest": "bench.backtest:measure",
    "backtest_size": "bench.backtest:measure_size",
    "sweep": "bench.sweep:measure",
}


def start(grounds: Grounds, name: str, **arguments: Any) -> subprocess.Popen[str]:
    """Begin a measurement; `result` waits for it."""
    command = [sys.executable, "-m", "bench.child", name, json.dumps(arguments)]
    environment = dict(grounds.environment)
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603


def result(process: subprocess.Popen[str]) -> Any:
    """What it found; RuntimeError where it failed, whose reason it has printed."""
    output, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, process.args[-2:]))} failed")  # type: ignore[index]
    return json.loads(output.splitlines()[-1])


def main(name: str, arguments: str) -> None:
    import django

    django.setup()
    module, _, function = MEASUREMENTS[name].partition(":")
    print(json.dumps(getattr(importlib.import_module(module), function)(**json.loads(arguments))))


if __name__ == "__main__":
    main(*sys.argv[1:])
