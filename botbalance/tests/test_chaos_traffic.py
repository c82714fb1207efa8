"""People of a drill remember why their last request came to nothing, and who of them flies."""

import random
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
import requests

from botbalance.chaos.scene import Trader
from botbalance.chaos.traffic import Api, act

Told = Callable[..., Api]


@pytest.fixture
def person_told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Somebody whose site answers so, one request after another."""

    def make(*answers: "requests.Response | Exception") -> Api:
        waiting = list(answers)

        def request(*_args: Any, **_options: Any) -> requests.Response:
            answer = waiting.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(requests.Session, "request", request)
        return Api("http://127.0.0.1:1", Trader(user_id=1, token="token", account_id=7, strategy_id=9))

    return make


def response(status: int, text: str) -> requests.Response:
    found = requests.Response()
    found.status_code, found.raw = status, BytesIO(text.encode())
    return found


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (requests.ConnectionError("http://…/secret"), "no answer (ConnectionError)"),
        (response(503, '{"error": "banned until 12:00"}'), '503 {"error": "banned until 12:00"}'),
        (response(200, "<html>"), "200 <html>"),
        (response(200, '{"problem": "nothing is sent until 12:00"}'), "nothing is sent until 12:00"),
        (response(200, '{"problem": ""}'), ""),
    ],
)  # fmt: skip
def test_why_balances_could_not_be_read_is_remembered(
    person_told: Told, answer: "requests.Response | Exception", trouble: str
) -> None:
    person = person_told(answer)
    assert person.read_balances() is (trouble == "")
    assert person.trouble == trouble


def test_what_could_not_be_cancelled_is_remembered(person_told: Told) -> None:
    person = person_told(response(200, '{"cancelled": 1, "problems": ["BTCUSDT: still open"]}'))
    assert not person.cancel_all()
    assert person.trouble == "BTCUSDT: still open"


def test_whoever_starts_flies_until_they_stop_or_cancel(person_told: Told) -> None:
    def done() -> requests.Response:
        return response(200, '{"cancelled": 0, "problems": []}')

    def found(what: str) -> requests.Response:
        return response(200, f'{{"results": [{what}]}}')

    chance = random.Random(1)
    for action, answers, flies in (
        ("cancel_all", [done()], False),
        ("cancel_one", [found('{"id": 4}'), done()], False),
        ("cancel_one", [found("")], True),
        ("stop_run", [found('{"id": 4}'), done()], False),
        ("stop", [done(), requests.Timeout()], False),
        ("stop", [done(), done()], True),
        ("summary", [done()], True),
    ):
        person = person_told(done(), *answers)
        assert person.start()
        act(person, action, chance)
        assert person.flies is flies, action


def test_rebalances_of_a_key_are_remembered_from_the_first_that_was_made_for_it(person_told: Told) -> None:
    answers = [response(status, f'{{"run": {run}}}') for status, run in ((200, 3), (201, 4), (200, 4), (201, 5))]
    person = person_told(*answers)
    for key in ("one", "one", "one", "two"):
        person.execute(key)
    assert person.runs_of_key == {"one": [4, 4], "two": [5]}


def test_what_was_not_answered_says_nothing_of_its_key(person_told: Told) -> None:
    person = person_told(response(201, '{"run": 4}'), requests.Timeout(), response(409, "{}"))
    for _click in range(3):
        person.execute("one")
    assert person.runs_of_key == {"one": [4]}
