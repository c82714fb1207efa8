"""Tests trade nowhere but on paper and connect to nothing but this machine, whatever the shell exports."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.support import ROOT

# Of documentation only: these lead nowhere (RFC 5737, RFC 3849).
ELSEWHERE = [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")]
REFUSED = "a test must not connect to"

LOOK = """
from django.conf import settings


def test_look():
    assert settings.EXCHANGE_ENV == "mock"
    assert settings.BINANCE_MAINNET_URL == "https://api.binance.com"
    assert (settings.PAPER_SEED, settings.SENTRY_DSN, settings.TRADING_ENABLED) == (1, "", True)
    assert settings.BINANCE_SPOT_TESTNET_API_KEY == "of the shell"
"""
EXPORTED = {
    "EXCHANGE_ENV": "mainnet",
    "BINANCE_MAINNET_URL": "https://elsewhere.example",
    "PAPER_SEED": "5",
    "SENTRY_DSN": "https://key@elsewhere.example/1",
    "TRADING_ENABLED": "false",
    "BINANCE_SPOT_TESTNET_API_KEY": "of the shell",
}


@pytest.mark.parametrize(("family", "host"), ELSEWHERE)
@pytest.mark.parametrize("way", ["connect", "connect_ex"])
def test_a_connection_to_another_machine_fails_the_test(family: int, host: str, way: str) -> None:
    with socket.socket(family) as connection:
        connection.settimeout(0.1)
        with pytest.raises(pytest.fail.Exception, match=REFUSED):
            getattr(connection, way)((host, 443))


def test_a_client_of_http_does_not_take_the_refusal_for_a_broken_network() -> None:
    with requests.Session() as session:
        session.trust_env = False
        with pytest.raises(pytest.fail.Exception, match=REFUSED):
            session.get("http://192.0.2.1/api/v3/ping", timeout=0.1)


def test_this_machine_can_be_reached(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for host in ("127.0.0.1", "localhost"):
            with socket.create_connection((host, listener.getsockname()[1]), timeout=5) as connection:
                assert connection.getpeername()[0] == "127.0.0.1"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as connection:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        connection.connect(str(tmp_path / "socket"))


def test_what_the_shell_exports_does_not_reach_the_tests(tmp_path: Path) -> None:
    (tmp_path / "test_look.py").write_text(LOOK)
    # As from a shell: without what the settings of this run have put into the environment.
    shell = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", str(ROOT / "pytest.ini"), f"--rootdir={ROOT}", str(tmp_path)],
        cwd=ROOT,
        env={**shell, **EXPORTED},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
