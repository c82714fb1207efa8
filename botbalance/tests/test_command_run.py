"""`manage.py run`: the whole server in one process, as `make run` starts it."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from django.conf import settings
from django.urls import reverse

from tests.server import environment as installed
from tests.server import install


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Of an installation in a folder of its own."""
    install(tmp_path)
    return {**installed(tmp_path), "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "manage.py", *arguments]


def wait_for(url: str, process: subprocess.Popen[str], seconds: float) -> requests.Response:
    deadline = time.monotonic() + seconds
    with requests.Session() as session:
        session.trust_env = False
        while True:
            assert process.poll() is None, process.communicate()
            try:
                return session.get(url, timeout=2)
            except requests.ConnectionError:
                assert time.monotonic() < deadline, "the server does not answer"
                time.sleep(0.1)


def test_it_serves_until_it_is_interrupted(environment: dict[str, str], port: int) -> None:
    process = subprocess.Popen(
        command("run", "--port", str(port)),
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        answer = wait_for(f"http://127.0.0.1:{port}/health/live", process, 30)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert wait_for(f"http://127.0.0.1:{port}{reverse('account_login')}", process, 5).status_code == 200
        process.send_signal(signal.SIGINT)
        try:
            out, errors = process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # says on stderr where every thread is
            out, errors = process.communicate(timeout=10)
            pytest.fail(f"It does not stop.\n{out}\n{errors}")
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert process.returncode == 0, errors
    assert f"http://127.0.0.1:{port}/" in out
    assert "EXCHANGE_ENV=mock" in out
    assert out.rstrip().endswith("Stopped.")
    assert "Traceback" not in out + errors


def test_a_taken_port_is_one_clear_line(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        outcome = subprocess.run(
            command("run"),
            cwd=settings.BASE_DIR,
            env={**environment, "PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert outcome.returncode == 1
    assert outcome.stderr.splitlines() == [
        f"CommandError: Port {port} is taken. Choose another: PORT={port + 1} make run"
    ]
