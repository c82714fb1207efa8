"""What the exchange says of an account's key, check by check, for the person who has just typed it.

A verdict has an end: no check begins after BEGIN_SECONDS, and one that hangs ends with its timeouts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from botbalance.lib.clock import now_ms
from botbalance.lib.errors import AppError
from exchanges.errors import Unavailable

# No further question is put after so long; together with the timeouts of the last one a verdict takes half a minute.
BEGIN_SECONDS = 20
CONNECT_SECONDS, READ_SECONDS = 3, 5
# A read that failed is not tried again after so long.
TRY_SECONDS = 5

OK, BAD, WARNING, UNKNOWN = "ok", "bad", "warning", "unknown"


def _names() -> dict[str, str]:
    """The checks in their order."""
    return {
        "format": _("Form of the key"),
        "clock": _("Exchange reached, clocks agree"),
        "signature": _("Key and signature accepted"),
        "balances": _("Balances read"),
        "trading": _("Spot trading allowed"),
        "withdrawals": _("Withdrawals off"),
        "addresses": _("Bound to trusted addresses"),
    }


@dataclass(slots=True)
class Check:
    """One thing that was looked at. `text` says more, where there is more to say."""

    name: str
    state: str
    text: str = ""

    @property
    def title(self) -> str:
        return _names()[self.name]


@dataclass(slots=True)
class Verdict:
    """What was found so far; what comes after a failure was not asked."""

    found: dict[str, Check] = field(default_factory=dict)
    began_ms: int = field(default_factory=now_ms)

    def say(self, name: str, state: str = OK, text: str = "") -> None:
        self.found[name] = Check(name, state, text)

    @contextmanager
    def asking(self, name: str) -> Iterator[None]:
        """A question to the exchange: right when nothing is raised inside, and what is raised is the answer."""
        if now_ms() - self.began_ms > BEGIN_SECONDS * 1000:
            error = Unavailable(_("The exchange answers too slowly. Nothing is known of the rest; try again."))
            self.say(name, BAD, error.message)
            raise error
        try:
            yield
        except AppError as error:
            self.say(name, BAD, error.message)
            raise
        self.say(name)

    @property
    def checks(self) -> list[Check]:
        """Every check, also those that were not made."""
        unknown = _("not checked")
        return [self.found.get(name) or Check(name, UNKNOWN, unknown) for name in _names()]

    @property
    def is_good(self) -> bool:
        return bool(self.found) and not any(check.state == BAD for check in self.found.values())

    def as_json(self) -> list[list[str]]:
        """To be shown by the next page."""
        return [[check.name, check.state, check.text] for check in self.found.values()]

    @classmethod
    def from_json(cls, rows: Any) -> "Verdict":
        verdict = cls()
        for name, state, text in rows:
            if name in _names():
                verdict.say(name, state, text)
        return verdict
