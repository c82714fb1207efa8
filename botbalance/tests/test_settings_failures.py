"""A wrong setting stops the start with one line that says which one: no traceback, and no server half right."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.conf import settings

GOOD = {
    "SECRET_KEY": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMN",
    "FERNET_KEYS": Fernet.generate_key().decode(),
    "HTTPS": "false",
}
BAD = {
    "an unknown environment": ({"EXCHANGE_ENV": "production"}, "EXCHANGE_ENV"),
    "an environment in capitals": ({"EXCHANGE_ENV": "MAINNET"}, "EXCHANGE_ENV"),
    "an empty environment": ({"EXCHANGE_ENV": ""}, "EXCHANGE_ENV"),
    "no secret key": ({"SECRET_KEY": None}, "SECRET_KEY"),
    "an empty secret key": ({"SECRET_KEY": ""}, "SECRET_KEY"),
    "a short secret key": ({"SECRET_KEY": "only-this-long"}, "SECRET_KEY"),
    "a secret key of few letters": ({"SECRET_KEY": "ab" * 40}, "SECRET_KEY"),
    "the secret key of debugging": (
        {"SECRET_KEY": "debug-only-key-that-no-production-server-may-ever-use"},
        "SECRET_KEY",
    ),
    "no fernet key": ({"FERNET_KEYS": None}, "FERNET_KEYS"),
    "no fernet key when debugging": ({"FERNET_KEYS": None, "DEBUG": "true", "SECRET_KEY": None}, "FERNET_KEYS"),
    "an empty fernet key": ({"FERNET_KEYS": ""}, "FERNET_KEYS"),
    "a malformed fernet key": ({"FERNET_KEYS": "not-a-key"}, "FERNET_KEYS: key number 1"),
    "a malformed second fernet key": ({"FERNET_KEYS": f"{GOOD['FERNET_KEYS']},x"}, "FERNET_KEYS: key number 2"),
    "system keys on mainnet": (
        {"EXCHANGE_ENV": "mainnet", "ENABLE_SYSTEM_TESTNET_ACCOUNT": "true"},
        "ENABLE_SYSTEM_TESTNET_ACCOUNT",
    ),
    "an unknown market": ({"PAPER_MARKET": "moon"}, "PAPER_MARKET"),
    "live prices at another speed": ({"PAPER_MARKET": "live", "PAPER_SPEED": "2"}, "PAPER_SPEED"),
    "live prices from nowhere": ({"PAPER_LIVE_URL": "nonsense"}, "PAPER_LIVE_URL"),
    "a speed that is no number": ({"PAPER_SPEED": "fast"}, "PAPER_SPEED"),
    "a speed of zero": ({"PAPER_SPEED": "0"}, "PAPER_SPEED"),
    "a negative speed": ({"PAPER_SPEED": "-1"}, "PAPER_SPEED"),
    "an endless speed": ({"PAPER_SPEED": "Infinity"}, "PAPER_SPEED"),
    "a start balance that is no number": ({"PAPER_START_BALANCE": "NaN"}, "PAPER_START_BALANCE"),
    "a log level that is none": ({"LOG_LEVEL": "loud"}, "LOG_LEVEL"),
    "a cache that is none": ({"REDIS_URL": "nonsense"}, "REDIS_URL"),
    "a broker that is none": ({"CELERY_BROKER_URL": "nonsense"}, "CELERY_BROKER_URL"),
    "an error report address that is none": ({"SENTRY_DSN": "nonsense"}, "SENTRY_DSN"),
    "a site that is none": ({"SITE_URL": "botbalance.example.org"}, "SITE_URL"),
    "a rate that is none": ({"AUTH_THROTTLE": "often"}, "AUTH_THROTTLE"),
    "a data folder that cannot be": ({"DATA_DIR": "/proc/nowhere"}, "DATA_DIR"),
    "a folder without candles": ({"PAPER_MARKET": "replay:/proc"}, "PAPER_MARKET"),
    "a switch that is neither on nor off": ({"TRADING_ENABLED": "ture"}, "TRADING_ENABLED"),
    "an unknown pricing source": ({"PRICING_SOURCE": "median"}, "PRICING_SOURCE"),
    "a lifetime that is no number": ({"PRICING_TTL_SECONDS": "abc"}, "PRICING_TTL_SECONDS"),
    "a negative lifetime": ({"PRICING_TTL_SECONDS": "-1"}, "PRICING_TTL_SECONDS"),
    "a timeout that is no number": ({"EXCHANGE_READ_TIMEOUT_SECONDS": "abc"}, "EXCHANGE_READ_TIMEOUT_SECONDS"),
    "a seed that is no number": ({"PAPER_SEED": "x"}, "PAPER_SEED"),
    "a database that is none": ({"DATABASE_URL": "nonsense"}, "DATABASE_URL"),
    "a testnet that is mainnet": ({"BINANCE_TESTNET_URL": "https://api.binance.com"}, "BINANCE_TESTNET_URL"),
    "a testnet that is mainnet with a dot": (
        {"BINANCE_TESTNET_URL": "https://api.binance.com."},
        "BINANCE_TESTNET_URL",
    ),
    "a speed beyond all bounds": ({"PAPER_SPEED": "1e30"}, "PAPER_SPEED"),
    "mainnet in the open": ({"BINANCE_MAINNET_URL": "http://api.binance.com"}, "BINANCE_MAINNET_URL"),
    "rules that never grow old": ({"EXCHANGE_INFO_TTL_SECONDS": "86400"}, "EXCHANGE_INFO_TTL_SECONDS"),
    "a circuit that never opens": ({"EXCHANGE_BREAKER_FAILURES": "0"}, "EXCHANGE_BREAKER_FAILURES"),
    "candles that are not there": ({"PAPER_MARKET": "replay:/nowhere"}, "PAPER_MARKET"),
    "an epoch that is no time": ({"PAPER_REPLAY_EPOCH": "soon"}, "PAPER_REPLAY_EPOCH"),
}


def environment(changes: dict[str, str | None], folder: Path) -> dict[str, str]:
    """A good environment with these changes; None takes a variable away."""
    wanted = {**GOOD, "ENV_FILE": str(folder / "absent.env"), "DATA_DIR": str(folder / "data"), **changes}
    return {
        "PATH": os.environ.get("PATH", ""),
        **{name: value for name, value in wanted.items() if value is not None},
    }


@dataclass(frozen=True)
class Outcome:
    """How a process ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Of `manage.py check` in each environment, in forks of one process."""
    folder = tmp_path_factory.mktemp("settings")
    cases: dict[str, dict[str, str | None]] = {name: dict(changes) for name, (changes, _) in BAD.items()}
    cases |= {"good": {}, "good mainnet": {"EXCHANGE_ENV": "mainnet"}}
    said = {name: (folder / f"{number}.out", folder / f"{number}.err") for number, name in enumerate(cases)}
    asked = [
        json.dumps([environment(changes, folder), *(str(path) for path in said[name])])
        for name, changes in cases.items()
    ]
    starts = subprocess.run(
        [sys.executable, Path(__file__).with_name("forked_checks.py")],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(settings.BASE_DIR)},
        input="\n".join(asked),
        capture_output=True,
        text=True,
        timeout=120,
    )
    codes = [int(line) for line in starts.stdout.split()]
    assert len(codes) == len(cases), starts.stderr
    return {
        name: Outcome(code, *(path.read_text() for path in said[name])) for name, code in zip(cases, codes, strict=True)
    }


def test_a_process_of_its_own_says_the_same(outcomes: dict[str, Outcome], tmp_path: Path) -> None:
    given = environment({"SECRET_KEY": None}, tmp_path)
    alone = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=settings.BASE_DIR, env=given, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert outcomes["no secret key"] == Outcome(alone.returncode, alone.stdout, alone.stderr)


@pytest.mark.parametrize(
    "name",
    [*BAD],
)
def test_a_wrong_setting_is_one_line_that_names_it(name: str, outcomes) -> None:
    outcome = outcomes[name]
    assert outcome.returncode == 1
    assert outcome.stdout == ""
    (line,) = outcome.stderr.splitlines()
    assert line.startswith(f"Configuration error: {BAD[name][1]}")


def test_no_secret_is_repeated_in_a_complaint(outcomes) -> None:
    for name, (changes, _) in BAD.items():
        for variable in ("SECRET_KEY", "FERNET_KEYS"):
            value = changes.get(variable) or ""
            assert len(value) < 5 or value not in outcomes[name].stderr


@pytest.mark.parametrize("name", ["good", "good mainnet"])
def test_right_settings_start(name: str, outcomes) -> None:
    assert outcomes[name].returncode == 0, outcomes[name].stderr
    assert "no issues" in outcomes[name].stdout
