"""The first start writes its secrets once, for its owner's eyes only, and never again."""

import os
import stat
import subprocess
import sys
from pathlib import Path

from cryptography.fernet import Fernet
from django.conf import settings

from botbalance.first_run import write_env


def variables(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_it_writes_strong_secrets_that_only_the_owner_can_read(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    before = os.umask(0)
    try:
        assert write_env(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = variables(path)
    assert len(written["SECRET_KEY"]) >= 50
    Fernet(written["FERNET_KEYS"])
    assert written["EXCHANGE_ENV"] == "mock"


def test_it_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("SECRET_KEY=mine\n")
    path.chmod(0o640)
    assert not write_env(path)
    assert path.read_text() == "SECRET_KEY=mine\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_it_does_not_write_through_a_link(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.symlink_to(tmp_path / "elsewhere")
    assert not write_env(path)
    assert not (tmp_path / "elsewhere").exists()


def test_every_installation_has_secrets_of_its_own(tmp_path: Path) -> None:
    write_env(tmp_path / "one")
    write_env(tmp_path / "two")
    one, two = variables(tmp_path / "one"), variables(tmp_path / "two")
    assert one["SECRET_KEY"] != two["SECRET_KEY"]
    assert one["FERNET_KEYS"] != two["FERNET_KEYS"]


def test_as_a_command_it_says_what_it_did_and_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "server.env"
    said = []
    for _ in range(2):
        outcome = subprocess.run(
            [sys.executable, "-m", "botbalance.first_run", str(path)],
            cwd=settings.BASE_DIR,
            env={},  # nothing of this run
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        said.append(outcome.stdout.strip())
    assert said == [f"Wrote {path} with fresh secrets.", f"{path} exists already; left as it is."]
