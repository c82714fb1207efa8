"""When somebody is told: not in quiet hours but for what is urgent, and not by e-mail where they wish otherwise."""

from collections.abc import Callable
from datetime import datetime, time
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Notice, User
from accounts.notifications import selectors, services
from accounts.notifications.models import Channel, Delivery, Kind
from accounts.notifications.tasks import send_due
from accounts.notifications.tests.receivers import Receiver

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reach_here")]
moment, at = time.fromisoformat, datetime.fromisoformat


@pytest.fixture
def hook(alice: User, receiver: Receiver) -> Channel:
    """A webhook of Alice's that wants everything."""
    return services.create_channel(alice, type_="webhook", name="Hook", address=receiver.url(), kinds=Kind.values)[0]


def wish(user: User, **more: Any) -> None:
    known = selectors.preferences_of(user)
    names = ("email_kinds", "quiet_from", "quiet_to", "urgent_breaks_quiet")
    services.save_preferences(user, **{**{name: getattr(known, name) for name in names}, **more})


def test_quiet_hours_hold_back_what_is_not_urgent_and_deliver_it_after(
    alice: User, hook: Channel, receiver: Receiver
) -> None:
    alice.time_zone = "Asia/Tokyo"
    alice.save()
    wish(alice, quiet_from=moment("22:00"), quiet_to=moment("07:00"), email_kinds=["fills", "autopilot_paused"])
    with time_machine.travel("2026-03-02T15:30:00+00:00", tick=False) as clock:  # half past midnight in Tokyo
        services.notify(alice, Kind.FILLS, "3 fills")
        services.notify(alice, Kind.PAUSED, "The autopilot has paused")
        assert send_due() == 1
        assert receiver.requests[0].json["kind"] == "autopilot_paused"
        held = Delivery.objects.get(event__kind="fills")
        assert held.held_until == at("2026-03-02T22:00:00+00:00")
        mailed = Notice.objects.get(title="3 fills")
        assert mailed.next_try_at == held.held_until
        clock.move_to("2026-03-02T21:59:59+00:00")
        assert send_due() == 0
        clock.move_to("2026-03-02T22:00:00+00:00")
        assert send_due() == 1
    assert [request.json["kind"] for request in receiver.requests] == ["autopilot_paused", "fills"]


def test_urgent_ones_are_held_back_too_by_choice_and_new_quiet_hours_hold_anew(
    alice: User, hook: Channel, receiver: Receiver
) -> None:
    with time_machine.travel("2026-03-02T23:00:00+00:00", tick=False):
        wish(alice, quiet_from=moment("22:00"), quiet_to=moment("07:00"), urgent_breaks_quiet=False)
        services.notify(alice, Kind.PAUSED, "The autopilot has paused")
        assert send_due() == 0
        wish(alice, quiet_from=None, quiet_to=None)
        assert send_due() == 1
        assert Notice.objects.get().next_try_at == timezone.now()
    assert len(receiver.requests) == 1


def test_what_is_tried_again_waits_for_the_end_of_quiet_hours_too(
    alice: User, hook: Channel, receiver: Receiver
) -> None:
    wish(alice, quiet_from=moment("22:00"), quiet_to=moment("07:00"))
    receiver.answers = [(500, {}), (500, {}), (200, {})]
    with time_machine.travel("2026-03-02T21:59:30+00:00", tick=False) as clock:
        services.notify(alice, Kind.FILLS, "3 fills")
        services.notify(alice, Kind.PAUSED, "The autopilot has paused")
        assert send_due() == 0
        clock.shift(61)
        send_due()
        clock.shift(301)
        assert send_due() == 1
        assert [row.json["kind"] for row in receiver.requests] == ["fills", "autopilot_paused", "autopilot_paused"]
        held = Delivery.objects.get(event__kind="fills")
        assert held.held_until == held.next_try_at == at("2026-03-03T07:00:00+00:00")
        clock.move_to("2026-03-03T07:00:00+00:00")
        assert send_due() == 1


def test_another_time_zone_has_its_own_night(
    alice: User, hook: Channel, receiver: Receiver, client_for: Callable[[User], Client]
) -> None:
    wish(alice, quiet_from=moment("22:00"), quiet_to=moment("07:00"))
    with time_machine.travel("2026-03-02T23:00:00+00:00", tick=False):
        browser = client_for(alice)
        services.notify(alice, Kind.FILLS, "3 fills")
        assert send_due() == 0
        browser.post("/auth/account/time-zone/", {"time_zone": "Asia/Tokyo"})  # where it is eight in the morning
        assert send_due() == 1
        services.notify(alice, Kind.FILLS, "4 fills")
        browser.post("/auth/account/time-zone/", {"time_zone": "Atlantic/Azores"})  # ten in the evening
        assert send_due() == 0


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        (
            "2026-03-28T23:30:00+00:00",
            "2026-03-29T05:00:00+00:00",
        ),  # the night in which Berlin's clocks are put forward
        ("2026-10-25T00:30:00+00:00", "2026-10-25T06:00:00+00:00"),  # and back
        ("2026-06-01T12:00:00+00:00", None),
        ("2026-06-01T20:00:00+00:00", "2026-06-02T05:00:00+00:00"),
        ("2026-06-01T05:00:00+00:00", None),
    ],
)
def test_quiet_hours_are_those_of_a_clock_on_the_wall(now: str, ends: str | None, alice: User) -> None:
    alice.time_zone = "Europe/Berlin"
    alice.save()
    wish(alice, quiet_from=moment("22:00"), quiet_to=moment("07:00"))
    held = selectors.held_until(alice, selectors.preferences_of(alice), Kind.FILLS, at(now))
    assert (held.isoformat() if held else None) == ends


# --- by e-mail to one's own address ----------------------------------------------------------------------


def test_by_default_what_is_urgent_is_mailed_and_trades_are_not(alice: User) -> None:
    for kind in Kind:
        services.notify(alice, kind, kind.value)
    mailed = Notice.objects.filter(next_try_at__isnull=False).values_list("title", flat=True)
    assert set(mailed) == {"autopilot_paused", "key_refused", "kill_switch", "new_weights"}
    assert not Notice.objects.filter(title__in=["fills", "rebalance_done", "daily_summary"]).exists()


def test_a_kind_that_is_switched_off_stands_on_the_pages_and_is_not_mailed(alice: User) -> None:
    wish(alice, email_kinds=["fills"])
    services.notify(alice, Kind.PAUSED, "The autopilot has paused")
    services.notify(alice, Kind.FILLS, "3 fills")
    urgent, fills = Notice.objects.get(title="The autopilot has paused"), Notice.objects.get(title="3 fills")
    assert (urgent.next_try_at, urgent.seen_at) == (None, None)
    assert fills.next_try_at is not None
    assert fills.seen_at is not None  # a mail that was wished for, and no banner


# --- whether anybody would be told -----------------------------------------------------------------------


def test_whether_somebody_would_be_told_costs_one_query(
    alice: User, receiver: Receiver, settings: Settings, django_assert_num_queries: Callable[..., Any]
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    with django_assert_num_queries(1):
        assert not selectors.has_working_channel(alice)
    channel, _secret = services.create_channel(
        alice, type_="webhook", name="Hook", address=receiver.url(), kinds=["autopilot_paused", "key_refused"]
    )
    assert not selectors.has_working_channel(alice)
    services.change_channel(channel, kinds=["autopilot_paused", "key_refused", "kill_switch"])
    with django_assert_num_queries(1):
        assert selectors.has_working_channel(alice)
    Channel.objects.update(failures_in_a_row=1)
    assert not selectors.has_working_channel(alice)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert selectors.has_working_channel(alice)
    wish(alice, email_kinds=["fills"])
    assert not selectors.has_working_channel(alice)
