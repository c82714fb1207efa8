"""Times are shown in the zone of whoever reads them, which is UTC until they choose another."""

from datetime import UTC, datetime

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.models import Notice, User
from botbalance.lib import moments
from botbalance.lib.errors import Invalid

pytestmark = pytest.mark.django_db
WINTER = datetime(2026, 1, 15, 21, 30, 5, tzinfo=UTC)
SUMMER = datetime(2026, 7, 15, 21, 30, 5, tzinfo=UTC)


def notices(client: Client) -> str:
    return client.get(reverse("accounts:notices")).content.decode()


def told_at(user: User, moment: datetime) -> None:
    Notice.objects.filter(pk=services.tell(user, "Something happened").pk).update(at=moment)


def test_without_a_choice_times_are_utc(as_alice: Client, alice: User) -> None:
    told_at(alice, WINTER)
    assert "2026-01-15 21:30:05 UTC<" in notices(as_alice)


@pytest.mark.parametrize(
    ("zone", "moment", "shown"),
    [
        ("Europe/Berlin", WINTER, "2026-01-15 22:30:05 UTC+1"),
        ("Europe/Berlin", SUMMER, "2026-07-15 23:30:05 UTC+2"),
        ("Asia/Kolkata", WINTER, "2026-01-16 03:00:05 UTC+5:30"),
        ("America/St_Johns", WINTER, "2026-01-15 18:00:05 UTC−3:30"),
        ("UTC", SUMMER, "2026-07-15 21:30:05 UTC"),
    ],
)
def test_a_chosen_zone_is_shown_and_named(
    zone: str, moment: datetime, shown: str, as_alice: Client, alice: User
) -> None:
    as_alice.post(reverse("accounts:time_zone"), {"time_zone": zone})
    alice.refresh_from_db()
    assert alice.time_zone == zone
    told_at(alice, moment)
    assert f"{shown}<" in notices(as_alice)


def test_one_readers_zone_is_not_the_next_ones(client: Client, alice: User, bob: User) -> None:
    services.set_time_zone(alice, "Asia/Tokyo")
    for user, shown in ((alice, "2026-01-16 06:30:05 UTC+9"), (bob, "2026-01-15 21:30:05 UTC<")):
        told_at(user, WINTER)
        client.force_login(user)
        assert shown in notices(client)
    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "CET", "+03:00", "x" * 500, "Europe/Berlin\x00"])
def test_an_unknown_zone_is_refused(name: str, as_alice: Client, alice: User) -> None:
    answer = as_alice.post(reverse("accounts:time_zone"), {"time_zone": name})
    assert answer.status_code == 400
    with pytest.raises(Invalid):
        services.set_time_zone(alice, name)
    alice.refresh_from_db()
    assert alice.time_zone == ""


def test_a_zone_that_the_machine_has_forgotten_is_utc(as_alice: Client, alice: User) -> None:
    User.objects.update(time_zone="Europe/Atlantis")
    told_at(alice, WINTER)
    assert "2026-01-15 21:30:05 UTC<" in notices(as_alice)


def test_the_api_speaks_utc(as_alice: Client, alice: User) -> None:
    services.set_time_zone(alice, "Asia/Tokyo")
    told_at(alice, WINTER)
    assert as_alice.get("/api/me/notices").json()["results"][0]["at"] == "2026-01-15T21:30:05Z"


def test_what_is_written_to_a_user_is_in_their_zone(alice: User) -> None:
    services.set_time_zone(alice, "Europe/Moscow")
    with services.speaking_to(alice):
        assert moments.full_time(WINTER) == "2026-01-16 00:30:05 UTC+3"
    assert moments.full_time(WINTER) == "2026-01-15 21:30:05 UTC"
    services.tell(alice, "Something happened")
    assert services.send_notices() == 1
    assert len(mail.outbox) == 1


@time_machine.travel(WINTER, tick=False)
def test_a_near_moment_needs_no_date() -> None:
    with moments.in_zone("Asia/Tokyo"):
        assert moments.clock_time(WINTER) == "06:30:05 UTC+9"
        assert moments.clock_time(SUMMER) == "2026-07-16 06:30 UTC+9"


# --- the offer ---------------------------------------------------------------------------------------------


def test_another_zone_is_offered_by_the_script_alone_until_one_was_chosen(as_alice: Client, alice: User) -> None:
    offer = '<form class="notice info told" method="post" action="/auth/account/time-zone/" data-zone="UTC" hidden>'
    assert offer in notices(as_alice)
    services.set_time_zone(alice, "UTC")
    assert "data-zone=" not in notices(as_alice)
    assert offer in as_alice.get(reverse("accounts:settings")).content.decode()


def test_who_takes_the_offer_stays_where_they_were(as_alice: Client) -> None:
    answer = as_alice.post(
        reverse("accounts:time_zone"), {"time_zone": "Europe/Moscow", "next": "/auth/account/notices/"}
    )
    assert answer["Location"] == "/auth/account/notices/"
    assert "Times are shown in Europe/Moscow from now on." in notices(as_alice)


def test_a_stranger_has_no_zone(client: Client, alice: User) -> None:
    assert client.post(reverse("accounts:time_zone"), {"time_zone": "UTC"}).status_code == 302
    assert "data-zone=" not in client.get(reverse("account_login")).content.decode()
