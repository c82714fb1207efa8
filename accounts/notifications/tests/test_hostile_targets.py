"""What answers may be made to harm: it takes no memory of ours, and no name that is typed becomes a header."""

import gzip
import socket

import pytest

from accounts.models import User
from accounts.notifications import door, services
from accounts.notifications.guard import MOST_ANSWER_BYTES
from accounts.notifications.models import Kind
from accounts.notifications.tests.receivers import Mailbox, talking_server
from botbalance.lib.errors import Invalid

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reach_here")]

MESSAGE = door.Message(
    id="1", kind="test", created="2026-03-02T10:00:00Z", title="Title", text="Text", link="", is_urgent=False, data={}
)


def test_a_mail_server_that_never_ends_its_greeting_is_left() -> None:
    said = 0

    def speak(connection: socket.socket) -> None:
        nonlocal said
        while True:
            said += connection.send(b"220-" + b"x" * 8000 + b"\r\n")

    with talking_server(speak) as port:
        address = f"mailto://127.0.0.1:{port}?from=bot@example.org&to=me@example.org&mode=insecure"
        outcome = door.deliver("apprise", address, "", MESSAGE, 0)
    assert outcome.problem == "unreachable"
    assert said < 100 * MOST_ANSWER_BYTES  # what the network holds between us included


def test_an_answer_that_unpacks_to_much_is_read_as_far_as_is_needed() -> None:
    packed = gzip.compress(bytes(50_000_000))

    def speak(connection: socket.socket) -> None:
        connection.recv(65_536)
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
        connection.sendall(head.encode() + packed)

    with talking_server(speak) as port, door.Attempt():
        answer = door.guard.http.post(f"http://127.0.0.1:{port}/")
    assert (answer.status_code, len(answer.content)) == (200, MOST_ANSWER_BYTES)


@pytest.mark.parametrize("end", ["%0d%0a", "%250d%250a", "%25250A", "%00", "%E2%80%A8"])
def test_an_address_that_hides_a_line_break_is_refused(end: str, alice: User, mailbox: Mailbox) -> None:
    for query in (f"name=Me{end}Bcc:%20you@example.org", f"to=me@example.org{end}"):
        address = f"mailto://127.0.0.1:{mailbox.port}?from=bot@example.org&mode=insecure&{query}"
        with pytest.raises(Invalid) as refused:
            services.create_channel(alice, type_="apprise", name="Mail", address=address, kinds=Kind.values)
        assert "This is no address" in refused.value.fields["address"][0]
    assert mailbox.mails == []


def test_a_title_with_a_line_break_is_one_line_of_a_mail(alice: User, mailbox: Mailbox) -> None:
    address = f"mailto://127.0.0.1:{mailbox.port}?from=bot@example.org&to=me@example.org&mode=insecure"
    services.create_channel(alice, type_="apprise", name="Mail", address=address, kinds=Kind.values)
    services.notify(alice, Kind.PAUSED, "Calm\r\nBcc: you@example.org\r\n\r\nhas paused")
    assert services.send_due() == 1
    assert mailbox.mails[0].rcpt_tos == ["me@example.org"]
    assert mailbox.texts[0].startswith("Calm Bcc: you@example.org has paused\n")
