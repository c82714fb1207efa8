"""The README keeps its word: its curl commands take a stranger from sign-up to filled orders."""

import json
import os
import re
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from tests.server import install, running
from tests.support import ROOT, skip_or_fail


def commands() -> str:
    section = re.search(r"## The same with curl.*?```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert section is not None
    # As written but for one thing: an order that the market leaves behind is priced anew after 10 s, not a minute.
    hurried = section[1].replace('{"name": "60/40",', '{"name": "60/40", "order_lifetime_seconds": 10,')
    assert hurried != section[1]
    return hurried


@pytest.mark.soak
@pytest.mark.e2e
def test_the_curl_commands_end_with_filled_orders(tmp_path: Path) -> None:
    if shutil.which("curl") is None or shutil.which("bash") is None:
        skip_or_fail("curl or bash is not installed", "e2e")
    install(tmp_path)
    with running(tmp_path, PAPER_SPEED="60", AUTOPILOT_PERIOD_SECONDS="2") as server:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands()],
            env={"PATH": os.environ["PATH"], "API": f"{server.url}/api"},
            capture_output=True,
            text=True,
            timeout=170,
        )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(text) for text in re.split(r"(?<=\})(?=\{)", done.stdout.strip())]
    run, orders, summary = answers[-3:]
    assert (run["state"], run["reason_code"]) == ("complete", "within_band")
    assert {order["status"] for order in orders["results"]} <= {"FILLED", "CANCELED", "PARTIALLY_FILLED"}
    weights = {row["asset"]: Decimal(row["weight_pct"]) for row in summary["assets"]}
    assert abs(weights["BTC"] - 60) < 2
    assert abs(weights["ETH"] - 40) < 2


def test_every_command_of_the_readme_exists() -> None:
    text = (ROOT / "README.md").read_text()
    table = re.search(r"## From the command line(.*?)\n## ", text, re.DOTALL)
    assert table is not None
    names = re.findall(r"^\| `(\w+)", table[1], re.MULTILINE)
    assert len(names) >= 5
    found = {path.stem for path in ROOT.glob("*/**/management/commands/*.py")}
    assert set(names) <= found
