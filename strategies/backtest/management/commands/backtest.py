import json
import logging
import time
from argparse import SUPPRESS, ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from botbalance.lib.errors import AppError
from strategies.backtest import services
from strategies.backtest.domain import RunSettings, every_of
from strategies.backtest.engine.scenario import FillMode, Reach
from strategies.backtest.engine.simulation import run_backtest
from strategies.backtest.selectors import runs as selectors
from strategies.backtest.services import Outcome, reports
from strategies.backtest.services.model_words import change_rows
from strategies.backtest.services.reading import LIMIT_FIELDS, MODEL_FIELDS
from strategies.backtest.services.reports import Report
from strategies.domain import BandType, TradeTo, Trigger
from strategies.models import Strategy
from strategies.schedules import Calendar
from strategies.target_models import ModelKind

FILE_FAILED, NOTHING, STOPPED = 1, 2, 3
NONE = "none"
DRAWN_EVERY_MS = 200
ONE_LINE_A_REQUEST = "exchanges.adapters.wire"

# Options that are a value by another name, with what they say.
PLAIN: tuple[tuple[str, str, str], ...] = (
    ("--band", "min_delta_pct", "how far a weight may drift"),
    ("--order-size", "order_size_pct", "largest order, %% of the portfolio"),
    ("--order-step", "order_step_pct", "%% from the middle, below 0 takes what is offered"),
    ("--reserve", "quote_reserve_pct", "%% of the portfolio that buys never touch"),
    ("--max-orders", "max_orders", "most orders a round"),
    ("--max-turnover", "max_turnover_pct", "most a day, %% of the portfolio"),
    ("--order-lifetime", "order_lifetime_seconds", "seconds until an order is priced anew"),
    ("--spread", "spread_pct", "whole spread, %% of the price"),
)


def _pairs(text: str) -> dict[str, str]:
    """BTC=60,ETH=40"""
    found: dict[str, str] = {}
    for part in text.split(","):
        name, sign, value = part.partition("=")
        if not sign or not name.strip() or not value.strip() or name.strip().upper() in found:
            raise ArgumentTypeError(f"{part!r} is not ASSET=NUMBER, or its asset is there twice")
        found[name.strip().upper()] = value.strip()
    return found


def _payment(text: str) -> dict[str, str]:
    """500/month, 500/14d, 500@2023-06-01, with the asset after the amount where it is not the quote: 0.1 BTC/month"""
    amount, every_sign, every = text.partition("/")
    at_sign, at = "", ""
    if not every_sign:
        amount, at_sign, at = text.partition("@")
    number, _space, asset = amount.strip().partition(" ")
    if not (every_sign or at_sign) or not number:
        raise ArgumentTypeError(f"{text!r} is not AMOUNT/EVERY or AMOUNT@DATE, like 500/month or 500@2023-06-01")
    return {"amount": number, "asset": asset.strip(), "every": every.strip(), "at": at.strip()}


SET_BY_NAME = (*LIMIT_FIELDS, *MODEL_FIELDS, "max_order_nav_pct")


def _named(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or name.strip() not in SET_BY_NAME:
        raise ArgumentTypeError(f"{text!r} is not NAME=VALUE with a name of {', '.join(SET_BY_NAME)}")
    return name.strip(), value.strip()


class Command(BaseCommand):
    help = (
        "Try a strategy on stored candles, here and now. "
        "Exit code 0: done, 1: done but a file could not be written, 2: it could not be tried, 3: stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--strategy", type=int, metavar="ID", help="its targets and limits, and its account's rules")
        what.add_argument("--targets", type=_pairs, metavar="BTC=60,ETH=40", help="weights in %%; the rest is quote")
        parser.add_argument(
            "--model", dest="target_model", choices=[kind.value for kind in ModelKind], default=SUPPRESS,
            help="gives the targets their weights, on schedule; default: the strategy's, fixed: the weights are held",
        )  # fmt: skip
        parser.add_argument("--name", default="", help="what the report is called")
        parser.add_argument("--quote", default=SUPPRESS, help="default USDT")
        when = parser.add_argument_group("time", "default: the time of which there are candles of all targets")
        when.add_argument("--interval", default=SUPPRESS, help="of the candles, default 1h")
        when.add_argument("--from", default=SUPPRESS, metavar="DATE", help="2022-01-01, or 2022-01-01T06:00 (UTC)")
        when.add_argument("--to", default=SUPPRESS, metavar="DATE", help="not included")
        money = parser.add_argument_group("money")
        money.add_argument("--start", dest="start_cash", default=SUPPRESS, help="cash in the quote, default 10000")
        money.add_argument(
            "--holdings", nargs="?", const={}, type=_pairs, metavar="BTC=0.5,ETH=3",
            help="coins to begin with; without a value what the strategy's account holds now, cash and all",
        )  # fmt: skip
        money.add_argument(
            "--deposit", type=_payment, action="append", default=[], metavar="500/month", help="repeatable"
        )
        money.add_argument(
            "--withdraw", type=_payment, action="append", default=[], metavar="100/month", help="repeatable"
        )
        self._add_limits(parser)
        market = parser.add_argument_group("market")
        market.add_argument("--fees", metavar="MAKER[/TAKER]", help="%%, default 0.1")
        market.add_argument("--bnb", dest="fees_in_bnb", action="store_true", default=SUPPRESS, help="fees in BNB")
        market.add_argument("--participation", metavar="PCT|none", help="most of a candle's volume, default 10")
        market.add_argument("--fill", dest="fill_mode", choices=[mode.value for mode in FillMode], default=SUPPRESS)
        market.add_argument("--reach", dest="fill_reach", choices=[reach.value for reach in Reach], default=SUPPRESS)
        out = parser.add_argument_group("output")
        out.add_argument("--json", action="store_true", help="one JSON object in place of tables")
        out.add_argument("--html", type=Path, metavar="FILE", help="a report in one file")
        out.add_argument("--csv", type=Path, metavar="FILE", help="every trade")
        out.add_argument("--equity-csv", type=Path, metavar="FILE", help="value and drawdown over time")

    def _add_limits(self, parser: CommandParser) -> None:
        limits = parser.add_argument_group("limits", "default: the strategy's")
        for option, name, text in PLAIN:
            limits.add_argument(option, dest=name, default=SUPPRESS, metavar="N", help=text)
        for option, name, words in (
            ("--band-type", "band_type", BandType),
            ("--trade-to", "trade_to", TradeTo),
            ("--trigger", "trigger_mode", Trigger),
        ):
            limits.add_argument(option, dest=name, choices=[word.value for word in words], default=SUPPRESS)
        turns = "|".join(Calendar)
        limits.add_argument("--every", metavar=f"1d|{turns}", help="a schedule; alone it means --trigger periodic")
        limits.add_argument(
            "--whole-portfolio", action="store_true", default=SUPPRESS, help="one outside, all to target"
        )
        limits.add_argument("--invest-deposits", dest="deploy_deposits", action="store_true", default=SUPPRESS)
        limits.add_argument("--sell-unlisted", action="store_true", default=SUPPRESS)
        limits.add_argument(
            "--no-first-rebalance", dest="begins_by_hand", action="store_false", default=SUPPRESS,
            help="wait for the band or the schedule instead of rebalancing at the first candle",
        )  # fmt: skip
        limits.add_argument(
            "--set",
            type=_named,
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="any other limit, or setting of the model",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic_ns()
        try:
            with _quiet():
                strategy, settings = self._settings(options)
                outcome = self._try(strategy, settings, is_drawn=self.stdout.isatty() and not options["json"])
        except AppError as error:
            raise CommandError(_sentences(error), returncode=NOTHING) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped.", returncode=STOPPED) from None
        name = options["name"] or (strategy.name if strategy else "Back-test")
        report = Report(name, settings, outcome.summary, outcome.series, outcome.trades)
        if options["json"]:
            changes = outcome.series["target_changes"]
            body = {
                "name": name, "settings": settings.to_json(), "summary": outcome.summary, "target_changes": changes,
            }  # fmt: skip
            self.stdout.write(json.dumps(body))
        else:
            self._tables(report, (time.monotonic_ns() - begun) // 1_000_000)
        self._files(report, options)

    # --- what is asked for -----------------------------------------------------------------------------------

    def _settings(self, options: dict[str, Any]) -> tuple[Strategy | None, RunSettings]:
        strategy = None if options["strategy"] is None else selectors.strategy_by_number(options["strategy"])
        known = services.defaults()
        values = {name: value for name, value in options.items() if name in known and value is not None}
        values.pop("targets", None)
        if options["targets"]:
            values["targets"] = list(options["targets"].items())
        if options["every"]:
            values |= self._schedule(options["every"])
            values.setdefault("trigger_mode", Trigger.PERIODIC.value)
        if options["fees"]:
            maker, sign, taker = options["fees"].partition("/")
            values |= {"maker_fee_pct": maker, "taker_fee_pct": taker if sign else maker}
        if options["participation"]:
            values["participation_pct"] = None if options["participation"] == NONE else options["participation"]
        payouts = [{**flow, "amount": f"-{flow['amount']}"} for flow in options["withdraw"]]
        values["flows"] = [*options["deposit"], *payouts]
        values |= self._holdings(options, strategy, values)
        values |= {name: _typed(value) for name, value in options["set"]}
        return strategy, services.read(values, strategy)

    def _schedule(self, every: str) -> dict[str, Any]:
        try:
            turn = every_of(every)
        except ValueError:
            text = f"--every {every!r}: say 12h, 1d, 2w, or one of {', '.join(Calendar)}."
            raise CommandError(text, returncode=NOTHING) from None
        if isinstance(turn, Calendar):
            return {"calendar": turn.value}
        return {"interval_minutes": turn // timedelta(minutes=1), "calendar": ""}

    def _holdings(self, options: dict[str, Any], strategy: Strategy | None, values: dict[str, Any]) -> dict[str, Any]:
        given: dict[str, str] | None = options["holdings"]
        if given is None:
            return {}
        if given:
            return {"start_holdings": given, **({} if "start_cash" in values else {"start_cash": "0"})}
        if strategy is None:
            raise CommandError("--holdings without a value needs --strategy: whose holdings?", returncode=NOTHING)
        return services.holdings_of(strategy.account, str(values.get("quote", strategy.quote)))

    # --- trying and telling ----------------------------------------------------------------------------------

    def _try(self, strategy: Strategy | None, settings: RunSettings, *, is_drawn: bool) -> Outcome:
        inputs = services.prepare(settings, strategy.account if strategy else None)
        bar = _Bar(self) if is_drawn else None
        try:
            result = run_backtest(inputs.history, inputs.scenario, on_progress=bar)
        except ValueError as error:
            raise CommandError(f"It cannot be tried with these settings: {error}.", returncode=NOTHING) from None
        finally:
            if bar is not None:
                bar.clear()
        return services.outcome_of(result, inputs.bitcoin, inputs.notes)

    def _tables(self, report: Report, took_ms: int) -> None:
        summary = report.summary
        lines = [f"{report.name}: {summary['start_at']} .. {summary['end_at']}, {summary['rows']} candles"]
        lines += [f"! {note}" for note in reports.note_sentences(summary)]
        for title, rows in reports.figure_groups(summary):
            lines += ["", title, *(f"  {label:<48} {value:>28}" for label, value in rows)]
        columns = ("asset", "earned", "realised", "unrealised", "fees", "traded")
        lines += ["", "".join(f"{column:>16}" for column in columns)]
        lines += ["".join(f"{value:>16}" for value in (name, *values)) for name, values in reports.asset_rows(summary)]
        lines += ["", "".join(f"{column:>16}" for column in ("year", "proceeds", "gain fifo", "gain average"))]
        lines += ["".join(f"{value:>16}" for value in (name, *values)) for name, values in reports.year_rows(summary)]
        for at, weights in change_rows(report.series, summary["quote"]):
            lines.append(f"{at:%Y-%m-%d %H:%M}  {', '.join(f'{asset} {weight} %' for asset, weight in weights)}")
        lines += ["", f"{took_ms} ms, {summary['plans']} plans"]
        self.stdout.write("\n".join(lines))

    def _files(self, report: Report, options: dict[str, Any]) -> None:
        failed = []
        for path, make in (
            (options["html"], lambda: reports.html_report(report, timezone.now())),
            (options["csv"], lambda: reports.trades_csv(report.trades)),
            (options["equity_csv"], lambda: reports.equity_csv(report.series)),
        ):
            if path is None:
                continue
            try:
                path.write_text(make(), encoding="utf-8", newline="")
            except OSError as error:
                failed.append(f"{path} cannot be written: {error.strerror}.")
        if failed:
            raise CommandError(" ".join(failed), returncode=FILE_FAILED)


class _Bar:
    """How far it is, on one line of a terminal."""

    def __init__(self, command: BaseCommand) -> None:
        self._command = command
        self._drawn_ms = 0

    def __call__(self, done: int, rows: int) -> None:
        now_ms = time.monotonic_ns() // 1_000_000
        if now_ms - self._drawn_ms >= DRAWN_EVERY_MS:
            self._drawn_ms = now_ms
            filled = done * 40 // rows
            text = f"\r[{'#' * filled}{'.' * (40 - filled)}] {done * 100 // rows:3} %"
            self._command.stdout.write(text, ending="")
            self._command.stdout.flush()

    def clear(self) -> None:
        if self._drawn_ms:
            self._command.stdout.write(f"\r{' ' * 50}\r", ending="")


@contextmanager
def _quiet() -> Iterator[None]:
    """No line of the log for each request: a person, or a program that reads JSON, looks at the output."""
    logger = logging.getLogger(ONE_LINE_A_REQUEST)
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)


def _typed(value: str) -> Any:
    words: dict[str, Any] = {"true": True, "false": False, NONE: None}
    return words.get(value.lower(), value)


def _sentences(error: AppError) -> str:
    lines = [f"{name}: {text}" for name, texts in error.fields.items() for text in texts]
    return "\n".join([error.message, *lines])
