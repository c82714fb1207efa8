"""Sweeps on the command line. `work` and `serve` are for processes this program starts itself."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from botbalance.lib.errors import AppError
from exchanges.candles.locks import Busy
from strategies.backtest import services, sweep_quotas, sweep_text
from strategies.backtest.models.sweeps import Sweep
from strategies.backtest.selectors import sweeps as selectors
from strategies.backtest.services import sweep_processes, sweep_work, sweeps
from strategies.backtest.sweep_meaning import meanings
from strategies.backtest.sweeping.judging import Objective
from strategies.backtest.sweeping.parameters import KNOWN, SpaceError
from strategies.backtest.sweeping.spaces import read_search
from strategies.models import Strategy

SHOWN = 10
BAR = 30
BAR_NS = 500_000_000
FLAGS: dict[str, Any] = {"true": True, "false": False}
INTERRUPTED = 130
# Behind whatever trades: a sweep has time.
NICE = 10


class Command(BaseCommand):
    help = (
        "Try many settings of a strategy on the past, and say how much the best of them is worth. Exit code 0: it is "
        "done; 1: it failed, was cancelled or refused; 130: interrupted, `sweep resume ID` goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parsers = parser.add_subparsers(dest="what", required=True, metavar="start|resume|show|list|cancel")
        start = parsers.add_parser("start", help="begin a sweep, and work on it here")
        source = start.add_mutually_exclusive_group(required=True)
        source.add_argument("--strategy", type=int, metavar="ID", help="begin from a strategy's targets and settings")
        source.add_argument("--targets", metavar="BTC=50,ETH=30", help="targets in percent")
        start.add_argument(
            "--vary",
            action="append",
            required=True,
            metavar="NAME=VALUES",
            help=f"2:20:0.5 is a range with its step, absolute,relative are values; of {', '.join(KNOWN)}",
        )
        start.add_argument("--random", type=int, metavar="N", help="N settings drawn at random, not all of them")
        start.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", help="any setting of a back-test"
        )
        start.add_argument("--interval", default="1h", help="of the candles (default: 1h)")
        start.add_argument("--from", dest="begins", default="", help="a date, or a time in UTC")
        start.add_argument("--to", dest="ends", default="")
        start.add_argument("--start", default="10000", help="cash to begin with (default: 10000)")
        start.add_argument("--objective", choices=[one.value for one in Objective], default=Objective.SHARPE.value)
        start.add_argument(
            "--held-out", type=int, default=20, metavar="PCT", help="of the time, kept out of all choices"
        )
        start.add_argument("--windows", type=int, default=5, help="of the walk forward; 0: none")
        start.add_argument("--paths", type=int, default=0, help="other pasts the best is tried on (default: 0)")
        start.add_argument("--seed", type=int, default=1)
        start.add_argument("--name", default="")
        resume = parsers.add_parser("resume", help="go on with a sweep that was interrupted or has failed")
        for one in (start, resume):
            one.add_argument(
                "--workers", type=int, default=sweep_quotas.processes(), help="processes (default: %(default)s)"
            )
        show = parsers.add_parser("show", help="what a sweep has found")
        cancel = parsers.add_parser("cancel", help="end a sweep")
        parsers.add_parser("list", help="all sweeps of this server")
        work = parsers.add_parser("work")
        work.add_argument("--name", required=True)
        serve = parsers.add_parser("serve")
        for one in (work, serve):
            one.add_argument("--parent", type=int, default=os.getppid(), help="ends with this process")
        for one in (resume, show, cancel, work):
            one.add_argument("id", type=int)
        for one in (start, resume, show):
            one.add_argument("--json", action="store_true", help="one JSON object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['what']}")(options)
        except SpaceError as error:
            raise CommandError(f"{error.field}: {error}") from None
        except AppError as error:
            lines = [error.message, *(f"  {name}: {' '.join(texts)}" for name, texts in error.fields.items())]
            raise CommandError("\n".join(lines)) from None

    # --- for people ------------------------------------------------------------------------------------------

    def _start(self, options: dict[str, Any]) -> None:
        _check_workers(options)
        strategy = _strategy(options["strategy"])
        values = {
            "interval": options["interval"],
            "from": options["begins"],
            "to": options["ends"],
            "start_cash": options["start"],
            **{name: FLAGS.get(value, value) for name, value in map(_pair, options["set"])},
        }
        if options["targets"]:
            values["targets"] = [_pair(text) for text in options["targets"].split(",")]
        search = read_search(
            dict(_pair(text) for text in options["vary"]), count=options["random"], seed=options["seed"]
        )
        plan = sweeps.Plan(
            search=search,
            objective=Objective(options["objective"]),
            held_out_pct=options["held_out"],
            windows=options["windows"],
            paths=options["paths"],
            seed=options["seed"],
        )
        sweep = sweeps.create_sweep(
            None, services.read(values, strategy), plan, strategy=strategy, name=options["name"]
        ).sweep
        self._remark(f"Sweep {sweep.pk}: {sweep.settings_total} settings. `sweep resume {sweep.pk}` goes on with it.")
        self._work_here(sweep, options)

    def _resume(self, options: dict[str, Any]) -> None:
        _check_workers(options)
        sweep = selectors.sweep_on_this_server(options["id"])
        if sweep.state != Sweep.State.DONE:
            self._work_here(sweeps.take_up(sweep), options)
        else:
            self._tell(sweep, as_json=options["json"])

    def _show(self, options: dict[str, Any]) -> None:
        self._tell(selectors.sweep_on_this_server(options["id"]), as_json=options["json"])

    def _cancel(self, options: dict[str, Any]) -> None:
        sweep = sweeps.cancel_sweep(selectors.sweep_on_this_server(options["id"]))
        self.stdout.write(f"Sweep {sweep.pk} is {sweep.state}.")

    def _list(self, _options: dict[str, Any]) -> None:
        sweeps_here = list(Sweep.objects.order_by("pk").defer("summary", "rules"))
        progress = selectors.progress_of_all(sweeps_here, timezone.now())
        for sweep in sweeps_here:
            percent = progress[sweep.pk].percent
            self.stdout.write(f"{sweep.pk:6} {sweep.state:10} {percent:3} %  {sweep.settings_total:6} {sweep.name}")

    def _work_here(self, sweep: Sweep, options: dict[str, Any]) -> None:
        bar = _Bar(sweep) if sys.stderr.isatty() else None
        with _Told(signal.SIGINT, signal.SIGTERM) as told:
            sweep_processes.run_sweep(
                sweep.pk,
                processes=options["workers"],
                is_wanted=lambda: not told.to_stop,
                on_look=bar or (lambda: None),
            )
        if bar is not None:
            bar.end()
        sweep.refresh_from_db()
        if sweep.is_active:
            self._remark(f"Interrupted. `sweep resume {sweep.pk}` goes on with it.")
            sys.exit(INTERRUPTED)
        self._tell(sweep, as_json=options["json"])
        if sweep.state != Sweep.State.DONE:
            raise CommandError(f"Sweep {sweep.pk} is {sweep.state}. {sweep.problem}".strip())

    def _remark(self, text: str) -> None:
        """Beside the output, which may be read by a program; no error, so not in its colour."""
        self.stderr.write(text, str)

    def _tell(self, sweep: Sweep, *, as_json: bool) -> None:
        body = sweep_text.sweep_body(sweep, selectors.progress_of(sweep, timezone.now()))
        table = selectors.tried_of(sweep) if sweep.state == Sweep.State.DONE else []
        if as_json:
            if table:
                rows = [sweep_text.tried_body(row) for row in table]
                body |= {"result": sweep_text.result_body(sweep, table[0]), "settings": rows}
            self.stdout.write(json.dumps(body, cls=DjangoJSONEncoder))
            return
        self.stdout.write(f"Sweep {sweep.pk} ({sweep.name}): {sweep.state}. {sweep.problem}".rstrip())
        if not table:
            return
        names = list(sweep_text.setting_body(table[0].setting))
        head = [*names, "end value", "return", "Sharpe", "drawdown", "trades", "fees"]
        lines = [head, *(_cells(names, sweep_text.tried_body(row)) for row in table[:SHOWN])]
        widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
        for line in lines:
            self.stdout.write("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))
        for sentence in meanings(sweep):
            self.stdout.write(f"- {sentence}")

    # --- for processes -----------------------------------------------------------------------------------------

    def _work(self, options: dict[str, Any]) -> None:
        """Work on one sweep; end with whoever has started this process."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started it
        with _Told(signal.SIGTERM) as told:
            sweep_work.work(options["id"], options["name"], is_wanted=told.unless_orphaned(options["parent"]))

    def _serve(self, options: dict[str, Any]) -> None:
        """Work on users' sweeps until none is left; end with whoever has started this process."""
        os.nice(NICE)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with _Told(signal.SIGTERM) as told:
            try:
                sweep_processes.serve(is_wanted=told.unless_orphaned(options["parent"]))
            except Busy:
                return  # another process of this machine was faster


class _Told:
    """Whether this process was told to stop, by one of these signals, while it is entered."""

    def __init__(self, *signals: signal.Signals) -> None:
        self.to_stop = False
        self.signals = signals
        self.before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "_Told":
        for number in self.signals:
            self.before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _stop(self, _number: int, _frame: Any) -> None:
        self.to_stop = True

    def unless_orphaned(self, parent: int) -> Callable[[], bool]:
        """Whether to go on: not told to stop, and the process that has started this one lives."""
        return lambda: not self.to_stop and os.getppid() == parent


class _Bar:
    """Progress in one line of a terminal."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self.shown_at = 0

    def __call__(self) -> None:
        if time.monotonic_ns() - self.shown_at >= BAR_NS:
            self.shown_at = time.monotonic_ns()
            self._draw()

    def end(self) -> None:
        self._draw()
        sys.stderr.write("\n")

    def _draw(self) -> None:
        self.sweep.refresh_from_db(fields=["state", "started_at"])
        found = selectors.progress_of(self.sweep, timezone.now())
        full = found.percent * BAR // 100
        left = "" if found.left is None else f", {round(found.left.total_seconds())} s left"
        line = (
            f"[{'#' * full}{'.' * (BAR - full)}] {found.percent:3} % {found.settings_done}/{found.settings_total}{left}"
        )
        sys.stderr.write(f"\r{line:<79}")
        sys.stderr.flush()


def _check_workers(options: dict[str, Any]) -> None:
    if options["workers"] < 1:
        raise CommandError("At least one worker is needed.")


def _strategy(number: int | None) -> Strategy | None:
    if number is None:
        return None
    strategy = Strategy.objects.filter(pk=number, archived_at=None).prefetch_related("allocations").first()
    if strategy is None:
        raise CommandError(f"There is no strategy {number}.")
    return strategy


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise CommandError(f"{text!r} is not NAME=VALUE.")
    return name.strip(), value.strip()


def _cells(names: list[str], body: dict[str, Any]) -> list[str]:
    def percent(value: str | None) -> str:
        return "-" if value is None else f"{Decimal(value) * 100:.2f} %"

    return [
        *(str(body["setting"][name]) for name in names),
        body["end_value"].partition(".")[0],
        percent(body["total_return"]),
        "-" if body["sharpe"] is None else f"{Decimal(body['sharpe']):.2f}",
        percent(body["max_drawdown"]),
        str(body["trades"]),
        body["fees"].partition(".")[0],
    ]
