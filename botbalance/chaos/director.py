"""A drill's own process: the command that has made its grounds starts it, tells it on stdin what to do, and reads the
verdict from the last line of its stdout.

python -m botbalance.chaos.director < {"options": {…}, "grounds": {…}}
"""

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

import django

from botbalance.chaos.grounds import Grounds, place_of
from botbalance.chaos.plan import Options
from botbalance.chaos.proxies import Line, Proxies


def order(options: Options, grounds: Grounds) -> str:
    """What a director is told."""
    return json.dumps({"options": dataclasses.asdict(options), "grounds": dataclasses.asdict(grounds)}, default=str)


def read(text: str) -> tuple[Options, Grounds]:
    """The reverse of `order`."""
    given: dict[str, Any] = json.loads(text)
    known = {**given["grounds"], "folder": Path(given["grounds"]["folder"])}
    return Options(**given["options"]), Grounds(**known)


def main() -> None:
    options, grounds = read(sys.stdin.read())
    proxies = Proxies()
    lines: dict[str, Line] = {"exchange": proxies.add("127.0.0.1", 0)}
    if grounds.database_url.startswith("postgres"):
        lines["postgres"] = proxies.add(*place_of(grounds.database_url))
    if grounds.redis_url:
        lines["redis"] = proxies.add(*place_of(grounds.redis_url))
    # Only now is it known where BotBalance will find its exchange; settings are read once.
    os.environ["BINANCE_TESTNET_URL"] = f"http://127.0.0.1:{lines['exchange'].port}"
    django.setup()
    from botbalance.chaos.drill import Drill

    verdict = Drill(options, grounds, lines, parent=os.getppid()).run()
    proxies.close()
    sys.stdout.write(f"{json.dumps(verdict.as_json())}\n")


if __name__ == "__main__":
    main()
