"""One drill from its first process to its verdict."""

import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection

from botbalance.chaos import bans, reading, scene
from botbalance.chaos.children import Child, deaths_of, end_all
from botbalance.chaos.comparison import Findings
from botbalance.chaos.conduct import keys_with_several_runs
from botbalance.chaos.exchange import Exchange
from botbalance.chaos.grounds import Grounds, free_port
from botbalance.chaos.plan import Options, Strike, missing_kinds, strikes
from botbalance.chaos.proxies import Line
from botbalance.chaos.settling import settle
from botbalance.chaos.traffic import Crowd
from exchanges.paper.models import PaperOrder
from orders.models import Watch

STALLED_SECONDS = 60
_PAUSE_SECONDS = 0.1
_REPORT_SECONDS = 15
_MOST_SHOWN = 25
_THREADS = 8  # of each worker: a tick mostly waits, for an answer that is late or never comes


class Failed(Exception):
    """The drill could not be carried through."""


@dataclass(slots=True)
class Verdict:
    """What a drill has shown. `problem` is "" or why it could not be carried through."""

    seed: int
    ticks: int = 0
    orders: int = 0
    faults_by_kind: dict[str, int] = field(default_factory=dict)
    kills: int = 0
    duplicates: int = 0
    lost: int = 0
    mismatches: int = 0
    settle_s: float = 0
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        values = asdict(self)
        problem = values.pop("problem")
        return {**values, "faults": sum(self.faults_by_kind.values()), **({"problem": problem} if problem else {})}


def say(text: str) -> None:
    """Progress, for people."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


class Drill:
    """`lines` are the proxies between BotBalance and its servers, that to the exchange not yet aimed; `parent` is the
    process whose death ends the drill.
    """

    def __init__(self, options: Options, grounds: Grounds, lines: Mapping[str, Line], parent: int) -> None:
        self.options, self.grounds, self.lines, self.parent = options, grounds, lines, parent
        self.verdict = Verdict(options.seed)
        self.struck: Counter[str] = Counter()
        self.children: dict[str, Child] = {}
        self.begun = time.monotonic()
        self._parts: list[tuple[str, int]] = []  # what has taken how long, in ms
        self._cut_until: dict[str, int] = {}  # by server, in monotonic ns
        self._outage_ns = 0  # when PostgreSQL or Redis was last away
        self._coarse: set[str] = set()
        self._heard_ms: set[int] = set()  # when bans were heard of

    def run(self) -> Verdict:
        scene.prepare()
        self._note("databases")
        exchange = Exchange(
            self.grounds.of_exchange(), self.options, self.grounds.timeout_ms, self.grounds.logs / "exchange.log"
        )
        try:
            self._carry_through(exchange)
        except Failed as failure:
            self.verdict.problem = str(failure)
            say(f"The drill has failed: {failure}")
            for child in self.children.values():
                say(f"--- {child.name}\n{child.last_words()}")
        finally:
            end_all(self.children.values())
            exchange.end()
            self.verdict.ticks, self.verdict.orders = ticks(), PaperOrder.objects.count()
            self.verdict.kills = sum(count for kind, count in self.struck.items() if kind.startswith("kill_"))
            self._say_what_it_cost()
        return self.verdict

    def _carry_through(self, exchange: Exchange) -> None:
        web_port = free_port()
        self.children = self._children(web_port)
        for child in self.children.values():  # they start while the exchange does, and before there are any users
            child.start()
        exchange.await_start()
        exchange.toggle_faults()  # not before everything is there
        self.lines["exchange"].aim(exchange.port)
        traders = scene.populate(self.options.seed, self.options.users)
        say(f"{len(traders)} users have connected their accounts.")
        crowd = Crowd(f"http://127.0.0.1:{web_port}", traders, self.options.seed)
        self._await_site(crowd)
        self._note("processes and users")
        exchange.toggle_faults()
        crowd.start()
        try:
            self._storm()
        finally:
            crowd.stop()
        self._calm()
        self._note("storm")
        by_kind = exchange.toggle_faults()
        self.verdict.faults_by_kind = dict(sorted((by_kind | self.struck).items()))
        say(f"The faults have ended. People met: {dict(crowd.statuses)}")
        missing = missing_kinds(self.options, self.verdict.faults_by_kind, list(self.children), list(self.lines))
        if missing:
            say(f"WARNING: so long a drill meets every kind of fault, and this one never met {', '.join(missing)}.")
        say(bans.summary(exchange.bans, self._heard_ms))
        settled = settle(crowd.people, self._revive)
        self.verdict.settle_s = settled.seconds
        self._note("settling")
        end_all(self.children.values())
        found = reading.compare_all()
        found.mismatches += settled.loose_ends
        found.mismatches += bans.ignored(exchange.bans, self._heard_ms)
        self._judge(found, crowd)

    # --- the storm ----------------------------------------------------------------------------------------

    def _storm(self) -> None:
        """Strike as planned until the ticks are done."""
        servers = sorted(self.lines)
        waiting = strikes(self.options, sorted(self.children), servers, scene.SYMBOLS)
        reported = changed = time.monotonic()
        known = 0
        while (done := ticks()) < self.options.ticks:
            while waiting and waiting[0].tick <= done:
                self._strike(waiting.pop(0))
            self._mend(time.monotonic_ns())
            self._revive()
            self._hear()
            now = time.monotonic()
            if done != known:
                known, changed = done, now
            if now - reported > _REPORT_SECONDS:
                reported = now
                say(
                    f"{done} ticks, {PaperOrder.objects.count()} orders, {int(now - self.begun)} s, {dict(self.struck)}"
                )
            if now - self.begun > self.options.deadline_seconds:
                raise Failed(f"only {done} ticks in {self.options.deadline_seconds} seconds")
            if now - changed > STALLED_SECONDS:
                raise Failed(f"no tick for {STALLED_SECONDS} seconds, after {done}")
            time.sleep(_PAUSE_SECONDS)

    def _strike(self, strike: Strike) -> None:
        if strike.kind == "kill":
            child = self.children[strike.target]
            if child.kill():
                self.struck[f"kill_{strike.target.split('-')[0]}"] += 1
            child.start()
        elif strike.kind == "cut":
            self.lines[strike.target].cut()
            self._cut_until[strike.target] = time.monotonic_ns() + strike.milliseconds * 1_000_000
            self.struck["refused" if strike.target == "exchange" else f"{strike.target}_cut"] += 1
        elif strike.kind == "step":
            self._coarse ^= {strike.target}
            scene.change_step(strike.target, coarse=strike.target in self._coarse)
            self.struck["step_size"] += 1
        else:
            raise ValueError(f"nothing strikes like {strike.kind}")

    def _mend(self, now_ns: int) -> None:
        if self._cut_until.keys() - {"exchange"}:
            self._outage_ns = now_ns
        for server, until in list(self._cut_until.items()):
            if now_ns >= until:
                self.lines[server].mend()
                del self._cut_until[server]

    def _hear(self) -> None:
        since_ms = bans.last_heard_ms()
        if since_ms is not None:
            self._heard_ms.add(since_ms)

    def _calm(self) -> None:
        """Everything works again."""
        for server in list(self._cut_until):
            self.lines[server].mend()
        self._cut_until.clear()
        self._revive()

    # --- processes ----------------------------------------------------------------------------------------

    def _children(self, web_port: int) -> dict[str, Child]:
        """Web, worker and beat apart where there is Redis between them; otherwise one process, as `manage.py run`."""
        environment = self.grounds.of_botbalance(
            f"http://127.0.0.1:{self.lines['exchange'].port}",
            {name: line.port for name, line in self.lines.items() if name != "exchange"},
        )
        sabotage = ["--sabotage", self.options.sabotage] if self.options.sabotage else []
        quiet = ["--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
        worker = ["celery", "-A", "botbalance", "worker", "--pool", "threads", "--concurrency", str(_THREADS), *quiet]
        beat = ["celery", "-A", "botbalance", "beat", "--pidfile", "", "--loglevel", "WARNING", "--max-interval", "1"]
        commands: dict[str, list[str]] = {"run": ["manage", "run", "--port", str(web_port)]}
        if self.grounds.redis_url:
            commands = {
                "web": ["web", str(web_port)],
                "worker-1": [*worker, "--hostname", "one@%h"],
                "worker-2": [*worker, "--hostname", "two@%h"],
                "beat": beat,
            }
        return {
            name: Child(name, [*sabotage, *command], environment, self.grounds.logs / f"{name}.log")
            for name, command in commands.items()
        }

    def _revive(self) -> None:
        """Start what has died; end the drill when nobody would clear up after it."""
        if os.getppid() != self.parent:
            raise Failed("the command that started it has ended")
        for child in self.children.values():
            child.revive(self._outage_ns)

    def _await_site(self, crowd: Crowd) -> None:
        until = time.monotonic() + STALLED_SECONDS
        while not crowd.people[0].read_balances():
            if time.monotonic() > until:
                raise Failed("the site does not answer")
            self._revive()
            time.sleep(_PAUSE_SECONDS)

    # --- the verdict --------------------------------------------------------------------------------------

    def _judge(self, found: Findings, crowd: Crowd) -> None:
        """Count and say what was found, and what only this process has seen."""
        for person in crowd.people:
            several = keys_with_several_runs(person.runs_of_key, reading.runs_of_keys(person.trader.user_id))
            found.duplicates += [f"account {person.trader.account_id}: {text}" for text in several]
        found.mismatches += deaths_of(self.children.values())
        self.verdict.duplicates = len(found.duplicates)
        self.verdict.lost = len(found.lost)
        self.verdict.mismatches = len(found.mismatches)
        for title, texts in (
            ("DUPLICATE", found.duplicates),
            ("LOST", found.lost),
            ("MISMATCH", found.mismatches),
        ):
            for text in texts[:_MOST_SHOWN]:
                say(f"{title} {text}")
            if len(texts) > _MOST_SHOWN:
                say(f"{title} … and {len(texts) - _MOST_SHOWN} more")
        failed = {child.name: child.failed_starts for child in self.children.values() if child.failed_starts}
        if failed:
            say(f"Started again, since PostgreSQL or Redis was away when they began: {failed}")
        for child in self.children.values():
            if child.deaths:
                say(f"--- {child.name}\n{child.last_words()}")

    def _note(self, part: str) -> None:
        """Everything since the last part was this one."""
        known = sum(milliseconds for _part, milliseconds in self._parts)
        self._parts.append((part, int((time.monotonic() - self.begun) * 1000) - known))

    def _say_what_it_cost(self) -> None:
        self._note("the rest")
        own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        say(
            f"{int(time.monotonic() - self.begun)} s: "
            + ", ".join(f"{part} {milliseconds // 100 / 10}" for part, milliseconds in self._parts)
        )
        say(
            f"{int(own.ru_utime + own.ru_stime)} s of CPU for itself, "
            f"{int(others.ru_utime + others.ru_stime)} s for the processes it started."
        )


def ticks() -> int:
    """Ticks so far, of all accounts. Asked all the time by the process whose proxies everything goes through, and so
    without the ORM, which would take most of its time.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT SUM(ticks) FROM {Watch._meta.db_table}")  # noqa: S608  (a table's name, no value)
        (total,) = cursor.fetchone()
    return int(total or 0)
