"""The global switch: no order leaves any process any more, what is open is cancelled or left, and trading resumes."""

import json
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command

from botbalance.lib import system_settings
from botbalance.lib.errors import Conflict
from botbalance.lib.models import SystemSettings
from orders import services
from orders.models import Run, Tick
from orders.tests.scenes import CALM, CROSSING, RESTING, Trader, beat, trader
from orders.tests.test_killed_process import ROOT
from orders.tests.test_killed_tick import FlyingBox

D = Decimal
both = pytest.mark.django_db(databases=["default", "paper"])
MOST_SECONDS = 2


def resting(*emails: str) -> list[Trader]:
    """Traders whose autopilots have orders open."""
    return [trader(email, {"USDT": 10_000}, {"BTC": 50}, **RESTING, **CALM) for email in emails]


@both
def test_on_and_cancel_leaves_nothing_open_and_nothing_running(clock: time_machine.Traveller) -> None:
    alice, bob = resting("alice@example.com", "bob@example.com")
    for one in (alice, bob):
        services.start_autopilot(one.user, one.strategy)
    beat(clock, seconds=40)
    call_command("killswitch", "on", "--cancel", "--json")
    assert [run.reason_code for run in Run.objects.all()] == ["trading_off", "trading_off"]
    for one in (alice, bob):
        assert [order.status for order in one.orders()] == ["CANCELED"]
        one.assert_books_agree()


@both
def test_on_and_keep_leaves_orders_at_the_exchange_where_they_may_fill(clock: time_machine.Traveller) -> None:
    (alice,) = resting("alice@example.com")
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=40)
    call_command("killswitch", "on", "--keep")
    beat(clock, seconds=120)
    assert Run.objects.get().reason_code == "trading_off"
    assert [(order.status, order.cancel_requested) for order in alice.orders()] == [("NEW", False)]
    alice.assert_books_agree()


@both
def test_autopilots_hold_back_say_so_and_resume_with_the_switch(clock: time_machine.Traveller) -> None:
    alice = trader("alice@example.com", {"USDT": 10_000}, {"BTC": 50}, **CROSSING, **CALM)
    call_command("killswitch", "on")
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=120)
    row = Tick.objects.get()
    assert (row.status, row.code) == ("held", "trading_off")
    assert row.looks > 1
    assert not Run.objects.exists()
    with pytest.raises(Conflict, match="switched off"):
        alice.execute()
    call_command("killswitch", "off")
    beat(clock, seconds=60)
    assert Run.objects.get().state == "complete"


@both
def test_the_command_says_how_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("killswitch", "--json")
    assert json.loads(capsys.readouterr().out) == {"killswitch": "off"}
    call_command("killswitch", "on", "--keep", "--json")
    said = json.loads(capsys.readouterr().out)
    assert said == {"killswitch": "on", "runs_ended": 0, "orders_cancelled": 0, "problems": []}
    assert not system_settings.trading_enabled()
    call_command("killswitch", "off")
    assert "this server trades" in capsys.readouterr().out
    assert SystemSettings.get_solo().trading_enabled is True


@pytest.mark.soak
def test_no_order_leaves_any_process_two_seconds_after_it_was_set(tmp_path: Path) -> None:
    box = FlyingBox(tmp_path)
    # A market that moves fast, and a strategy that follows every move of it.
    box.env["PAPER_SPEED"] = "2000"
    box.env["PRICE_JUMP_PCT"] = "100"
    box.rows("botbalance", "UPDATE strategies_strategy SET min_delta_pct = 0.05, order_lifetime_seconds = 10")
    command = [sys.executable, "manage.py", "tick", "--seconds", "90"]
    workers = [
        subprocess.Popen(command, cwd=ROOT, env=box.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _process in range(2)
    ]
    try:
        deadline = time.monotonic() + 60  # the market decides
        while len(box.theirs()) < 6 and time.monotonic() < deadline:
            time.sleep(0.2)
        flowing = len(box.theirs())
        assert flowing >= 6
        done = box.manage("killswitch", "on", "--keep")
        assert done.returncode == 0, done.stderr
        time.sleep(MOST_SECONDS)
        then = len(box.theirs())
        time.sleep(4)
        assert len(box.theirs()) == then
        assert all(worker.poll() is None for worker in workers)  # they are still there, and hold back
    finally:
        for worker in workers:
            worker.kill()
            worker.wait(timeout=10)


@both
def test_switched_off_in_the_admin_it_also_cancels_what_an_ended_rebalance_has_left(
    clock: time_machine.Traveller,
) -> None:
    alice = trader("alice@example.com", {"USDT": 10_000}, {"BTC": 40, "ETH": 40}, **RESTING, **CALM)
    services.start_autopilot(alice.user, alice.strategy)
    beat(clock, seconds=40)
    services.cancel_order(alice.orders()[0])
    SystemSettings.objects.update_or_create(pk=1, defaults={"trading_enabled": False, "kill_switch_cancels": True})
    beat(clock, seconds=40)
    assert [order.status for order in alice.orders()] == ["CANCELED", "CANCELED"]
    alice.assert_books_agree()
