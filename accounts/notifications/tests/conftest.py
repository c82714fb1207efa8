import ipaddress
import socket
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from accounts.notifications.tests.receivers import Mailbox, Receiver, Resolver, mail_receiver, web_receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A web server of this machine."""
    with web_receiver() as running:
        yield running


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server of this machine."""
    with mail_receiver() as running:
        yield running


@pytest.fixture
def reach_here(settings: Settings) -> None:
    """The operator lets notifications go to this machine."""
    settings.NOTIFY_ALLOWED_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    """resolver.names["evil.example"] = [["10.0.0.1"]]: where names lead."""
    fake = Resolver(socket.getaddrinfo)
    monkeypatch.setattr(socket, "getaddrinfo", fake)
    return fake
