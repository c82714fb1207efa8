"""The command `botbalance` against the real API: what it shows, what it sends, and how it ends."""

import io
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
import requests
from botbalance_client.command import main
from scripted import Answer, Asked, refused, scripted

from accounts.models import User
from accounts.tokens.services import create_token, issue_token, revoke_tokens
from exchanges.models import ExchangeAccount
from orders.models import Autopilot, Run
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "paper"])

Command = Callable[..., tuple[int, Any]]


@pytest.fixture
def targets(alice: User, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]) -> Strategy:
    return strategy(paper_account(alice, {"USDT": 10_000}), {"BTC": 40}, order_step_pct="2")


@pytest.fixture
def token(alice: User) -> str:
    return issue_token(alice)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def botbalance(
    live_server: Any,
    token: str,
    state: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """botbalance("plan", …): its exit code, and the JSON it wrote. The token is in none of its words."""
    monkeypatch.setenv("BOTBALANCE_SERVER", live_server.url)
    monkeypatch.setenv("BOTBALANCE_TOKEN", token)
    monkeypatch.setenv("BOTBALANCE_STATE_DIR", str(state))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("sys.stdin", io.StringIO())  # no terminal

    def run(*arguments: str) -> tuple[int, Any]:
        code = main([*arguments, "--json"])
        written = capsys.readouterr()
        assert token not in written.out + written.err
        return code, json.loads(written.out)

    return run


def relay(url: str, lose: str = "") -> Callable[[Asked], Answer]:
    """Hands everything on to the real server, and loses its answers to addresses with `lose` in them."""

    def tell(asked: Asked) -> Answer:
        headers = {name: asked.headers[name] for name in ("Authorization", "Idempotency-Key") if name in asked.headers}
        answer = requests.request(asked.method, url + asked.path, headers=headers, json=asked.body, timeout=30)
        return Answer(lost=True) if lose and lose in asked.path else Answer(answer.status_code, answer.content)

    return tell


def test_status_shows_everything_at_a_glance(botbalance: Command, alice: User, targets: Strategy) -> None:
    code, shown = botbalance("status")
    assert code == 0
    assert (shown["user"]["email"], shown["token"]["scope"]) == (alice.email, "trade")
    assert [(row["id"], row["nav"]) for row in shown["accounts"]] == [(targets.account_id, "10000")]
    assert [(row["id"], row["autopilot"]["is_on"]) for row in shown["strategies"]] == [(targets.pk, False)]


def test_balances_and_plan_are_the_apis_own(botbalance: Command, targets: Strategy) -> None:
    assert botbalance("balances")[1]["assets"][0]["asset"] == "USDT"
    code, plan = botbalance("plan", "--strategy", str(targets.pk))
    assert code == 0
    assert [order["symbol"] for order in plan["orders"]] == ["BTCUSDT"]
    assert not Run.objects.exists()


def test_people_read_lines(botbalance: Command, targets: Strategy, capsys: pytest.CaptureFixture[str]) -> None:
    Strategy.objects.update(name="Evil \x1b[2Jname")
    for command, words in {"status": "AUTOPILOT", "balances": "WEIGHT%", "plan": "BTCUSDT", "orders": "STATUS"}.items():
        assert main([command]) == 0
        shown = capsys.readouterr().out
        assert words in shown
        assert "\x1b" not in shown


def test_a_rebalance_needs_a_yes(botbalance: Command, targets: Strategy) -> None:
    code, shown = botbalance("rebalance")
    assert (code, shown["error"]["code"]) == (11, "unconfirmed")
    assert not Run.objects.exists()


def test_a_rebalance_sends_the_plan_it_has_shown(botbalance: Command, targets: Strategy, state: Path) -> None:
    code, shown = botbalance("rebalance", "--yes")
    assert code == 0
    run = Run.objects.get()
    assert (shown["run"]["run"], shown["began"], run.trigger) == (run.pk, True, "api")
    assert run.idempotency_key
    assert [order["symbol"] for order in shown["run"]["orders"]] == ["BTCUSDT"]
    assert list(state.iterdir()) == [], "nothing is left to be asked for again"
    code, shown = botbalance("orders", "--run", str(run.pk), "--status", "open")
    assert [row["status"] for row in shown["results"]] == ["NEW"]


def test_waiting_ends_after_its_time(botbalance: Command, targets: Strategy) -> None:
    code, shown = botbalance("rebalance", "--yes", "--wait", "--wait-seconds", "0.1")
    assert (code, shown["run"]["state"]) == (10, "active")


@pytest.mark.parametrize(("end", "code"), [("stopped", 9), ("complete", 0)])
def test_waiting_ends_with_the_rebalance(
    end: str, code: int, botbalance: Command, live_server: Any, targets: Strategy
) -> None:
    """Nobody tracks orders here: between it and the server somebody else says how the rebalance ended."""
    with scripted(relay(live_server.url)) as between:
        real = between.tell
        ended = {"run": 1, "state": end, "reason": "So it was.", "orders": [], "skips": []}
        between.tell = lambda asked: Answer(200, ended) if "/runs/" in asked.path else real(asked)
        assert botbalance("rebalance", "--yes", "--wait", "--server", between.url) == (
            code,
            {"plan": ANY, "run": ended, "began": True},
        )


def test_with_nothing_to_do_nothing_is_sent(botbalance: Command, targets: Strategy) -> None:
    targets.allocations.all().delete()
    code, shown = botbalance("rebalance", "--yes")
    assert (code, shown["run"], shown["plan"]["orders"]) == (0, None, [])


def test_an_autopilot_is_started_and_stopped(botbalance: Command, targets: Strategy) -> None:
    assert botbalance("start")[0] == 11
    assert not Autopilot.objects.filter(is_on=True).exists()
    assert (botbalance("start", "--yes")[1]["is_on"], botbalance("start")[0]) == (True, 0)
    assert botbalance("stop")[1]["is_on"] is False


def test_watch_says_how_it_stands_and_ends(botbalance: Command, targets: Strategy) -> None:
    code, seen = botbalance("watch", "--seconds", "0.1", "--every", "0.1")
    assert code == 0
    assert (seen["strategy"], seen["autopilot"], seen["run"], seen["open_orders"]) == (targets.pk, "off", None, [])


def test_a_strategy_must_be_clear(botbalance: Command, alice: User, targets: Strategy) -> None:
    assert botbalance("plan", "--strategy", "999999")[0] == 2
    Strategy.objects.update(is_active=False)
    code, shown = botbalance("plan")
    assert (code, shown["error"]["code"]) == (2, "strategy_not_named")
    assert str(targets.pk) in shown["error"]["message"]


def test_a_token_that_may_read_looks_and_does_nothing(
    botbalance: Command, alice: User, targets: Strategy, monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    monkeypatch.setenv("BOTBALANCE_TOKEN", create_token(alice, scope="read")[1])
    assert [botbalance(command)[0] for command in ("status", "balances", "plan", "orders")] == [0, 0, 0, 0]
    for command in (["rebalance", "--yes"], ["start", "--yes"], ["stop"]):
        code, shown = botbalance(*command)
        assert (code, shown["error"]["code"]) == (6, "token_scope")
    assert list(state.iterdir()) == []


def test_a_revoked_token_is_told_so(botbalance: Command, alice: User) -> None:
    revoke_tokens(alice)
    assert botbalance("status")[0] == 5


@pytest.mark.parametrize("arguments", [["nothing"], [], ["plan", "--strategy", "x"], ["orders", "--side", "up"]])
def test_wrong_arguments_are_two(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_without_a_token_it_says_how_to_give_one(botbalance: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOTBALANCE_TOKEN")
    code, shown = botbalance("status")
    assert (code, shown["error"]["code"]) == (3, "config")
    assert "BOTBALANCE_TOKEN" in shown["error"]["message"]


def test_a_server_that_is_not_there_is_four(botbalance: Command) -> None:
    with scripted(lambda asked: Answer()) as gone:
        pass
    code, shown = botbalance("status", "--server", gone.url, "--timeout", "2")
    assert (code, shown["error"]["code"]) == (4, "unreachable")


# --- answers that are lost -------------------------------------------------------------------------------


def test_after_a_lost_answer_the_same_command_asks_for_the_same_rebalance(
    botbalance: Command, live_server: Any, token: str, targets: Strategy, state: Path
) -> None:
    with scripted(relay(live_server.url, "execute")) as between:
        code, shown = botbalance("rebalance", "--yes", "--server", between.url)
        assert (code, shown["error"]["code"]) == (8, "answer_lost")
        run = Run.objects.get()
        (note,) = state.iterdir()
        assert stat.S_IMODE(note.stat().st_mode) == 0o600
        assert token not in note.read_text()
        assert botbalance("rebalance", "--server", between.url)[0] == 11, "it still asks first"

        between.tell = relay(live_server.url)
        code, shown = botbalance("rebalance", "--yes", "--server", between.url)
    assert (code, shown["run"]["run"], shown["began"], shown["plan"]) == (0, run.pk, False, None)
    assert Run.objects.count() == 1
    assert list(state.iterdir()) == []


def test_what_never_arrived_and_is_out_of_date_is_planned_anew(
    botbalance: Command, live_server: Any, targets: Strategy
) -> None:
    with scripted(relay(live_server.url)) as between:
        real = between.tell
        between.tell = lambda asked: Answer(lost=True) if "execute" in asked.path else real(asked)
        assert botbalance("rebalance", "--yes", "--server", between.url)[0] == 8
        assert not Run.objects.exists()
        targets.allocations.update(weight_pct="20")
        between.tell = real
        code, shown = botbalance("rebalance", "--yes", "--server", between.url)
    assert (code, shown["began"]) == (0, True)
    assert Run.objects.count() == 1


def test_while_the_server_says_nothing_of_it_the_attempt_is_kept(
    botbalance: Command, live_server: Any, targets: Strategy, state: Path
) -> None:
    with scripted(relay(live_server.url, "execute")) as between:
        assert botbalance("rebalance", "--yes", "--server", between.url)[0] == 8
        real = between.tell
        for says_nothing in (refused(429, "throttled"), Answer(404, b"<html>"), refused(503, "unavailable")):
            between.tell = lambda asked, last=says_nothing: last if "execute" in asked.path else real(asked)
            code, shown = botbalance("rebalance", "--yes", "--server", between.url)
            assert (code, shown["error"]["code"]) == (8, "answer_lost"), "it may have been done"
        between.tell = lambda asked: refused(401, "token_expired") if "execute" in asked.path else real(asked)
        assert botbalance("rebalance", "--yes", "--server", between.url)[0] == 5
    assert len(list(state.iterdir())) == 1


@pytest.mark.parametrize(
    ("answer", "code", "word"),
    [
        (refused(429, "throttled"), 4, "throttled"),
        (refused(503, "away"), 4, "away"),
        (refused(401, "token_expired"), 5, "token_expired"),
        (refused(403, "forbidden"), 6, "forbidden"),
        (refused(404, "not_found"), 7, "not_found"),
        (Answer(200, {"results": [{"id": 1}], "next": None}), 1, "failed"),
        (Answer(200, {"results": [5], "next": None}), 1, "failed"),
        (Answer(200, {}), 4, "unreachable"),
    ],
)
def test_every_end_has_its_code_and_is_told_in_json(
    answer: Answer, code: int, word: str, botbalance: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botbalance_client.api.LONGEST_PAUSE", 0)
    with scripted(lambda asked: answer) as server:
        ended, shown = botbalance("plan", "--server", server.url)
    assert (ended, shown["error"]["code"]) == (code, word)
