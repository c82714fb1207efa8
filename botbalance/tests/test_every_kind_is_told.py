"""Every kind of notification, from what makes it happen to where it is received: a web server and a mail server of this
machine, after a first try that fails, and the user's own mailbox.
"""

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command
from pytest_django import Settings

from accounts import services as accounts
from accounts.models import User
from accounts.notifications import services as notifications
from accounts.notifications.models import Channel, Delivery, Event, Kind, Mark
from accounts.notifications.tasks import send_due
from accounts.notifications.tests.receivers import Mailbox, Receiver, mail_receiver, web_receiver
from accounts.tasks import send_notices
from botbalance.lib import system_settings
from botbalance.lib.models import SystemSettings
from botbalance.tasks import tell_summaries
from exchanges import services as exchanges
from exchanges.models import ExchangeAccount
from orders import services as orders
from orders.models import Fill, Run
from orders.services import pausing
from orders.tasks import tell_owners
from orders.tests.scenes import START
from portfolio.models import CashFlow, PortfolioSnapshot
from strategies import services as strategies
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@dataclass
class Scene:
    """Alice, with every kind of channel, and what she is told."""

    user: User
    account: ExchangeAccount
    strategy: Strategy
    clock: time_machine.Traveller
    web: Receiver
    mailbox: Mailbox

    def deliver(self) -> dict[str, Any]:
        """Let what is due go out, fail, and go out again; what the webhook got in the end."""
        tell_owners()
        self.web.answers = [(503, {}), (503, {}), (200, {})]
        self.mailbox.refusals = 1
        assert send_due() == 0
        assert len([row for row in Delivery.objects.all() if row.problem]) == 3
        self.clock.shift(61)
        assert send_due() == 3
        send_notices()
        first, again = ([r for r in self.web.requests if r.path == "/hook"][index] for index in (0, -1))
        assert first.json == again.json
        return again.json

    def assert_told(self, kind: Kind, *words: str) -> dict[str, Any]:
        told = self.deliver()
        assert told["kind"] == kind
        by_service = next(request for request in self.web.requests if request.path == "/service")
        (own,) = mail.outbox
        for text in (
            f"{told['data']['title']} {told['data']['text']}",
            f"{by_service.json['title']} {by_service.json['message']}",
            *self.mailbox.texts,
            f"{own.subject} {own.body}",
        ):
            assert [word for word in words if word not in text] == [], text
        assert len(self.mailbox.mails) == 1
        assert own.to == [self.user.email]
        assert not Mark.objects.exists()
        return told["data"]


@pytest.fixture
def scene(
    alice: User,
    paper_account: Callable[..., ExchangeAccount],
    strategy: Callable[..., Strategy],
    clock: time_machine.Traveller,
    settings: Settings,
) -> Iterator[Scene]:
    settings.NOTIFY_ALLOWED_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"),)
    SystemSettings.objects.get_or_create(price_jump_pct=100)
    system_settings.forget()
    account = paper_account(alice, {"USDT": 10_000}, label="Alices strongbox")
    targets = strategy(account, {"BTC": 40, "ETH": 30}, name="Calm", order_step_pct="-0.5", order_size_pct="100")
    notifications.save_preferences(
        alice, email_kinds=Kind.values, quiet_from=None, quiet_to=None, urgent_breaks_quiet=True
    )
    with web_receiver() as web, mail_receiver() as mailbox:
        for type_, address in (
            ("webhook", web.url()),
            ("apprise", f"json://127.0.0.1:{web.port}/service"),
            ("apprise", f"mailto://127.0.0.1:{mailbox.port}?from=bot@example.org&to=me@example.org&mode=insecure"),
        ):
            notifications.create_channel(alice, type_=type_, name=address[:12], address=address, kinds=Kind.values)
        yield Scene(alice, account, targets, clock, web, mailbox)


def only(scene: Scene, kind: Kind) -> None:
    """Alice wants to be told of this kind alone."""
    Channel.objects.update(kinds=[kind.value])
    notifications.save_preferences(
        scene.user, email_kinds=[kind], quiet_from=None, quiet_to=None, urgent_breaks_quiet=True
    )


def rebalance(scene: Scene) -> Run:
    run = orders.execute(scene.user, scene.strategy, trigger=Run.Trigger.API).run
    for _look in range(60):
        scene.clock.shift(5)
        orders.track_account(scene.account)
        run.refresh_from_db()
        if not run.is_active:
            break
    assert run.state == Run.State.COMPLETE
    scene.clock.shift(31)
    return run


def test_a_rebalance_that_is_done(scene: Scene) -> None:
    only(scene, Kind.REBALANCE)
    run = rebalance(scene)
    data = scene.assert_told(Kind.REBALANCE, "Calm is rebalanced", "Every target is within its band", "PAPER")
    assert (data["run"], data["state"], data["reason_code"]) == (run.pk, "complete", "within_band")
    assert data["account"] == {"id": scene.account.pk, "label": "Alices strongbox"}
    assert Decimal(data["turnover"]) > 6000
    assert data["orders_traded"] == data["orders"] == 2


def test_a_rebalance_that_has_stopped_says_why(scene: Scene) -> None:
    only(scene, Kind.REBALANCE)
    strategies.update_strategy(scene.strategy, {"order_step_pct": Decimal(2)}, None)
    run = orders.execute(scene.user, scene.strategy, trigger=Run.Trigger.API).run
    orders.stop_run(run)
    data = scene.assert_told(Kind.REBALANCE, "The rebalance of Calm has stopped", "You stopped it.")
    assert (data["state"], data["reason_code"], data["orders_traded"]) == ("stopped", "stopped_by_owner", 0)


def test_fills_come_in_one_digest_of_a_rebalance(scene: Scene) -> None:
    only(scene, Kind.FILLS)
    rebalance(scene)
    data = scene.assert_told(Kind.FILLS, "Alices strongbox", "Bought", "BTC", "ETH", "PAPER")
    assert {trade["symbol"] for trade in data["trades"]} == {"BTCUSDT", "ETHUSDT"}
    fills = Fill.objects.filter(order__account=scene.account)
    assert sum(trade["fills"] for trade in data["trades"]) == fills.count()
    assert sum(Decimal(trade["quote_quantity"]) for trade in data["trades"]) == sum(
        fill.quote_quantity for fill in fills
    )
    assert Event.objects.count() == 1
    assert tell_owners() == 0


def test_fills_of_a_long_rebalance_are_told_after_an_hour(scene: Scene) -> None:
    only(scene, Kind.FILLS)
    rebalance(scene)
    Run.objects.update(state=Run.State.ACTIVE)  # as one of whose orders another still rests
    assert tell_owners() == 0
    scene.clock.shift(3600)
    assert tell_owners() == 1


def test_an_autopilot_that_has_paused(scene: Scene) -> None:
    only(scene, Kind.PAUSED)
    autopilot = orders.start_autopilot(scene.user, scene.strategy)
    pausing.pause(autopilot, "repeated_failures", {"count": "5", "details": "The exchange is away."})
    scene.assert_told(Kind.PAUSED, "The autopilot of Calm has paused", "The exchange is away.")


def test_a_key_that_is_refused(scene: Scene) -> None:
    only(scene, Kind.KEY_REFUSED)
    exchanges.mark_refused(scene.account, "Invalid API-key")
    scene.assert_told(Kind.KEY_REFUSED, "The exchange refuses the key of Alices strongbox")


def test_the_kill_switch_off_and_on_again(scene: Scene, charlie: User) -> None:
    only(scene, Kind.KILL_SWITCH)
    call_command("killswitch", "on", "--keep")
    data = scene.assert_told(Kind.KILL_SWITCH, "Trading is switched off", "Open orders stay at the exchange")
    assert data["trading_enabled"] is False
    assert tell_owners() == 0  # once
    call_command("killswitch", "off")
    assert tell_owners() == 1
    assert Event.objects.latest("at").title == "Trading is switched on again"
    assert not charlie.notices.exists()  # who trades nothing is not bothered


def test_new_weights_of_a_model(scene: Scene) -> None:
    only(scene, Kind.WEIGHTS)
    targets = strategies.update_strategy(scene.strategy, {"target_model": "equal"}, None)
    with accounts.speaking_to(scene.user):
        strategies.refresh(targets, by_hand=False)
    scene.assert_told(Kind.WEIGHTS, "New weights for Calm are proposed", "BTC 40 → 50%")


def test_the_daily_summary_in_the_morning_once_a_day(scene: Scene) -> None:
    only(scene, Kind.SUMMARY)
    for hour, nav in (("2026-03-01T09:30", 9000), ("2026-03-02T09:30", 10_100)):
        PortfolioSnapshot.objects.create(
            account=scene.account, at=datetime.fromisoformat(f"{hour}+00:00"), reason="hourly", quote="USDT", nav=nav
        )
    CashFlow.objects.create(
        account=scene.account, at=datetime.fromisoformat("2026-03-01T20:00+00:00"), kind="deposit", asset="USDT",
        amount=1000, value=1000,
    )  # fmt: skip
    accounts.set_time_zone(scene.user, "America/Los_Angeles")  # where it is two in the morning
    assert tell_summaries() == 0
    accounts.set_time_zone(scene.user, "Europe/Berlin")  # and eleven
    assert tell_summaries() == 1
    assert tell_summaries() == 0
    data = scene.assert_told(Kind.SUMMARY, "Alices strongbox: 10", "USDT", "+1.11% within a day", "0 fills")
    assert data["accounts"][0]["gain"] == "100"
    scene.clock.shift(86_400)
    assert tell_summaries() == 1


def test_it_is_told_in_the_language_of_its_reader(scene: Scene) -> None:
    only(scene, Kind.REBALANCE)
    accounts.set_language(scene.user, "ru")
    rebalance(scene)
    tell_owners()
    assert "Every target" not in Event.objects.get().text


def test_who_wants_nothing_is_told_nothing_and_nothing_is_kept(scene: Scene) -> None:
    Channel.objects.update(kinds=[])
    notifications.save_preferences(scene.user, email_kinds=[], quiet_from=None, quiet_to=None, urgent_breaks_quiet=True)
    rebalance(scene)
    assert tell_owners() == 0
    assert not Mark.objects.exists()
    assert not Event.objects.exists()
    assert not scene.user.notices.exists()


def test_a_receiver_that_is_away_does_not_touch_a_trade(scene: Scene) -> None:
    Channel.objects.update(address="http://10.0.0.1/")  # as if the operator had changed their mind meanwhile
    assert rebalance(scene).state == Run.State.COMPLETE
    assert tell_owners() == 2
    assert send_due() == 0
    assert scene.web.requests == []
