"""The status bar in words and addresses, in the reader's language."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext, ngettext

from botbalance.lib.moments import clock_time
from botbalance.lib.numbers import in_words
from botbalance.status.domain import FINDINGS, REMEDIES, AutopilotFacts, Facts, Finding, Level, Switch, Verdict, judge
from orders import presentation, telling
from orders.outlook import Reason, State


@dataclass(frozen=True, slots=True)
class Said:
    """A finding in words; `brief` leaves out its reason, which may be long and somebody else's. `address`: where
    something can be done about it, "" where nothing can.
    """

    code: str
    level: Level
    text: str
    brief: str
    remedy: str
    address: str


@dataclass(frozen=True, slots=True)
class Bar:
    """The status bar as it is shown."""

    facts: Facts
    verdict: Verdict
    sentence: str
    brief: str
    autopilot: str
    said: Sequence[Said]

    @property
    def level(self) -> Level:
        return self.verdict.level

    @property
    def first(self) -> Said | None:
        return self.said[0] if self.said else None


def bar_of(facts: Facts) -> Bar:
    """What the bar says of these facts."""
    verdict = judge(facts)
    said = [_said(finding) for finding in verdict.findings]
    all_well = gettext("Everything is all right.") if facts.accounts else gettext("No account is connected yet.")
    sentence, brief = (said[0].text, said[0].brief) if said else (all_well, all_well)
    return Bar(facts, verdict, sentence, brief, autopilots(facts), said)


def _said(finding: Finding) -> Said:
    values = {
        **finding.values,
        "age": in_words(finding.values).get("age", ""),
        "problem": presentation.translated(finding.values.get("problem", "")),
        "because": sentence(finding.because.code, dict(finding.because.values)) if finding.because else "",
        "until": clock_time(finding.until) if finding.until else "",
    }
    pattern = gettext(FINDINGS[finding.code])
    text, brief = pattern.format(**values), pattern.format(**values | {"reason": "", "because": "", "problem": ""})
    remedy, name, takes_number = REMEDIES[finding.code]
    address = _address(name, [finding.about] if takes_number else [])
    text, brief = (" ".join(one.split()) for one in (text, brief))
    return Said(finding.code, finding.level, text, brief, gettext(remedy) if remedy else "", address)


def sentence(code: str, values: dict[str, str]) -> str:
    return telling.sentence(Reason(code, values))


def _address(name: str, numbers: list[int]) -> str:
    try:
        return reverse(name, args=numbers) if name else ""
    except NoReverseMatch:  # a site of fewer apps, as their own tests have it
        return ""


def autopilots(facts: Facts) -> str:
    """All autopilots in a few words: on; off; 2 on, 1 paused."""
    on, held, paused = (facts.count(switch) for switch in (Switch.ON, Switch.HELD, Switch.PAUSED))
    if len(facts.autopilots) == 1:
        state = telling.STATE_WORDS[State(facts.autopilots[0].switch)]
        return gettext("Autopilot %(state)s") % {"state": state.label}
    if not facts.autopilots:
        return gettext("Autopilot off")
    parts = [
        text % {"count": count}
        for count, text in (
            (on, gettext("%(count)s on")),
            (held, gettext("%(count)s held back")),
            (paused, gettext("%(count)s paused")),
        )
        if count
    ]
    total = ngettext("%(count)s autopilot", "%(count)s autopilots", len(facts.autopilots)) % {
        "count": len(facts.autopilots)
    }
    return f"{total}: {', '.join(parts)}"


def why(one: AutopilotFacts) -> str:
    """Why an autopilot is held, has paused or has failed; "" where all is well."""
    return sentence(one.because.code, dict(one.because.values)) if one.because else ""


def soon(moment: datetime | None) -> str:
    return telling.upcoming(moment) if moment else ""
