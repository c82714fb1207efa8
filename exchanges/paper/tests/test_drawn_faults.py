"""Faults drawn by lot: the same for the same seed, in the shares that were asked for, and told by kind."""

import json
import signal
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from exchanges.paper import services
from exchanges.paper.drawn_faults import NOT_FOUND_YET, OUT_OF_ORDER, Drawn, DrawnPlan, Lot
from exchanges.paper.faults import KINDS, Fault, Outcome
from exchanges.paper.tests.serving import serving
from exchanges.paper.tests.support import DATABASES, Client
from exchanges.paper.wire import Answer, RawRequest, answer

LOT = Lot(seed=7, writes=150, asks=100, reads=30, timeout_ms=500)
ALWAYS = {"seed": 1, "writes": 1000, "asks": 1000, "reads": 1000, "timeout_ms": 50}


def drawn(lot: Lot, group: str, count: int) -> list[str]:
    return [fault.kind if (fault := lot.draw(group, number)) else "" for number in range(count)]


def test_the_same_seed_draws_the_same_and_another_seed_does_not() -> None:
    assert drawn(LOT, "writes", 500) == drawn(LOT, "writes", 500)
    other = Lot(8, 150, 100, 30, 500)
    assert drawn(LOT, "writes", 500) != drawn(other, "writes", 500)


@pytest.mark.parametrize(("group", "share"), [("writes", 150), ("asks", 100), ("reads", 30)])
def test_as_many_fail_as_were_asked_for(group: str, share: int) -> None:
    failed = sum(1 for kind in drawn(LOT, group, 10_000) if kind)
    assert share * 8 <= failed <= share * 12


def test_every_kind_of_failure_is_drawn_and_nothing_that_would_place_an_order_twice() -> None:
    kinds = Counter(kind for group in ("writes", "asks", "reads") for kind in drawn(LOT, group, 20_000) if kind)
    assert set(kinds) >= {
        "reset_before", "reset_after", "lost_before", "lost_after", "error_before", "error_after", "slow", "truncated",
        "cut_short", "html", "duplicate_answer", "throttled", "banned", "clock_skew",
    }  # fmt: skip
    assert set(kinds) - KINDS == {"late_answer", OUT_OF_ORDER, NOT_FOUND_YET}
    # The network delivers a request twice: whether that makes two orders is not the client's fault.
    assert "duplicate" not in kinds


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("[", "it is not JSON"),
        ("{}", "whole numbers seed, writes, asks, reads, timeout_ms"),
        (json.dumps({**ALWAYS, "more": 1}), "whole numbers"),
        (json.dumps({**ALWAYS, "seed": "1"}), "whole numbers"),
        (json.dumps({**ALWAYS, "asks": True}), "whole numbers"),
        (json.dumps({**ALWAYS, "asks": 1001}), "of a thousand"),
        (json.dumps({**ALWAYS, "timeout_ms": 1}), "timeout_ms is from 10"),
    ],
)
def test_a_lot_that_makes_no_sense_is_refused_in_a_sentence(given: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Lot.parse(given)


# --- at work ---------------------------------------------------------------------------------------------


class Exchange:
    """Answers with how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> Answer:
        self.asked += 1
        return answer({"asked": self.asked})


def request(method: str, path: str, **parameters: str) -> RawRequest:
    query = urlencode({**parameters, "timestamp": "1", "signature": "s"}).encode()
    return RawRequest(method, path, b"" if method == "POST" else query, query if method == "POST" else b"")


class OnlyKind(Lot):
    """A lot in which every request draws one kind, but for the first of those that ask."""

    __slots__ = ("kind",)

    def draw(self, group: str, number: int) -> Any:
        if group == "asks" and number == 1:
            return None
        draws = (super(OnlyKind, self).draw(table, n) for table in ("writes", "asks") for n in range(1_000))
        return next(found for found in draws if found is not None and found.kind == self.kind)


def only(kind: str, **lot: int) -> DrawnPlan:
    made = OnlyKind(**{**ALWAYS, **lot})
    object.__setattr__(made, "kind", kind)
    return DrawnPlan(made)


def test_an_order_that_is_not_found_yet_was_placed_and_is_found_later() -> None:
    exchange, plan = Exchange(), only(NOT_FOUND_YET)
    met = plan.outcome(request("POST", "/api/v3/order", newClientOrderId="one"), exchange)
    assert (met.failure, exchange.asked) == ("reset", 1)

    def asked(client_id: str) -> Outcome:
        return plan.outcome(request("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId=client_id), exchange)

    first = asked("one")
    assert first.answer is not None
    assert first.answer.json()["code"] == -2013
    assert exchange.asked == 1
    plan.is_on = False  # the drill is over: it can be found
    found = asked("one")
    assert found.answer is not None
    assert found.answer.json() == {"asked": 2}
    assert plan.happened == {NOT_FOUND_YET: 1, "not_found": 1}


class OneBan(Lot):
    """A lot in which the first request of all that read meets a ban of three seconds, and nothing else happens."""

    def draw(self, group: str, number: int) -> Drawn | None:
        return Drawn("banned", Fault("banned", seconds=3)) if (group, number) == ("reads", 1) else None


def test_requests_in_a_ban_are_counted_once_everybody_can_know_of_it_and_until_it_is_about_to_end() -> None:
    moments = iter([0, 0, 1_499, 1_500, 2_699, 2_700, 4_000])
    exchange, plan = Exchange(), DrawnPlan(OneBan(**ALWAYS), clock=lambda: next(moments))
    for _request in range(6):
        plan.outcome(request("GET", "/api/v3/account"), exchange)
    assert plan.happened == {"banned": 1, "bans": [{"since_ms": 0, "until_ms": 3_000, "requests": 2}]}


def test_an_answer_out_of_order_is_the_one_that_the_same_question_got_before() -> None:
    exchange = Exchange()
    plan = only(OUT_OF_ORDER)
    one = request("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="one")
    plan.outcome(one, exchange)
    later = RawRequest("GET", "/api/v3/order", one.query.replace(b"timestamp=1", b"timestamp=2"))
    older = plan.outcome(later, exchange)
    assert older.answer is not None
    assert older.answer.json() == {"asked": 1}
    other = plan.outcome(request("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="two"), exchange)
    assert other.answer is not None
    assert other.answer.json() == {"asked": 2}
    assert plan.happened == {OUT_OF_ORDER: 1}


@pytest.mark.django_db(transaction=True, databases=DATABASES)
def test_an_answer_that_comes_again_is_taken_for_that_of_the_next_request(tmp_path: Path) -> None:
    def begins_so(seed: int) -> bool:
        lot = Lot(**{**given, "seed": seed})
        first, second = lot.draw("reads", 1), lot.draw("reads", 2)
        return first is not None and first.kind == "duplicate_answer" and first.fault.seconds > 1 and second is None

    given = {**ALWAYS, "reads": 500, "timeout_ms": 3_000}
    seed = next(number for number in range(10_000) if begins_so(number))
    with serving(tmp_path, "--faults", json.dumps({**given, "seed": seed})) as server, requests.Session() as session:
        first, second = (session.get(f"{server.url}/api/v3/{path}", timeout=5) for path in ("time", "ping"))
        assert "serverTime" in first.json()
        assert second.json() == first.json()


@pytest.mark.django_db(transaction=True, databases=DATABASES)
def test_a_server_lets_them_rest_at_a_signal_and_tells_what_has_happened(tmp_path: Path) -> None:
    with serving(tmp_path, "--faults", json.dumps(ALWAYS)) as server:
        client = Client(services.open_account("drawn", {"USDT": Decimal(10_000)}), server.url)

        def fails() -> bool:
            try:
                given = client.session.get(f"{server.url}/api/v3/time", timeout=5)
                return given.status_code != 200 or "serverTime" not in given.json()
            except (requests.RequestException, ValueError):
                return True

        def toggle() -> tuple[str, dict[str, Any]]:
            server.process.send_signal(signal.SIGUSR1)
            assert server.process.stdout is not None
            state, _, happened = server.process.stdout.readline().partition(": ")
            return state, json.loads(happened)

        failures = sum(fails() for _request in range(30))
        assert failures > 5  # an answer that comes again may hide what the next request met
        state, happened = toggle()
        assert state == "Faults off"
        assert sum(count for kind, count in happened.items() if kind != "bans") >= 20
        assert not any(fails() for _request in range(5))
        assert toggle() == ("Faults on", happened)
