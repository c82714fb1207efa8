"""What is decided about a notification without looking at anything: addresses, signatures, quiet hours, pauses."""

import hmac
import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo

# How long a delivery waits after each failure; after the last one it is not tried again.
PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    None,
)
# What has failed so often stands behind what else waits for its channel: it may be the message that is not taken.
PATIENCE = 2
# So long after it happened nobody wants to know any more. Quiet hours and what waits before it can make it that late.
LONGEST_WAY = timedelta(days=2)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# The standard library's lists do not have these, or count some of their addresses as global.
_NOT_PUBLIC: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "100.64.0.0/10",  # carrier-grade NAT
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays, abolished
        "198.18.0.0/15",  # benchmarks
        "240.0.0.0/4",  # reserved, and broadcast
        "64:ff9b:1::/48",  # NAT64 of a network of one's own
        "100::/64",  # discarded
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local, abolished
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_TRANSLATED = ipaddress.IPv6Network("::ffff:0:0:0/96")

# Below 1024 only what speaks HTTP, or takes mail from those who have an account there. Not 25: what listens there takes
# mail from anybody, and would take from this server what somebody else is made to seem to write.
LOW_PORTS = frozenset({80, 443, 465, 587})


def is_public(address: Address) -> bool:
    """Whether an address belongs to the open Internet; also the IPv4 address that an IPv6 address stands for must."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = _embedded(address)
        if inner is not None:
            return is_public(inner)
    if any(address in network for network in _NOT_PUBLIC if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved and not address.is_unspecified


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this one end up at, by mapping, 6to4 or translation."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if any(address in network for network in (_NAT64, _COMPATIBLE, _TRANSLATED)):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def is_among(address: Address, networks: Sequence[Network]) -> bool:
    """Whether an address, or the IPv4 address that it is mapped to, is in one of these networks."""
    inner = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return any(one in network for network in networks for one in (address, inner) if one is not None)


def is_port_allowed(port: int) -> bool:
    return port in LOW_PORTS or 1024 <= port <= 65535


# --- Webhooks --------------------------------------------------------------------------------------------


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """HMAC-SHA256 over `timestamp.body` in hexadecimal. `timestamp`: UTC seconds."""
    return hmac.digest(secret.encode(), f"{timestamp}.".encode() + body, "sha256").hex()


# --- Trying again ----------------------------------------------------------------------------------------


def next_try(tries: int, at: datetime, now: datetime) -> datetime | None:
    """When a delivery of what happened at `at` is tried again that has failed `tries` times; None: never."""
    pause = PAUSES[tries - 1]
    return now + pause if pause is not None and now + pause - at <= LONGEST_WAY else None


# --- Quiet hours -----------------------------------------------------------------------------------------


def quiet_until(now: datetime, begins: time | None, ends: time | None, zone: tzinfo) -> datetime | None:
    """When the quiet hours end that `now` lies in, None outside them. They may go over midnight, and end before they
    begin again; the same time twice is none at all.
    """
    if begins is None or ends is None or begins == ends:
        return None
    here = now.astimezone(zone)
    for days in (-1, 0):
        first = datetime.combine(here.date() + timedelta(days=days), begins, zone)
        last = datetime.combine(first.date() + timedelta(days=int(ends < begins)), ends, zone)
        # In UTC: two times of one zone are compared as a clock on the wall shows them, wrong where it has been moved.
        if first.astimezone(UTC) <= now.astimezone(UTC) < last.astimezone(UTC):
            return last.astimezone(UTC)
    return None
