"""Is my money all right: what the status bar makes of what is known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from botbalance.status.domain import (
    FINDINGS,
    REMEDIES,
    AccountFacts,
    AutopilotFacts,
    Because,
    Facts,
    Level,
    ServerFacts,
    Standstill,
    Switch,
    judge,
)

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SERVER = ServerFacts("PAPER")
ACCOUNT = AccountFacts(7, "Main", "PAPER")
AUTOPILOT = AutopilotFacts(3, "Targets", "Main", Switch.ON)
FACTS = Facts(NOW, SERVER, (ACCOUNT,), (AUTOPILOT,))


def codes(facts: Facts) -> list[tuple[str, str]]:
    return [(finding.code, finding.level.value) for finding in judge(facts).findings]


def with_account(**values: object) -> Facts:
    return replace(FACTS, accounts=(replace(ACCOUNT, **values),))  # type: ignore[arg-type]


def with_autopilot(**values: object) -> Facts:
    return replace(FACTS, autopilots=(replace(AUTOPILOT, **values),))  # type: ignore[arg-type]


def with_server(**values: object) -> Facts:
    return replace(FACTS, server=replace(SERVER, **values))  # type: ignore[arg-type]


def test_nothing_to_say_is_everything_all_right() -> None:
    assert judge(FACTS).level == Level.OK
    assert judge(FACTS).findings == ()


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (replace(FACTS, is_suspended=True), [("suspended", "bad")]),
        (with_server(trading_enabled=False), [("trading_off", "bad")]),
        (with_server(standstill=Standstill.BANNED, standstill_until=NOW), [("banned", "bad")]),
        (with_server(standstill=Standstill.UNREADABLE), [("unreadable", "bad")]),
        (with_server(standstill=Standstill.SLOWED, standstill_until=NOW), [("slowed", "warn")]),
        (with_account(state="refused"), [("account_refused", "bad")]),
        (with_account(state="paused"), [("account_paused", "bad")]),
        (with_account(state="unchecked"), []),
        (with_account(venue=""), [("account_nowhere", "warn")]),
        (with_account(run=9, run_is_active=True), []),
        (with_account(run=9, run_is_active=True, run_problem="The exchange is away."), [("run_problem", "warn")]),
        (with_account(run=9, run_failed=True, run_ended_at=NOW - timedelta(hours=1)), [("run_failed", "warn")]),
        (with_account(run=9, run_failed=True, run_ended_at=NOW - timedelta(days=2)), []),
        (with_autopilot(switch=Switch.OFF), []),
        (with_autopilot(is_late=True), [("not_looking", "bad")]),
        (with_autopilot(switch=Switch.PAUSED, because=Because("repeated_failures")), [("autopilot_paused", "bad")]),
        (with_autopilot(switch=Switch.PAUSED, because=Because("stopped_by_hand")), [("autopilot_paused", "warn")]),
        (with_autopilot(switch=Switch.HELD, because=Because("price_stale")), [("autopilot_held", "warn")]),
        (with_autopilot(has_failed=True, because=Because("failed")), [("autopilot_failing", "warn")]),
        (replace(FACTS, can_be_told=False), [("cannot_be_told", "warn")]),
        (replace(FACTS, can_be_told=False, autopilots=()), []),
        (replace(FACTS, can_be_told=None), []),
    ],
)
def test_each_fact_has_its_finding_and_its_level(facts: Facts, found: list[tuple[str, str]]) -> None:
    assert codes(facts) == found
    assert judge(facts).level == (Level(found[0][1]) if found else Level.OK)


def test_prices_are_old_only_where_the_exchange_was_asked_in_vain() -> None:
    minute = timedelta(minutes=1)
    old = {"PAPER": NOW - 5 * minute}
    assert codes(with_server(prices_at=old)) == [], "nobody has asked since"
    failing = with_server(prices_at=old, prices_failed_at={"PAPER": NOW})
    assert codes(failing) == [("old_prices", "warn")]
    assert judge(failing).findings[0].values == {"venue": "PAPER", "age": "300"}
    assert codes(with_server(prices_at={"PAPER": NOW - minute}, prices_failed_at={"PAPER": NOW})) == []
    assert codes(with_server(prices_failed_at={"PAPER": NOW})) == [("no_prices", "warn")]
    assert codes(with_server(prices_failed_at={"PAPER": NOW - 10 * minute})) == [], "that was long ago"
    assert codes(with_server(prices_failed_at={"LIVE": NOW})) == [], "no account of theirs trades there"


def test_the_worst_is_said_first() -> None:
    facts = replace(
        with_autopilot(switch=Switch.HELD, because=Because("price_jump")),
        server=replace(SERVER, trading_enabled=False),
        accounts=(replace(ACCOUNT, run=9, run_is_active=True, run_problem="Away."), replace(ACCOUNT, state="refused")),
    )
    assert [level for _code, level in codes(facts)] == ["bad", "bad", "warn", "warn"]


def test_what_holds_everybody_is_said_once() -> None:
    held = tuple(replace(AUTOPILOT, strategy=n, switch=Switch.HELD, because=Because("trading_off")) for n in (1, 2))
    facts = replace(FACTS, autopilots=held, server=replace(SERVER, trading_enabled=False))
    assert codes(facts) == [("trading_off", "bad")]


def test_looks_of_several_autopilots_are_summed_up() -> None:
    first = replace(AUTOPILOT, last_look_at=NOW - timedelta(seconds=20), next_look_at=NOW + timedelta(seconds=10))
    second = replace(AUTOPILOT, last_look_at=NOW - timedelta(seconds=5), next_look_at=NOW + timedelta(seconds=25))
    facts = replace(FACTS, autopilots=(first, second))
    assert facts.last_look_at == second.last_look_at
    assert facts.next_look_at == first.next_look_at
    assert facts.count(Switch.ON) == 2


@pytest.mark.parametrize(
    ("venues", "said"), [((), ("PAPER",)), (("PAPER", "LIVE"), ("LIVE", "PAPER")), (("TESTNET", ""), ("TESTNET",))]
)
def test_real_money_is_named_first(venues: tuple[str, ...], said: tuple[str, ...]) -> None:
    assert replace(FACTS, accounts=tuple(replace(ACCOUNT, venue=venue) for venue in venues)).venues == said


def test_every_finding_has_a_sentence_and_a_remedy() -> None:
    assert FINDINGS.keys() == REMEDIES.keys()
