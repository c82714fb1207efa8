"""Is my money all right: the verdict on what is known, worst news first. Pure.

`judge` makes findings of facts; what a finding says and what to do about it are sentences that are translated where
they are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

# A rebalance that failed is recent news for so long.
RECENT = timedelta(hours=24)
# What was last tried longer ago says nothing about now.
FAILING_SECONDS = 60
BY_HAND = "stopped_by_hand"


class Level(StrEnum):
    """How bad it is: `ok` asks for nothing, `warn` wants to be looked at, `bad` keeps the money from being minded."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


class Switch(StrEnum):
    """How an autopilot stands."""

    OFF = "off"
    ON = "on"
    HELD = "held"
    PAUSED = "paused"


class Standstill(StrEnum):
    """Why nothing is sent to the exchange for a time."""

    BANNED = "banned"
    SLOWED = "slowed"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Because:
    """A code with the values of its sentence: how an autopilot was held, or why it has paused."""

    code: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """An exchange account. `venue`: PAPER, TESTNET or LIVE, "" where it can trade nowhere. `state` as its row has it.

    Of its newest rebalance: its number (0: there was none), whether it is under way, what holds it up, whether it
    failed, and when it ended.
    """

    id: int
    label: str
    venue: str
    state: str = "ok"
    state_reason: str = ""
    run: int = 0
    run_is_active: bool = False
    run_problem: str = ""
    run_failed: bool = False
    run_ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AutopilotFacts:
    """An autopilot that is on, or paused. `because`: what holds it, why it has paused, or how its last look failed."""

    strategy: int
    name: str
    account: str
    switch: Switch
    because: Because | None = None
    is_late: bool = False
    has_failed: bool = False
    failures_in_a_row: int = 0
    last_look_at: datetime | None = None
    next_look_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What holds for everybody. `standstill_until` is None where nobody can say.

    `prices_at` is when the exchange last gave prices, by venue; `prices_failed_at` when it last gave none, where none
    have come since.
    """

    venue: str
    trading_enabled: bool = True
    standstill: Standstill | None = None
    standstill_until: datetime | None = None
    prices_at: Mapping[str, datetime] = field(default_factory=dict)
    prices_failed_at: Mapping[str, datetime] = field(default_factory=dict)
    oldest_price_seconds: int = 60


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the status bar goes by. `can_be_told`: whether news reaches the user while no page is open; None where
    nobody knows.
    """

    at: datetime
    server: ServerFacts
    accounts: tuple[AccountFacts, ...] = ()
    autopilots: tuple[AutopilotFacts, ...] = ()
    is_suspended: bool = False
    can_be_told: bool | None = None

    @property
    def last_look_at(self) -> datetime | None:
        return max((one.last_look_at for one in self.autopilots if one.last_look_at), default=None)

    @property
    def next_look_at(self) -> datetime | None:
        return min((one.next_look_at for one in self.autopilots if one.next_look_at), default=None)

    @property
    def venues(self) -> tuple[str, ...]:
        """Where the user's accounts trade, real money first; the server's own where there are none."""
        found = {account.venue for account in self.accounts if account.venue}
        return tuple(name for name in ("LIVE", "TESTNET", "PAPER") if name in found) or (self.server.venue,)

    def count(self, switch: Switch) -> int:
        return sum(one.switch == switch for one in self.autopilots)


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of news: a code of FINDINGS, and the account, strategy or rebalance that it is about."""

    code: str
    level: Level
    about: int = 0
    values: Mapping[str, str] = field(default_factory=dict)
    because: Because | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The worst level, and all findings, the worst first."""

    level: Level
    findings: tuple[Finding, ...]


def judge(facts: Facts) -> Verdict:
    """What there is to say about these facts; no findings: everything is all right."""
    found = [*_of_server(facts), *_of_accounts(facts), *_of_autopilots(facts)]
    if facts.can_be_told is False and any(one.switch == Switch.ON for one in facts.autopilots):
        found.append(Finding("cannot_be_told", Level.WARN))
    order = [Level.BAD, Level.WARN, Level.OK]
    found.sort(key=lambda finding: order.index(finding.level))  # stable: what was found first stays first
    return Verdict(found[0].level if found else Level.OK, tuple(found))


def _of_server(facts: Facts) -> list[Finding]:
    server, found = facts.server, []
    if facts.is_suspended:
        found.append(Finding("suspended", Level.BAD))
    if not server.trading_enabled:
        found.append(Finding("trading_off", Level.BAD))
    if server.standstill is not None:
        level = Level.WARN if server.standstill == Standstill.SLOWED else Level.BAD
        found.append(Finding(server.standstill.value, level, until=server.standstill_until))
    for venue in facts.venues:
        failed, known = server.prices_failed_at.get(venue), server.prices_at.get(venue)
        if failed is None or facts.at - failed > timedelta(seconds=FAILING_SECONDS):
            continue
        if known is None:
            found.append(Finding("no_prices", Level.WARN, values={"venue": venue}))
        elif facts.at - known > timedelta(seconds=server.oldest_price_seconds):
            age = (facts.at - known) // timedelta(seconds=1)
            found.append(Finding("old_prices", Level.WARN, values={"venue": venue, "age": str(age)}))
    return found


def _of_accounts(facts: Facts) -> list[Finding]:
    found = []
    for account in facts.accounts:
        named = {"account": account.label, "reason": account.state_reason}
        if account.state in ("refused", "paused"):
            found.append(Finding(f"account_{account.state}", Level.BAD, account.id, named))
        elif not account.venue:
            found.append(Finding("account_nowhere", Level.WARN, account.id, named))
        told = {**named, "problem": account.run_problem}
        if account.run_is_active and account.run_problem:
            found.append(Finding("run_problem", Level.WARN, account.run, told))
        if account.run_failed and account.run_ended_at is not None and facts.at - account.run_ended_at < RECENT:
            found.append(Finding("run_failed", Level.WARN, account.run, told))
    return found


def _of_autopilots(facts: Facts) -> list[Finding]:
    found = []
    for one in facts.autopilots:
        named = {"strategy": one.name, "count": str(one.failures_in_a_row)}
        if one.is_late:
            found.append(Finding("not_looking", Level.BAD, one.strategy, named))
        if one.switch == Switch.PAUSED:
            by_hand = one.because is not None and one.because.code == BY_HAND
            level = Level.WARN if by_hand else Level.BAD
            found.append(Finding("autopilot_paused", level, one.strategy, named, one.because))
        elif one.switch == Switch.HELD and not _is_said(one.because, found, facts):
            found.append(Finding("autopilot_held", Level.WARN, one.strategy, named, one.because))
        elif one.has_failed:
            found.append(Finding("autopilot_failing", Level.WARN, one.strategy, named, one.because))
    return found


# What holds an autopilot, and is said once for all of them.
_SAID = frozenset({"trading_off", "user_suspended", "account_not_ready", "credentials_refused"})


def _is_said(because: Because | None, found: list[Finding], facts: Facts) -> bool:
    """Whether another finding says already what holds an autopilot."""
    if because is None or because.code not in _SAID:
        return False
    return (
        facts.is_suspended
        or not facts.server.trading_enabled
        or any(account.state in ("refused", "paused") for account in facts.accounts)
    )


def _(sentence: str) -> str:
    """Mark a sentence for translation; it is translated where it is shown, since a pure module knows no language."""
    return sentence


# What a finding says. `{because}` is the sentence of its reason, `{until}` the time it ends.
FINDINGS: dict[str, str] = {
    "suspended": _(
        "Your account is suspended: you can look, but nothing trades for you. Ask whoever runs this server."
    ),
    "trading_off": _("Trading is switched off on this server: nothing is sent to the exchange."),
    "banned": _("The exchange has banned this server's address; nothing is sent to it until {until}."),
    "slowed": _("The exchange asked this server to slow down; nothing is sent to it until {until}."),
    "unreadable": _("The ledger of exchange traffic cannot be read; nothing is sent to the exchange until it can."),
    "no_prices": _("{venue}: the exchange gives no prices, and nothing is traded without them."),
    "old_prices": _("{venue}: the exchange gives no new prices; the last are {age} s old. Nothing is traded on them."),
    "account_refused": _("{account}: the exchange refuses the API key. {reason}"),
    "account_paused": _("{account}: whoever runs this server has paused this account. {reason}"),
    "account_nowhere": _("{account}: it can trade nowhere with this server's settings."),
    "run_problem": _("{account}: a rebalance is held up. {problem} It is tried again."),
    "run_failed": _("{account}: the last rebalance could not do what it was to do."),
    "not_looking": _("{strategy}: its autopilot should have looked by now. The server's background work stands still."),
    "autopilot_paused": _("{strategy}: its autopilot is paused. {because}"),
    "autopilot_held": _("{strategy}: its autopilot is held back. {because}"),
    "autopilot_failing": _("{strategy}: its last look failed. {because}"),
    "cannot_be_told": _("Nothing reaches you while no page is open: no way to tell you is set up."),
}

# What to do about it, and where: a name of an address and whether it takes the number of what the finding is about.
REMEDIES: dict[str, tuple[str, str, bool]] = {
    "suspended": ("", "", False),
    "trading_off": (_("Open orders"), "orders:list", False),
    "banned": (_("It goes on by itself."), "", False),
    "slowed": (_("It goes on by itself."), "", False),
    "unreadable": (_("Tell whoever runs this server."), "", False),
    "no_prices": (_("It goes on by itself."), "", False),
    "old_prices": (_("It goes on by itself."), "", False),
    "account_refused": (_("Mend the key"), "exchanges:list", False),
    "account_paused": (_("Exchange accounts"), "exchanges:list", False),
    "account_nowhere": (_("Exchange accounts"), "exchanges:list", False),
    "run_problem": (_("Watch the rebalance"), "orders:run", True),
    "run_failed": (_("See why"), "orders:run", True),
    "not_looking": (_("Tell whoever runs this server."), "orders:autopilot", True),
    "autopilot_paused": (_("Let it go on"), "orders:autopilot", True),
    "autopilot_held": (_("Look at it"), "orders:autopilot", True),
    "autopilot_failing": (_("Look at it"), "orders:autopilot", True),
    "cannot_be_told": (_("Set one up"), "notifications:overview", False),
}
