"""What a user must know though nobody is looking: on every page until dismissed, by API, and by e-mail."""

import re
import smtplib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts import selectors, services
from accounts.models import Notice, User
from accounts.tasks import send_notices

pytestmark = pytest.mark.django_db

PAGE = "/auth/account/"
ALL = "/auth/account/notices/"


class DownBackend(EmailBackend):
    """A mail server that cannot be reached."""

    def send_messages(self, messages: Any) -> int:
        raise ConnectionRefusedError(111, "Connection refused")


class PickyBackend(EmailBackend):
    """A mail server that does not know Alice."""

    def send_messages(self, messages: Any) -> int:
        if messages[0].to == ["alice@example.org"]:
            raise smtplib.SMTPRecipientsRefused({"alice@example.org": (550, b"no such mailbox")})
        return super().send_messages(messages)


DOWN, PICKY = f"{__name__}.DownBackend", f"{__name__}.PickyBackend"


# --- on pages --------------------------------------------------------------------------------------------


def test_it_is_shown_on_every_page_until_dismissed(as_alice: Client, alice: User) -> None:
    notice = services.tell(alice, "The autopilot has paused", "Five failures in a row.", "/orders/autopilot/3/")
    page = as_alice.get(PAGE).content.decode()
    for text in ("The autopilot has paused", "Five failures in a row.", 'href="/orders/autopilot/3/"'):
        assert text in page
    answer = as_alice.post(reverse("accounts:dismiss", args=[notice.pk]), {"next": PAGE})
    assert answer.url == PAGE
    assert "The autopilot has paused" not in as_alice.get(PAGE).content.decode()
    assert "The autopilot has paused" in as_alice.get(ALL).content.decode()


def test_dismissing_needs_the_csrf_token_the_page_gives(alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    notice = services.tell(alice, "Look")
    address = reverse("accounts:dismiss", args=[notice.pk])
    assert browser.post(address).status_code == 403
    page = browser.get(PAGE).content.decode()
    form = re.search(rf'action="{address}"><input type="hidden" name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert form is not None
    assert browser.post(address, {"csrfmiddlewaretoken": form[1]}).status_code == 302
    assert not selectors.unseen_notices(alice).exists()


def test_three_are_shown_and_the_rest_is_a_link_away(as_alice: Client, alice: User) -> None:
    for number in range(5):
        services.tell(alice, f"Notice {number}.")
    page = as_alice.get(PAGE).content.decode()
    assert [number for number in range(5) if f"Notice {number}." in page] == [2, 3, 4]
    assert f'href="{ALL}"' in page
    assert "There are more notices" in page
    everything = as_alice.get(ALL).content.decode()
    assert all(f"Notice {number}." in everything for number in range(5))
    as_alice.post(reverse("accounts:dismiss_all"))
    assert "Notice 4." not in as_alice.get(PAGE).content.decode()
    assert not Notice.objects.filter(seen_at=None).exists()


def test_the_newest_is_told_and_the_others_are_folded_away(as_alice: Client, alice: User) -> None:
    def told() -> tuple[str, str]:
        page = as_alice.get(PAGE).content.decode()
        shown, _fold, folded = page.partition('<details id="other-notices">')
        return shown, folded.partition("</details>")[0]

    services.tell(alice, "First")
    assert told()[1] == ""
    services.tell(alice, "Second")
    services.tell(alice, "Third")
    shown, folded = told()
    assert ("Third" in shown, "Second" in shown, "First" in shown) == (True, False, False)
    for text in ("2 further notices", "Second", "First", f'action="{reverse("accounts:dismiss_all")}"'):
        assert text in folded
    services.tell(alice, "Fourth")
    assert "More than 2 further notices" in told()[1]


def test_the_banner_costs_one_query_however_many_there_are(as_alice: Client, alice: User) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as asked:
            as_alice.get(PAGE)
        return [query["sql"] for query in asked.captured_queries]

    services.tell(alice, "Look")
    queries()  # what a process remembers, it remembers in both
    few = queries()
    for _ in range(40):
        services.tell(alice, "Look")
    assert len(queries()) == len(few)
    assert sum("accounts_notice" in query for query in few) == 1


def test_the_list_goes_back_page_by_page(as_alice: Client, alice: User) -> None:
    for number in range(51):
        services.tell(alice, f"Notice {number}.")
    page = as_alice.get(ALL).content.decode()
    assert "Notice 0." not in page
    older = re.search(r'href="(\?before=\d+)"', page)
    assert older is not None
    assert "Notice 0." in as_alice.get(ALL + older[1]).content.decode()


def test_an_empty_list_says_so(as_alice: Client) -> None:
    assert "There is nothing you need to know." in as_alice.get(ALL).content.decode()


def test_what_it_says_is_text_not_markup(as_alice: Client, alice: User) -> None:
    services.tell(alice, "<b>bold</b>", "<script>alert(1)</script>")
    for address in (PAGE, ALL):
        page = as_alice.get(address).content.decode()
        assert "<b>bold" not in page
        assert "<script>alert" not in page


def test_another_users_notices_do_not_exist(as_alice: Client, bob: User) -> None:
    notice = services.tell(bob, "Bob's affair")
    assert "affair" not in as_alice.get(PAGE).content.decode() + as_alice.get(ALL).content.decode()
    assert as_alice.post(reverse("accounts:dismiss", args=[notice.pk])).status_code == 404
    as_alice.post(reverse("accounts:dismiss_all"))
    notice.refresh_from_db()
    assert notice.seen_at is None


# --- by API ----------------------------------------------------------------------------------------------


def test_the_api_lists_and_dismisses_them(alice: User, bob: User, api_for: Callable[[User], APIClient]) -> None:
    first, second = services.tell(alice, "First", "Text", "/x/"), services.tell(alice, "Second")
    api = api_for(alice)
    body = api.get("/api/me/notices").json()
    assert [row["title"] for row in body["results"]] == ["Second", "First"]
    assert body["results"][1] | {"at": ""} == {
        "id": first.pk, "at": "", "title": "First", "text": "Text", "link": "/x/",
        "seen_at": None, "sent_at": None, "problem": "",
    }  # fmt: skip
    seen = api.post(f"/api/me/notices/{second.pk}/seen")
    assert seen.status_code == 200
    assert seen.json()["seen_at"] is not None
    assert api.post(f"/api/me/notices/{second.pk}/seen").json() == seen.json()
    assert [row["title"] for row in api.get("/api/me/notices?seen=false").json()["results"]] == ["First"]
    assert [row["title"] for row in api.get("/api/me/notices?seen=true").json()["results"]] == ["Second"]
    assert api_for(bob).post(f"/api/me/notices/{first.pk}/seen").status_code == 404
    assert api_for(bob).get("/api/me/notices").json()["results"] == []


# --- by e-mail -------------------------------------------------------------------------------------------


def test_it_is_sent_once_with_its_link(alice: User, settings: Settings) -> None:
    settings.SITE_URL = "https://bot.example.org"
    services.tell(alice, "Paused\r\nBcc: eve@example.org", "Five failures in a row.", "/orders/autopilot/3/")
    assert send_notices() == 1
    (message,) = mail.outbox
    assert message.to == ["alice@example.org"]
    assert message.recipients() == ["alice@example.org"]
    assert message.subject == "BotBalance: Paused Bcc: eve@example.org"
    assert "Five failures in a row." in message.body
    assert "https://bot.example.org/orders/autopilot/3/" in message.body
    assert Notice.objects.get().sent_at is not None
    assert send_notices() == 0
    assert len(mail.outbox) == 1


def test_without_a_known_site_the_mail_names_the_path(alice: User, settings: Settings) -> None:
    settings.SITE_URL = ""
    services.tell(alice, "Paused", link="/orders/autopilot/3/")
    send_notices()
    assert "On your BotBalance server: /orders/autopilot/3/" in mail.outbox[0].body


def test_what_cannot_be_sent_is_tried_again_after_growing_pauses_and_then_given_up(
    alice: User, as_alice: Client, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = DOWN
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        services.tell(alice, "Paused")
        tries = []
        for _minute in range(10 * 60):
            before = Notice.objects.get().tries
            assert send_notices() == 0
            if Notice.objects.get().tries > before:
                tries.append(timezone.now() - start)
            clock.shift(60)
        page = as_alice.get(ALL).content.decode()
    assert tries == [timedelta(minutes=minutes) for minutes in (0, 2, 12, 72, 432)]
    notice = Notice.objects.get()
    assert (notice.sent_at, notice.next_try_at) == (None, None)
    assert notice.problem == "The mail server could not be reached, or did not take it."
    assert f"no e-mail, and it is not tried again: {notice.problem}" in page


def test_a_second_try_that_works_clears_the_problem(alice: User, settings: Settings) -> None:
    services.tell(alice, "Paused")
    good, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, DOWN
    with time_machine.travel(timezone.now(), tick=False) as clock:
        send_notices()
        assert Notice.objects.get().problem
        settings.EMAIL_BACKEND = good
        clock.shift(121)
        assert send_notices() == 1
    assert Notice.objects.get().problem == ""


def test_one_address_that_fails_holds_up_nobody_else(alice: User, bob: User, settings: Settings) -> None:
    settings.EMAIL_BACKEND = PICKY
    services.tell(alice, "To Alice")
    services.tell(bob, "To Bob")
    assert send_notices() == 1
    assert [message.to for message in mail.outbox] == [["bob@example.org"]]
    assert "did not take it" in Notice.objects.get(user=alice).problem


class Odd(EmailBackend):
    """Fails for Alice as no mail server does: a mistake somewhere in between."""

    def send_messages(self, messages: Any) -> int:
        if messages[0].to == ["alice@example.org"]:
            raise UnicodeEncodeError("ascii", "\u00fc", 0, 1, "secret detail")
        return super().send_messages(messages)


def test_a_mistake_with_one_notice_holds_up_nobody_else(alice: User, bob: User, settings: Settings) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Odd"
    services.tell(alice, "To Alice")
    services.tell(bob, "To Bob")
    assert send_notices() == 1
    assert Notice.objects.get(user=bob).sent_at is not None
    assert "secret detail" not in Notice.objects.get(user=alice).problem


class Slow(EmailBackend):
    """Takes 15 seconds over every mail."""

    clock: time_machine.Traveller

    def send_messages(self, messages: Any) -> int:
        Slow.clock.shift(15)
        return super().send_messages(messages)


def test_a_slow_mail_server_is_left_after_its_time_and_gone_on_with_later(alice: User, settings: Settings) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Slow"
    for title in ("First", "Second", "Third"):
        services.tell(alice, title)
    with time_machine.travel(timezone.now(), tick=False) as Slow.clock:
        assert (send_notices(), send_notices()) == (2, 1)


class Killed(EmailBackend):
    """The worker ends in the middle of a mail."""

    def send_messages(self, messages: Any) -> int:
        raise SystemExit


def test_a_worker_that_dies_in_the_last_try_leaves_nothing_false(
    alice: User, as_alice: Client, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Killed"
    services.tell(alice, "Paused")
    Notice.objects.update(tries=4, problem="The try before failed.")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        with pytest.raises(SystemExit):
            send_notices()
        page = as_alice.get(ALL).content.decode()
        assert "the e-mail is on its way" in page
        assert "not tried again" not in page
        clock.shift(121)
        assert send_notices() == 0
    notice = Notice.objects.get()
    assert (notice.sent_at, notice.next_try_at, notice.tries) == (None, None, 5)
    assert "It is not known whether the last e-mail was sent" in as_alice.get(ALL).content.decode()


class Handover(EmailBackend):
    """While it sends the first mail, another worker begins."""

    busy = False

    def send_messages(self, messages: Any) -> int:
        if not Handover.busy:
            Handover.busy = True
            assert services.send_notices() == 0
        return super().send_messages(messages)


def test_while_one_worker_sends_another_does_not(alice: User, settings: Settings) -> None:
    for title in ("First", "Second", "Third"):
        services.tell(alice, title)
    settings.EMAIL_BACKEND = f"{__name__}.Handover"
    assert send_notices() == 3
    assert sorted(message.subject for message in mail.outbox) == [
        "BotBalance: First",
        "BotBalance: Second",
        "BotBalance: Third",
    ]


def test_it_is_written_in_the_language_of_its_reader(alice: User) -> None:
    services.set_language(alice, "ru")
    with services.speaking_to(alice):
        services.tell(alice, "Автопилот остановлен")
    send_notices()
    assert mail.outbox[0].subject == "BotBalance: Автопилот остановлен"


def test_whoever_may_not_sign_in_gets_no_mail(alice: User) -> None:
    services.tell(alice, "Paused")
    alice.is_active = False
    alice.save()
    assert send_notices() == 0
    assert mail.outbox == []
