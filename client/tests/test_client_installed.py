"""The package installs into an empty environment and completes a rebalance on a server as `make run` starts it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.server import Server, install, running
from tests.support import ROOT, skip_or_fail

pytestmark = pytest.mark.soak


# Of the surroundings only what a way to the registry needs.
KEPT = (
    "PATH",
    "HOME",
    "LANG",
    "PIP_",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP",
    "NO_PROXY",
    "SSL_",
    "REQUESTS_",
)
AROUND = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}


def installed(folder: Path) -> Path:
    """A new environment with nothing but the package and what it asks for; where its programs are."""
    source = folder / "source"  # building leaves files beside it
    shutil.copytree(ROOT / "client", source, ignore=shutil.ignore_patterns("tests", "build", "*.egg-info"))
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, env=AROUND, timeout=120)
    programs = folder / "venv" / "bin"
    command = [programs / "pip", "--disable-pip-version-check", "install", "--quiet", source]
    done = subprocess.run(command, capture_output=True, text=True, env=AROUND, timeout=300)
    if done.returncode and "Could not find a version" in done.stderr:
        skip_or_fail("no package registry can be reached", "needs_shared")
    assert done.returncode == 0, done.stderr
    return programs


def token_for(server: Server, email: str) -> str:
    who = {"email": email, "password": server.passwords[email], "name": "client"}
    with requests.Session() as session:
        session.trust_env = False
        token: str = session.post(f"{server.url}/api/v1/auth/token", json=who, timeout=30).json()["token"]
    return token


def test_it_installs_and_completes_a_rebalance(tmp_path: Path) -> None:
    programs = installed(tmp_path)
    pip_list = [programs / "pip", "list", "--format=json"]
    listed = subprocess.run(pip_list, capture_output=True, text=True, env=AROUND, timeout=60)
    names = {row["name"].lower() for row in json.loads(listed.stdout)} - {"pip", "setuptools", "wheel"}
    assert names == {"botbalance-client", "requests", "certifi", "charset-normalizer", "idna", "urllib3"}
    assert list((tmp_path / "venv").rglob("botbalance_client/py.typed"))

    install(tmp_path / "server")
    with running(tmp_path / "server", PAPER_SPEED="60", AUTOPILOT_PERIOD_SECONDS="2") as server:
        token = tmp_path / "token"
        token.touch(mode=0o600)
        token.write_text(token_for(server, "demo@example.com"))
        environ = {
            "PATH": AROUND["PATH"],
            "HOME": str(tmp_path),
            "BOTBALANCE_SERVER": server.url,
            "BOTBALANCE_TOKEN_FILE": str(token),
        }

        def botbalance(*arguments: str) -> subprocess.CompletedProcess[str]:
            command = [str(programs / "botbalance"), *arguments]
            return subprocess.run(
                command, env=environ, capture_output=True, text=True, timeout=200, stdin=subprocess.DEVNULL
            )

        done = botbalance("rebalance", "--yes", "--wait", "--wait-seconds", "170", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        result = json.loads(done.stdout)
        assert (result["run"]["state"], result["began"]) == ("complete", True)
        assert result["plan"]["orders"]
        orders = json.loads(botbalance("orders", "--json").stdout)["results"]
        assert {order["status"] for order in orders} <= {"FILLED", "CANCELED"}
        after = json.loads(botbalance("plan", "--json").stdout)
        assert after["orders"] == []
        assert botbalance("status").returncode == 0
