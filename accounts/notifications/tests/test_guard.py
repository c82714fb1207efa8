"""Nothing that a user tells this server to reach is inside: not directly, not by a name, not by a redirect, and not by
a name that leads elsewhere between the look and the leap. What is refused is refused with a reason.
"""

import ipaddress
import re
import socket
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from accounts.notifications import door, services
from accounts.notifications.catalogue import SERVICES
from accounts.notifications.domain import is_port_allowed, is_public
from accounts.notifications.models import Channel, Delivery, Kind
from accounts.notifications.tests.receivers import PUBLIC, Mailbox, Receiver, Resolver
from botbalance.lib.errors import Invalid

_INSIDE = """
127.0.0.1 127.9.9.9 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 0.0.0.0 100.64.0.1 224.0.0.1
239.255.255.250 240.0.0.1 255.255.255.255 192.0.0.1 192.0.2.1 198.18.0.1 192.88.99.1 ::1 :: fe80::1 fc00::1
fd12:3456::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::10.0.0.1 2002:7f00:1:: 2002:a00:1::1 64:ff9b::7f00:1
64:ff9b::10.0.0.1 64:ff9b:1::1 2001::1 2001:db8::1 3fff::1 fec0::1 100::1 5f00::1 ::ffff:0:127.0.0.1
"""
INSIDE = _INSIDE.split()
OUTSIDE = ["1.1.1.1", "8.8.8.8", PUBLIC, "100.128.0.1", "172.32.0.1", "2606:4700::1", "64:ff9b::8.8.8.8"]
# Other ways to write an address of this machine, and names that look like another's.
TRICKS = [
    "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "localhost", "LOCALHOST", "localhost.",
    "[::1]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]", "[::ffff:7f00:1]",
]  # fmt: skip


def test_what_is_inside_and_what_is_not() -> None:
    assert [text for text in INSIDE if is_public(ipaddress.ip_address(text))] == []
    assert [text for text in OUTSIDE if not is_public(ipaddress.ip_address(text))] == []
    assert [port for port in (22, 23, 25, 53, 110, 389, 0, 65536) if is_port_allowed(port)] == []
    assert all(is_port_allowed(port) for port in (80, 443, 465, 587, 1024, 8080, 65535))


def address_field(error: pytest.ExceptionInfo[Invalid]) -> str:
    (text,) = error.value.fields["address"]
    return text


@pytest.fixture
def save(alice: User) -> Callable[..., Channel]:
    """save("https://example.org/hook"): a webhook of Alice's, or with another type, a service."""

    def create(address: str, type_: str = "webhook", name: str = "Mine") -> Channel:
        return services.create_channel(alice, type_=type_, name=name, address=address, kinds=Kind.values)[0]

    return create


def send_one(user: User) -> Delivery:
    services.notify(user, Kind.PAUSED, "The autopilot has paused")
    services.send_due()
    return Delivery.objects.latest("pk")


# --- directly --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", ["webhook", "apprise"])
def test_an_internal_address_cannot_be_saved(
    type_: str, save: Callable[..., Channel], receiver: Receiver, subtests: pytest.Subtests
) -> None:
    scheme = {"webhook": "http", "apprise": "json"}[type_]
    hosts = [*(f"[{text}]" if ":" in text else text for text in INSIDE), *TRICKS]
    for host in hosts:
        with subtests.test(host=host):
            with pytest.raises(Invalid) as error:
                save(f"{scheme}://{host}:{receiver.port}/hook", type_)
            assert error.value.fields.keys() == {"address"}
    assert not Channel.objects.exists()
    assert receiver.requests == []


def test_the_reason_names_the_host_and_says_who_can_allow_it(save: Callable[..., Channel]) -> None:
    with pytest.raises(Invalid) as error:
        save("https://10.0.0.1/hook")
    assert "10.0.0.1 leads to an internal address" in address_field(error)


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org@127.0.0.1/", "https://user:password@example.org/", "https://example.org\\@127.0.0.1/",
        "ftp://example.org/", "file:///etc/passwd", "//example.org/", "https:///hook", "example.org", "",
        "https://exa mple.org/", "https://example.org:99999/", "https://example.org:0/", "https://[::1/", "https://é.org/",
        "https://example.org/\r\nX: y", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused(address: str, save: Callable[..., Channel]) -> None:
    with pytest.raises(Invalid) as error:
        save(address)
    assert address_field(error)


def test_ports_of_other_services_are_refused(save: Callable[..., Channel], resolver: Resolver) -> None:
    resolver.names["example.org"] = [[PUBLIC]]
    with pytest.raises(Invalid) as error:
        save("https://example.org:22/")
    assert "Port 22 of example.org is not reached" in address_field(error)


def test_mail_servers_are_no_exception(save: Callable[..., Channel], mailbox: Mailbox) -> None:
    for address in (
        f"mailto://me:secret@example.org:{mailbox.port}?smtp=127.0.0.1&mode=insecure",
        f"mailtos://me:secret@example.org:{mailbox.port}?smtp=localhost&mode=ssl",
        f"mailto://127.0.0.1:{mailbox.port}?from=me@example.org&to=me@example.org",
    ):
        with pytest.raises(Invalid) as error:
            save(address, "apprise")
        assert "leads to an internal address" in address_field(error)
    assert mailbox.mails == []


# --- by a name -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["10.0.0.1", "::ffff:192.168.0.1", "169.254.169.254", "fd00::1"])
def test_a_name_that_leads_inside_is_refused_at_saving(
    address: str, save: Callable[..., Channel], resolver: Resolver
) -> None:
    resolver.names["evil.example"] = [[PUBLIC, address]]  # one that leads outside as well helps nobody
    for text, type_ in (("https://evil.example/", "webhook"), ("jsons://evil.example/", "apprise")):
        with pytest.raises(Invalid) as error:
            save(text, type_)
        assert "evil.example leads to an internal address" in address_field(error)


def test_a_name_that_does_not_exist_is_refused_at_saving(save: Callable[..., Channel], resolver: Resolver) -> None:
    resolver.names["nowhere.example"] = [[]]
    with pytest.raises(Invalid) as error:
        save("https://nowhere.example/")
    assert "The name nowhere.example cannot be found" in address_field(error)


@pytest.mark.parametrize(
    ("text", "type_"), [("http://evil.example:{}/", "webhook"), ("json://evil.example:{}/", "apprise")]
)
def test_a_name_that_leads_inside_later_is_refused_at_sending(
    text: str, type_: str, alice: User, save: Callable[..., Channel], resolver: Resolver, receiver: Receiver
) -> None:
    resolver.names["evil.example"] = [[PUBLIC], ["127.0.0.1"]]
    save(text.format(receiver.port), type_)
    delivery = send_one(alice)
    assert "evil.example leads to an internal address" in delivery.problem
    assert delivery.sent_at is None
    assert "internal address" in Channel.objects.get().problem
    assert receiver.requests == []


@pytest.mark.parametrize(
    ("text", "type_"), [("http://evil.example:{}/", "webhook"), ("json://evil.example:{}/", "apprise")]
)
def test_between_the_look_and_the_leap_a_name_cannot_change(
    text: str,
    type_: str,
    alice: User,
    save: Callable[..., Channel],
    resolver: Resolver,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is looked up once, and the connection goes to the address that was looked at."""
    connected: list[Any] = []

    def connect(_self: socket.socket, address: Any) -> None:
        connected.append(address)
        raise ConnectionRefusedError

    resolver.names["evil.example"] = [[PUBLIC], [PUBLIC], ["127.0.0.1"]]
    save(text.format(receiver.port), type_)
    monkeypatch.setattr(socket.socket, "connect", connect)
    delivery = send_one(alice)
    assert connected == [(PUBLIC, receiver.port)]
    assert resolver.asked == ["evil.example"] * 2
    assert "evil.example could not be reached" in delivery.problem
    assert receiver.requests == []


# --- by a redirect, and by a proxy -----------------------------------------------------------------------


@pytest.mark.usefixtures("reach_here")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("text", "type_"), [("http://127.0.0.1:{}/first", "webhook"), ("json://127.0.0.1:{}/first", "apprise")]
)
def test_a_redirect_is_not_followed_and_said(
    text: str, type_: str, status: int, alice: User, save: Callable[..., Channel], receiver: Receiver
) -> None:
    receiver.answers = [(status, {"Location": receiver.url("/inside")})]
    save(text.format(receiver.port), type_)
    delivery = send_one(alice)
    assert [request.path for request in receiver.requests] == ["/first"]
    assert f"It answered with a redirect ({status})" in delivery.problem


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"])
def test_a_proxy_of_the_environment_is_no_way_around(
    name: str,
    alice: User,
    save: Callable[..., Channel],
    resolver: Resolver,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(name, receiver.url(""))
    resolver.names["evil.example"] = [[PUBLIC], ["10.0.0.1"]]
    save("http://evil.example/")
    assert "internal address" in send_one(alice).problem
    assert receiver.requests == []


# --- what the operator allows ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NOTIFY_ALLOW_PRIVATE_TARGETS", True),
        ("NOTIFY_ALLOWED_HOSTS", frozenset({"home.example"})),
        ("NOTIFY_ALLOWED_NETWORKS", (ipaddress.ip_network("127.0.0.0/30"),)),
    ],
)
def test_what_the_operator_allows_is_reached(
    name: str,
    value: Any,
    alice: User,
    save: Callable[..., Channel],
    resolver: Resolver,
    receiver: Receiver,
    settings: Settings,
) -> None:
    setattr(settings, name, value)
    resolver.names["home.example"] = [["127.0.0.1"]]
    save(receiver.url(host="home.example"))
    delivery = send_one(alice)
    assert (delivery.problem, len(receiver.requests)) == ("", 1)


def test_a_network_that_is_allowed_opens_no_other(save: Callable[..., Channel], settings: Settings) -> None:
    settings.NOTIFY_ALLOWED_NETWORKS = (ipaddress.ip_network("10.1.0.0/16"),)
    with pytest.raises(Invalid):
        save("http://10.2.0.1/")


# --- services --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", SERVICES)
def test_every_service_goes_through_the_guard(
    schema: str,
    alice: User,
    save: Callable[..., Channel],
    resolver: Resolver,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it looks up at sending leads to this machine, where nothing arrives."""
    service = SERVICES[schema]
    example = service.example
    address = example if example.startswith("https://") else f"{schema}://{example.partition('://')[2]}"
    if schema == "mailto":  # which would go to port 25
        address += "&mode=starttls"
    leads_to = {"address": PUBLIC}

    def lookup(host: str, port: int, *_args: Any, **_options: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (leads_to["address"], port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    channel = save(address, "apprise")
    assert channel.hint in (service.name, f"{service.name}, {channel.hint.partition(', ')[2]}")
    assert channel.hint.partition(", ")[2] in ("", *(word for word in re.split("[/@?&=]", address) if "." in word))
    leads_to["address"] = "127.0.0.1"
    assert "internal address" in send_one(alice).problem


def test_what_is_not_in_the_table_is_refused(save: Callable[..., Channel]) -> None:
    for address in (
        "syslog://127.0.0.1", "rsyslog://example.org", "mqtt://example.org/topic", "dbus://", "xmpp://a:b@example.org",
        "windows://", "apprise://example.org/token", "file:///etc/passwd", "smpp://a:b@example.org/1/2", "nothing",
        "https://example.org/hook", "xml://example.org/", "aprs://a:b@c",
    ):  # fmt: skip
        with pytest.raises(Invalid) as error:
            save(address, "apprise")
        assert address_field(error)


def test_the_operator_may_take_services_out(save: Callable[..., Channel], settings: Settings) -> None:
    settings.NOTIFY_SCHEMAS = frozenset({"tgram"})
    with pytest.raises(Invalid) as error:
        save("discord://012345678901234567/AbCdEfGhIjKlMnOpQrStUvWxYz", "apprise")
    assert "does not allow Discord" in address_field(error)


@pytest.mark.parametrize(
    "parameter",
    [
        "verify=no", "redirect=yes", "cto=9999", "rto=9999", "retry=9", "wait=999", "store=yes", "VERIFY=no",
        "template=/etc/passwd", "template=http://127.0.0.1/", "pgpprv=/etc/passwd", "attach=/etc/passwd", "%76erify=no",
        "format=text;verify=no", "format=text&verify=no", "%2BHost=inside.example", "%2Btransfer-encoding=chunked",
        "%2BContent-Length=1",
    ],
)  # fmt: skip
def test_parameters_that_would_loosen_anything_are_refused(
    parameter: str, save: Callable[..., Channel], resolver: Resolver
) -> None:
    resolver.names["example.org"] = [[PUBLIC]]
    for address in (
        f"jsons://example.org/?{parameter}",
        f"discord://012345678901234567/AbCdEfGhIjKlMnOpQr/?{parameter}",
    ):
        with pytest.raises(Invalid) as error:
            save(address, "apprise")
        assert "is not used here" in address_field(error)


# --- time and size ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("reach_here")
@pytest.mark.parametrize(("text", "type_"), [("http://127.0.0.1:{}/", "webhook"), ("json://127.0.0.1:{}/", "apprise")])
def test_a_target_that_drips_is_left_when_its_time_is_over(
    text: str, type_: str, alice: User, save: Callable[..., Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.notifications.guard.ATTEMPT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:  # takes connections, and answers nothing
        save(text.format(listener.getsockname()[1]), type_)
        delivery = send_one(alice)
    assert "127.0.0.1 did not answer in time" in delivery.problem


def test_nothing_leaves_outside_an_attempt() -> None:
    with pytest.raises(RuntimeError):
        door.guard.http.post("https://example.org/")


def test_the_clock_of_a_signature_is_that_of_the_try(
    alice: User, reach_here: None, save: Callable[..., Channel], receiver: Receiver
) -> None:
    save(receiver.url())
    with time_machine.travel(timezone.now(), tick=False) as clock:
        receiver.answers = [(500, {}), (200, {})]
        send_one(alice)
        clock.shift(61)
        services.send_due()
    first, second = (int(request.headers["BotBalance-Timestamp"]) for request in receiver.requests)
    assert second - first == 61
