import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from botbalance.lib.clock import now_ms
from botbalance.lib.errors import AppError
from exchanges.candles import examining, fetching, importing, keeping, moments, store, venues, wording
from exchanges.candles.fetching import FetchReport, Progress
from exchanges.candles.intervals import LENGTHS_MS

PARTIAL, NOTHING = 1, 2
DRAWN_EVERY_SECONDS = 0.2
ONE_LINE_A_REQUEST = "exchanges.adapters.wire"


class Command(BaseCommand):
    help = (
        "Candles for back-tests: import from files, fetch from an exchange, list, check, remove. "
        "Exit code 0: all went well, 1: in part, 2: nothing was done."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="import|fetch|list|check|remove")
        self._add_import(actions.add_parser("import", help="from CSV, gzip CSV, and the exchange's zip files"))
        self._add_fetch(actions.add_parser("fetch", help="what is missing, from an exchange"))
        for name, text in (("list", "what is stored"), ("check", "read what is stored and look for what is wrong")):
            action = actions.add_parser(name, help=text)
            if name == "check":
                action.add_argument("symbols", nargs="*", metavar="SYMBOL", help="default: all")
            self._add_json(action)
        remove = actions.add_parser("remove", help="delete stored candles")
        remove.add_argument("symbols", nargs="+", metavar="SYMBOL")
        remove.add_argument("--interval", required=True)
        remove.add_argument("--yes", action="store_true", help="do not ask")
        self._add_json(remove)

    def _add_import(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", help="files, folders (with all below), or patterns")
        parser.add_argument("--symbol", help="of files that do not say it themselves")
        parser.add_argument("--interval", help=f"of files that do not say it themselves: {', '.join(LENGTHS_MS)}")
        parser.add_argument("--strict", action="store_true", help="take nothing of a file that has a bad row")
        parser.add_argument("--show", type=int, default=20, metavar="N", help="bad rows to name (default 20)")
        self._add_json(parser)

    def _add_fetch(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="+", metavar="SYMBOL")
        parser.add_argument("--interval", required=True, help=", ".join(LENGTHS_MS))
        parser.add_argument(
            "--from", required=True, dest="since", metavar="DATE", help="2024-01-01, or 2024-01-01T06:00"
        )
        parser.add_argument("--to", dest="until", metavar="DATE", help="not included; default: now")
        parser.add_argument("--venue", choices=venues.VENUES, help="default: the one that EXCHANGE_ENV trades at")
        parser.add_argument("--ask-again", action="store_true", help="also for what the exchange did not have before")
        self._add_json(parser)

    def _add_json(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        actions: dict[str, Callable[[dict[str, Any]], int]] = {
            "import": self._import,
            "fetch": self._fetch,
            "list": self._list,
            "check": self._check,
            "remove": self._remove,
        }
        try:
            code = actions[options["action"]](options)
        except AppError as error:
            raise CommandError(error.message, returncode=NOTHING) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped. Run the same command again to go on.", returncode=PARTIAL) from None
        if code:
            said = {PARTIAL: "Not everything went well; see above.", NOTHING: "Nothing was done; see above."}
            raise CommandError(said[code], returncode=code)

    def _import(self, options: dict[str, Any]) -> int:
        report = importing.bring_in(
            options["paths"],
            now_ms=now_ms(),
            symbol=options["symbol"],
            interval=options["interval"],
            is_strict=options["strict"],
            most_shown=max(0, options["show"]),
        )
        self._answer(options, wording.import_body(report), wording.import_sentences(report))
        if not any(one.added or one.unchanged or one.changed for one in report.symbols.values()):
            return NOTHING
        return PARTIAL if report.bad or report.refused else 0

    def _fetch(self, options: dict[str, Any]) -> int:
        since = _moment("--from", options["since"])
        until = None if options["until"] is None else _moment("--to", options["until"])
        if until is not None and until <= since:
            raise CommandError("--to is not after --from.", returncode=NOTHING)
        interval = store.checked_interval(options["interval"])
        symbols = [store.checked_symbol(symbol) for symbol in options["symbols"]]
        source = venues.source_of(options["venue"] or venues.default_venue())
        bar = _Bar(self, is_drawn=self.stdout.isatty() and not options["json"])
        reports: list[FetchReport] = []
        for symbol in dict.fromkeys(symbols):
            with bar.shown():
                try:
                    report = fetching.fetch(
                        source, symbol, interval, since, until, asks_again=options["ask_again"], tell=bar.tell
                    )
                except AppError as error:
                    report = FetchReport(symbol, interval, source.name, problem=error.message)
            reports.append(report)
            if not options["json"]:
                self.stdout.write("\n".join(wording.fetch_sentences(report)))
        self._answer(options, wording.fetch_body(reports), [])
        failed = [report for report in reports if report.problem]
        if len(failed) == len(reports) and not any(report.added for report in reports):
            return NOTHING
        return PARTIAL if failed else 0

    def _list(self, options: dict[str, Any]) -> int:
        listing = store.listing()
        self._answer(options, wording.list_body(listing), wording.list_sentences(listing))
        return PARTIAL if listing.unreadable else 0

    def _check(self, options: dict[str, Any]) -> int:
        found, unreadable = examining.examine(options["symbols"])
        self._answer(options, wording.check_body(found, unreadable), wording.check_sentences(found, unreadable))
        return PARTIAL if unreadable or any(one.wrong for one in found) else 0

    def _remove(self, options: dict[str, Any]) -> int:
        interval = store.checked_interval(options["interval"])
        symbols = [store.checked_symbol(symbol) for symbol in options["symbols"]]
        for symbol in symbols:
            if not store.path_of(symbol, interval).exists():
                raise CommandError(f"There are no stored {interval} candles of {symbol}.", returncode=NOTHING)
        if not options["yes"] and not _agreed(f"Delete the stored {interval} candles of {', '.join(symbols)}?"):
            raise CommandError("Nothing was removed.", returncode=NOTHING)
        for symbol in symbols:
            keeping.remove(symbol, interval)
        self._answer(
            options, {"removed": symbols, "interval": interval}, [f"Removed {interval} of {', '.join(symbols)}."]
        )
        return 0

    def _answer(self, options: dict[str, Any], body: dict[str, Any], sentences: list[str]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(body))
        elif sentences:
            self.stdout.write("\n".join(sentences))


class _Bar:
    """How far a fetch is, on one line of a terminal; elsewhere only what has to be said."""

    def __init__(self, command: BaseCommand, *, is_drawn: bool) -> None:
        self._command = command
        self._is_drawn = is_drawn
        self._begun = self._drawn = time.monotonic()
        self._width = 0

    def tell(self, progress: Progress) -> None:
        if progress.said:
            self._clear()
            self._command.stderr.write(f"{progress.symbol} {progress.interval}: {progress.said}")
        if progress.done == 0:
            self._begun = time.monotonic()
        now = time.monotonic()
        if self._is_drawn and (progress.done in (0, progress.total) or now - self._drawn >= DRAWN_EVERY_SECONDS):
            self._drawn = now
            self._draw(wording.progress_line(progress, int(now - self._begun)))

    def _draw(self, text: str) -> None:
        self._command.stdout.write(f"\r{text.ljust(self._width)}", ending="")
        self._command.stdout.flush()
        self._width = len(text)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """While this lasts a drawn line has the terminal to itself: no line of the log for each page."""
        logger = logging.getLogger(ONE_LINE_A_REQUEST)
        before = logger.level
        if self._is_drawn:
            logger.setLevel(logging.WARNING)
        try:
            yield
        finally:
            logger.setLevel(before)
            self._clear()

    def _clear(self) -> None:
        if self._width:
            self._command.stdout.write(f"\r{' ' * self._width}\r", ending="")
            self._width = 0


def _moment(option: str, text: str) -> int:
    try:
        return moments.parsed(text)
    except ValueError:
        raise CommandError(
            f"{option} is a date, or a date and time in UTC, like 2024-01-01 or 2024-01-01T06:00, not {text!r}.",
            returncode=NOTHING,
        ) from None


def _agreed(question: str) -> bool:
    """A plain yes. Where nobody can be asked, the answer is no."""
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask at: say --yes.", returncode=NOTHING)
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
