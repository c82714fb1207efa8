"""What the environment says of notifications. A wrong word stops the start, and is not left out in silence."""

import ipaddress

from django.core.exceptions import ImproperlyConfigured

from accounts.notifications.catalogue import SERVICES
from accounts.notifications.domain import Network
from botbalance.environment import env, is_host


def targets(name: str) -> tuple[frozenset[str], tuple[Network, ...]]:
    """Hosts and networks that may be reached though they are not of the open Internet."""
    hosts: set[str] = set()
    networks: list[Network] = []
    for word in (word.strip().lower() for word in env.list(name, default=[])):
        try:
            networks.append(ipaddress.ip_network(word))
        except ValueError:
            if not is_host(word) or "/" in word:
                raise ImproperlyConfigured(
                    f"{name} has {word!r}; each must be a host, or a network such as 10.0.0.0/8."
                ) from None
            hosts.add(word)
    return frozenset(hosts), tuple(networks)


def schemas(name: str) -> frozenset[str]:
    """The services of Apprise that users may name; nothing set: all that are known."""
    chosen = frozenset(word.strip().lower() for word in env.list(name, default=[])) or frozenset(SERVICES)
    unknown = sorted(chosen - frozenset(SERVICES))
    if unknown:
        raise ImproperlyConfigured(f"{name} has {unknown[0]!r}; known are {', '.join(sorted(SERVICES))}.")
    return chosen
