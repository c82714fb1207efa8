"""The outbox: what is told is written down first, goes out through every channel by itself, and what fails is tried
again after growing pauses, with the same id, until it arrives or is given up.
"""

import hmac
import socket
from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Notice, User
from accounts.notifications import services
from accounts.notifications.models import Channel, Delivery, Event, Kind
from accounts.notifications.tasks import send_due
from accounts.notifications.tests.receivers import Mailbox, Receiver, talking_server, web_receiver

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reach_here")]

DOWN = [(503, {})]


@pytest.fixture
def webhook(alice: User, receiver: Receiver) -> Callable[..., tuple[Channel, str]]:
    """webhook(name="Hook", kinds=[…], user=bob): a webhook at the receiver, and its secret."""

    def create(address: str = "", **more: Any) -> tuple[Channel, str]:
        values = {"name": "Hook", "kinds": Kind.values, **more}
        user = values.pop("user", alice)
        return services.create_channel(user, type_="webhook", address=address or receiver.url(), **values)

    return create


def tell(user: User, kind: Kind = Kind.PAUSED, title: str = "The autopilot has paused") -> None:
    services.notify(user, kind, title, "Five failures in a row.", "/orders/autopilot/3/", {"strategy": {"id": 3}})


# --- webhooks --------------------------------------------------------------------------------------------


def test_a_webhook_is_signed_json(alice: User, webhook: Callable[..., Any], receiver: Receiver) -> None:
    _channel, secret = webhook()
    tell(alice)
    assert send_due() == 1
    (request,) = receiver.requests
    assert request.json == {
        "id": str(Event.objects.get().pk),
        "kind": "autopilot_paused",
        "created": Event.objects.get().at.isoformat(),
        "data": {
            "title": "The autopilot has paused",
            "text": "Five failures in a row.",
            "link": "/orders/autopilot/3/",
            "strategy": {"id": 3},
        },
    }
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["BotBalance-Event"] == request.json["id"]
    signed = request.headers["BotBalance-Timestamp"].encode() + b"." + request.body
    assert request.headers["BotBalance-Signature"] == f"sha256={hmac.digest(secret.encode(), signed, 'sha256').hex()}"


def test_each_webhook_has_a_secret_of_its_own_and_a_new_one_when_asked(
    alice: User, webhook: Callable[..., Any], receiver: Receiver
) -> None:
    channel, first = webhook()
    assert first != webhook(name="Other")[1]
    second = services.rotate_secret(channel)
    assert second != first
    tell(alice)
    send_due()
    signatures = set()
    for request in receiver.requests:
        signed = request.headers["BotBalance-Timestamp"].encode() + b"." + request.body
        assert (
            f"sha256={hmac.digest(first.encode(), signed, 'sha256').hex()}" != request.headers["BotBalance-Signature"]
        )
        signatures.add(request.headers["BotBalance-Signature"])
    assert len(signatures) == 2


def test_what_a_receiver_refuses_for_its_old_secret_comes_again_signed_with_the_new_one(
    alice: User, webhook: Callable[..., Any], receiver: Receiver
) -> None:
    """A new secret takes the old one's place at once; nothing is lost until the receiver knows it."""
    channel, _old = webhook()
    receiver.answers = [(401, {}), (200, {})]
    with time_machine.travel(timezone.now(), tick=False) as clock:
        new = services.rotate_secret(channel)
        tell(alice)
        assert send_due() == 0
        clock.shift(61)
        assert send_due() == 1
    for request in receiver.requests:
        signed = request.headers["BotBalance-Timestamp"].encode() + b"." + request.body
        expected = hmac.digest(new.encode(), signed, "sha256").hex()
        assert request.headers["BotBalance-Signature"] == f"sha256={expected}"


# --- trying again ----------------------------------------------------------------------------------------


def test_what_fails_is_tried_again_with_the_same_id_until_it_arrives(
    alice: User, webhook: Callable[..., Any], receiver: Receiver
) -> None:
    channel, _secret = webhook()
    receiver.answers = [(500, {}), (429, {}), (200, {})]
    with time_machine.travel(timezone.now(), tick=False) as clock:
        tell(alice)
        send_due()
        delivery = Delivery.objects.get()
        assert delivery.problem == "It answered with status 500."
        assert send_due() == 0  # not before its pause is over
        assert len(receiver.requests) == 1
        clock.shift(61)
        send_due()
        channel.refresh_from_db()
        assert (channel.failures_in_a_row, channel.problem) == (2, "It answered with status 429.")
        clock.shift(301)
        assert send_due() == 1
    delivery.refresh_from_db()
    assert (delivery.problem, delivery.next_try_at, delivery.tries) == ("", None, 3)
    channel.refresh_from_db()
    assert (channel.failures_in_a_row, channel.problem) == (0, "")
    assert len({request.body for request in receiver.requests}) == 1
    assert send_due() == 0
    assert len(receiver.requests) == 3


def test_it_is_given_up_after_growing_pauses(alice: User, webhook: Callable[..., Any], receiver: Receiver) -> None:
    webhook()
    receiver.answers = list(DOWN)
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        tell(alice)
        tries = []
        while (delivery := Delivery.objects.get()).next_try_at is not None:
            clock.move_to(delivery.next_try_at)
            send_due()
            tries.append(timezone.now() - start)
    assert tries == [timedelta(minutes=minutes) for minutes in (0, 1, 6, 36, 156, 516)]
    assert (delivery.sent_at, delivery.problem) == (None, "It answered with status 503.")


def test_a_channel_that_fails_or_hangs_holds_up_no_other(
    alice: User, bob: User, webhook: Callable[..., Any], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.notifications.guard.ATTEMPT_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        webhook(f"http://127.0.0.1:{silent.getsockname()[1]}/", name="Hangs")
        webhook("http://127.0.0.1:1024/", name="Closed")
        webhook(name="Works")
        webhook(name="Bob's", user=bob)
        tell(alice)
        tell(bob)
        assert send_due() == 2
    assert len(receiver.requests) == 2
    problems = {row.channel.name: row.problem for row in Delivery.objects.select_related("channel")}
    assert problems == {
        "Hangs": "127.0.0.1 did not answer in time.",
        "Closed": "127.0.0.1 could not be reached, or broke the connection off.",
        "Works": "",
        "Bob's": "",
    }


def test_what_waits_behind_a_failure_waits_as_long_and_keeps_its_order(
    alice: User, webhook: Callable[..., Any], receiver: Receiver
) -> None:
    webhook()
    receiver.answers = [(500, {}), (200, {})]
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for number in range(3):
            tell(alice, title=f"Notice {number}")
        assert send_due() == 0
        assert len(receiver.requests) == 1
        clock.shift(61)
        assert send_due() == 3
    assert [request.json["data"]["title"] for request in receiver.requests] == [
        "Notice 0", "Notice 0", "Notice 1", "Notice 2",
    ]  # fmt: skip


def test_a_message_that_is_never_taken_lets_others_go_first(
    alice: User, webhook: Callable[..., Any], receiver: Receiver
) -> None:
    webhook()
    receiver.answers = [(400, {}), (400, {}), (200, {}), (400, {})]
    with time_machine.travel(timezone.now(), tick=False) as clock:
        tell(alice, title="Never taken")
        tell(alice, title="Good")
        for seconds in (0, 61, 301):
            clock.shift(seconds)
            send_due()
    titles = [request.json["data"]["title"] for request in receiver.requests]
    assert titles == ["Never taken", "Never taken", "Good", "Never taken"]


def test_what_happened_two_days_ago_is_not_tried_again(
    alice: User, webhook: Callable[..., Any], receiver: Receiver
) -> None:
    webhook()
    receiver.answers = list(DOWN)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        tell(alice)
        clock.shift(timedelta(days=2))  # no worker ran meanwhile
        send_due()
    delivery = Delivery.objects.get()
    assert (delivery.tries, delivery.next_try_at, delivery.problem) == (1, None, "It answered with status 503.")


def test_a_worker_that_dies_leaves_a_try_that_is_made_again(
    alice: User, webhook: Callable[..., Any], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook()

    def die(*_arguments: Any) -> None:
        raise SystemExit

    with time_machine.travel(timezone.now(), tick=False) as clock:
        tell(alice)
        with monkeypatch.context() as patched:
            patched.setattr("accounts.notifications.door.deliver", die)
            with pytest.raises(SystemExit):
                send_due()
        assert send_due() == 0
        clock.shift(181)
        assert send_due() == 1
    assert len(receiver.requests) == 1


def test_nothing_is_written_down_when_what_happened_is_taken_back(alice: User, webhook: Callable[..., Any]) -> None:
    webhook()

    def happen() -> None:
        with transaction.atomic():
            tell(alice)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        happen()
    assert not Event.objects.exists()
    assert not Notice.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_it_once(alice: User, webhook: Callable[..., Any], receiver: Receiver) -> None:
    webhook()
    tell(alice)
    start = Barrier(2)

    def work() -> None:
        try:
            start.wait(5)
            send_due()
        finally:
            connection.close()

    workers = [Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(receiver.requests) == 1


# --- who is told, and when -------------------------------------------------------------------------------


def test_only_channels_that_are_on_and_want_it_are_told(
    alice: User, bob: User, webhook: Callable[..., Any], receiver: Receiver
) -> None:
    webhook(name="All")
    webhook(name="Fills only", kinds=["fills"])
    webhook(name="Off", enabled=False)
    webhook(name="Bob's", user=bob)
    tell(alice)
    send_due()
    assert [row.channel.name for row in Delivery.objects.select_related("channel")] == ["All"]
    assert len(receiver.requests) == 1


def test_what_was_switched_off_meanwhile_is_not_sent(
    alice: User, webhook: Callable[..., Any], receiver: Receiver
) -> None:
    channel, _secret = webhook()
    tell(alice)
    services.change_channel(channel, enabled=False)
    assert send_due() == 0
    assert (receiver.requests, Delivery.objects.get().problem) == ([], "The channel was switched off.")


def test_whoever_may_not_sign_in_is_not_told(alice: User, webhook: Callable[..., Any], receiver: Receiver) -> None:
    webhook()
    tell(alice)
    alice.is_active = False
    alice.save()
    assert send_due() == 0
    assert receiver.requests == []


# --- through services ------------------------------------------------------------------------------------


def test_a_mail_account_of_ones_own_is_tried_again_too(alice: User, mailbox: Mailbox) -> None:
    address = f"mailto://127.0.0.1:{mailbox.port}?from=bot@example.org&to=me@example.org&mode=insecure"
    services.create_channel(alice, type_="apprise", name="Mail", address=address, kinds=Kind.values)
    mailbox.refusals = 1
    with time_machine.travel(timezone.now(), tick=False) as clock:
        tell(alice)
        assert send_due() == 0
        assert Delivery.objects.get().problem == "The mail server refused it (451)."
        clock.shift(61)
        assert send_due() == 1
    (mail,) = mailbox.mails
    assert mail.rcpt_tos == ["me@example.org"]
    assert "Five failures in a row." in mailbox.texts[0]


def test_a_mail_account_with_a_wrong_password_is_told_so(alice: User) -> None:
    def speak(connection: socket.socket) -> None:
        replies = {"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "535 wrong, me@example.org", "QUIT": "221 bye"}
        connection.sendall(b"220 here\r\n")
        for line in connection.makefile("r", newline="\r\n"):
            connection.sendall(f"{replies[line[:4].upper()]}\r\n".encode())

    with talking_server(speak) as port:
        address = f"mailto://me:password@127.0.0.1:{port}?from=me@example.org&to=me@example.org&mode=insecure"
        channel, _secret = services.create_channel(
            alice, type_="apprise", name="Mail", address=address, kinds=Kind.values
        )
        problem = services.test_channel(channel)
    assert problem == "The mail server does not take this account and password (535)."


def test_what_is_long_gone_is_forgotten(alice: User, webhook: Callable[..., Any], receiver: Receiver) -> None:
    webhook()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        tell(alice)
        send_due()
        clock.shift(timedelta(days=31))
        tell(alice)
        send_due()
        assert Event.objects.count() == 1
        assert Delivery.objects.count() == 1


def test_nothing_is_sent_where_nothing_is_due(receiver: Receiver) -> None:
    with web_receiver() as other:
        assert send_due() == 0
    assert receiver.requests == other.requests == []
