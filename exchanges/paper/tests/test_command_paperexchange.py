"""manage.py paperexchange: what it says, what it refuses, how it ends."""

import signal
import socket
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.management import CommandError, call_command

from exchanges.paper.tests.serving import ROOT, environment, serving
from exchanges.paper.tests.support import DATABASES

# These processes only look at the database of the test, so nothing has to be emptied after them.
pytestmark = pytest.mark.django_db(databases=DATABASES)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_announces_itself_in_one_line_and_ends_cleanly_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path, "--market", "walk", "--seed", "7", "--speed", "2.5") as server:
        assert server.announcement == f"Paper exchange is at {server.url} (market walk seed 7 x2.5)"
        assert requests.get(f"{server.url}/api/v3/nothing", timeout=5).status_code == 404
        server.process.send_signal(number)
        out, _ = server.process.communicate(timeout=20)
        assert (server.process.returncode, out) == (0, "Stopped.\n")
        assert "Traceback" not in server.log.read_text()
        assert "Warning" not in server.log.read_text()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--port", "70000"], "--port must be from 0 to 65535, not 70000."),
        (["--seed", "-1"], "--seed must be a whole number from 0 to 999999999, not '-1'."),
        (["--speed", "fast"], "--speed must be a number from 0.001 to 100000, not 'fast'."),
        (["--speed", "inf"], "--speed must be a number from 0.001 to 100000, not 'inf'."),
        (["--speed", "0"], "--speed must be a number from 0.001 to 100000, not '0'."),
        (["--speed", "1e30"], "--speed must be a number from 0.001 to 100000, not '1e30'."),
        (["--market", "live", "--speed", "2"], "The speed must be 1 where the market is live."),
        (["--market", "bazaar"], "This market cannot be opened: PAPER_MARKET is 'bazaar'"),
        (["--market", "replay:/nowhere"], "--market: there are no candles (*.csv.gz) in '/nowhere'."),
        (
            ["--faults", "7"],
            "--faults must be a JSON list of faults, or a lot to draw them by: a plan is a list of faults",
        ),
        (
            ["--faults", "{}"],
            "--faults must be a JSON list of faults, or a lot to draw them by: faults drawn by lot are",
        ),
        (["--faults", "@/nowhere"], "--faults: /nowhere cannot be read: "),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(options: list[str], text: str, settings: Any) -> None:
    # What the command sets for its process is forgotten with these.
    settings.PAPER_SPEED, settings.PAPER_MARKET = Decimal(1), "walk"
    with pytest.raises(CommandError) as refusal:
        call_command("paperexchange", *(() if "--port" in options else ("--port", "0")), *options)
    assert str(refusal.value).startswith(text)


def test_faults_are_refused_where_the_venue_is_not_mock(settings: Any) -> None:
    settings.EXCHANGE_ENV = "testnet"
    with pytest.raises(CommandError, match=r"--faults is for EXCHANGE_ENV=mock; here it is testnet\."):
        call_command("paperexchange", "--port", "0", "--faults", "[]")


def refused(*options: str, **variables: str) -> str:
    """What the command says when it ends at once."""
    done = subprocess.run(
        [sys.executable, "manage.py", "paperexchange", *options],
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_an_address_that_cannot_be_had_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        text = f"CommandError: Port {port} is taken. Choose another, or 0 for a free one.\n"
        assert refused("--port", port) == text
    strange = refused("--port", "0", "--host", "203.0.113.7")
    assert strange.startswith("CommandError: 203.0.113.7:0 cannot be listened at: ")
    assert "Traceback" not in strange


def test_without_its_tables_it_says_what_to_do(tmp_path: Path) -> None:
    text = "The paper exchange's database is not ready. Make it so with: manage.py prepare"
    empty = f"sqlite:///{tmp_path}/empty.sqlite3"
    assert refused("--port", "0", PAPER_DATABASE_URL=empty) == f"CommandError: {text}\n"


def test_it_warns_when_others_can_reach_it(tmp_path: Path) -> None:
    with serving(tmp_path, "--host", "0.0.0.0") as server:  # noqa: S104  (for the moment of this test)
        assert server.announcement.startswith("Paper exchange is at http://0.0.0.0:")
        text = "Warning: whoever reaches 0.0.0.0 can trade here and make requests fail.\n"
        assert server.log.read_text() == text
