"""The first visitor of a server without users makes its superadmin. Who may: somebody at this very machine, or somebody
who has read the set-up code where the server prints it.
"""

import ipaddress
from base64 import b32encode

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac

CODE_CHARACTERS = 20
GROUP = 5
# Put in by proxies and tunnels: whoever is behind one is not at this machine, though the connection is.
FORWARDING = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA")
OWN_NAMES = ("localhost", "127.0.0.1", "[::1]")


def code() -> str:
    """The set-up code: 100 bits that follow from SECRET_KEY, so that every process knows it and none keeps it."""
    digest = salted_hmac("accounts.first_visit", "set-up code", algorithm="sha256").digest()
    letters = b32encode(digest).decode()[:CODE_CHARACTERS]
    return "-".join(letters[start : start + GROUP] for start in range(0, CODE_CHARACTERS, GROUP))


def is_code(typed: str) -> bool:
    """Whether this is the code, however it is spaced and in whatever case."""
    return constant_time_compare(_letters(typed), _letters(code()))


def _letters(text: str) -> str:
    return "".join(letter for letter in text.upper() if letter.isalnum())


def is_at_this_machine(request: HttpRequest) -> bool:
    """Whether the request comes from this machine itself, and not through a proxy that runs on it.

    The name that was asked for counts too: a page elsewhere may point a name of its own at 127.0.0.1.
    """
    if settings.BEHIND_PROXY or any(name in request.META for name in FORWARDING):
        return False
    try:
        is_loopback = ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
    host = request.get_host()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return is_loopback and name in OWN_NAMES
