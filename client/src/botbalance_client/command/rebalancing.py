"""Commands that trade."""

import time
from datetime import UTC, datetime

from botbalance_client.api import new_key
from botbalance_client.command.codes import Exit
from botbalance_client.command.looking import plan_lines, state_of
from botbalance_client.command.screen import clean, table
from botbalance_client.command.task import Task
from botbalance_client.errors import AnswerLost, BotBalanceError, NotUnderstood, Refused, Unreachable
from botbalance_client.pending import Attempt, Pending
from botbalance_client.shapes import Autopilot, Plan, Run

LOOK_SECONDS = 2.0


def rebalance(task: Task) -> Exit:
    """A plan that somebody agrees to is sent with a key that is on disk before: whatever ends this program or loses the
    answer, the same command asks for the same rebalance.
    """
    client, screen = task.client, task.screen
    strategy = task.strategy()
    pending = Pending(task.state, client.server, client.me()["id"], strategy["id"])
    earlier = pending.read(datetime.now(UTC))
    if earlier is not None:
        screen.say(f"A rebalance that was sent at {clean(earlier.at)} has had no answer here. It is asked for again.")
        if not _agreed(task, "If it never arrived, it begins now. Go on?"):
            return _unconfirmed(task, "Nothing was sent again; of the earlier one nothing is known yet.")
        try:
            return _send(task, pending, earlier, None)
        except (Unreachable, NotUnderstood) as error:
            raise _still_lost(error) from None
        except Refused as refusal:
            if refusal.status in (401, 403):
                raise
            if not _is_of_the_plan(refusal):
                raise _still_lost(refusal) from None
            screen.say("It had not been done, and its plan is out of date. This is the plan now:")
    plan = client.plan(strategy["id"])
    if not plan["orders"]:
        screen.show(_result(plan, None, began=False), plan_lines(strategy, plan))
        return Exit.DONE
    if not screen.as_json:
        screen.show(plan, plan_lines(strategy, plan))
    elif not task.options.yes:  # somebody is asked, and must see it
        screen.say("\n".join(plan_lines(strategy, plan)))
    if not _agreed(task, "Send these orders?"):
        return _unconfirmed(task)
    attempt = pending.note(strategy["id"], plan["plan_digest"], new_key(), datetime.now(UTC))
    if attempt is None:
        screen.fail("busy", "Another rebalance of this strategy is being sent from this machine at this moment.")
        return Exit.REFUSED
    return _send(task, pending, attempt, plan)


def _still_lost(error: BotBalanceError) -> AnswerLost:
    """An answer that says nothing of the earlier attempt."""
    return AnswerLost(f"{error} It is still not known whether it was done: the same command again is safe.")


def _is_of_the_plan(refusal: Refused) -> bool:
    """Refused for what was asked, not for who asks or when: nothing was begun by this key, and nothing will be."""
    return refusal.status not in (401, 403, 408, 429) and refusal.status < 500


def _send(task: Task, pending: Pending, attempt: Attempt, plan: Plan | None) -> Exit:
    """Send it, forget it once it has an answer, and see it to its end when asked to."""
    try:
        run, began = task.client.execute(attempt.strategy, attempt.plan_digest, attempt.key)
    except Refused as refusal:
        # A first attempt that was refused was not done; of one that lost its answer earlier nothing is known yet.
        if plan is not None or _is_of_the_plan(refusal):
            pending.forget()
        raise
    except Unreachable:
        if plan is not None:  # it never left
            pending.forget()
        raise
    pending.forget()
    if task.options.wait:
        run = _wait(task, run)
    titles = ("SIDE", "QUANTITY", "SYMBOL", "PRICE", "STATUS")
    rows = [(row["side"], row["quantity"], row["symbol"], row["price"], row["status"]) for row in run["orders"]]
    lines = [
        "",
        f"Rebalance {run['run']}: {clean(run['state'])}. {clean(run['reason'])}".rstrip(),
        *(table(titles, rows, right="QUANTITY PRICE") if rows else []),
    ]
    if not began:
        lines.insert(1, "It was under way already.")
    task.screen.show(_result(plan, run, began=began), lines)
    if run["state"] == "stopped":
        return Exit.STOPPED
    return Exit.WAITING if run["state"] == "active" and task.options.wait else Exit.DONE


def _wait(task: Task, run: Run) -> Run:
    end = time.monotonic() + task.options.wait_seconds
    task.screen.say(f"Rebalance {run['run']} is under way.")
    while run["state"] == "active" and (left := end - time.monotonic()) > 0:
        time.sleep(min(LOOK_SECONDS, left))
        run = task.client.run(run["run"])
    return run


def _result(plan: Plan | None, run: Run | None, *, began: bool) -> dict[str, object]:
    """For programs: `plan` is empty where an earlier attempt was asked for again, `run` where nothing is to be done."""
    return {"plan": plan, "run": run, "began": began}


def start(task: Task) -> Exit:
    strategy = task.strategy()
    before = task.client.autopilot(strategy["id"])
    if not before["is_on"] or before["paused"]:
        task.screen.say(f"{clean(strategy['name'])}: {clean(before['does'])}")
        if not _agreed(task, "Let it trade by itself?"):
            return _unconfirmed(task)
    return _show_switch(task, task.client.start(strategy["id"]))


def stop(task: Task) -> Exit:
    return _show_switch(task, task.client.stop(task.strategy()["id"]))


def _show_switch(task: Task, autopilot: Autopilot) -> Exit:
    lines = [f"Autopilot of strategy {autopilot['strategy']}: {state_of(autopilot)}. {clean(autopilot['next'])}"]
    task.screen.show(autopilot, lines)
    return Exit.DONE


def _agreed(task: Task, question: str) -> bool:
    return bool(task.options.yes) or task.screen.confirms(question)


def _unconfirmed(task: Task, text: str = "Nothing was sent.") -> Exit:
    task.screen.fail("unconfirmed", f"{text} --yes sends without asking.")
    return Exit.UNCONFIRMED
