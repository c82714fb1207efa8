import ipaddress
import json
import logging
import re
import signal
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from exchanges.paper import drawn_faults, faults, services
from exchanges.paper.http import PaperServer

SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})
# Faults drawn by lot rest, and go on at the next one.
TOGGLE = signal.SIGUSR1
POLL_SECONDS = 1
PREPARE = "The paper exchange's database is not ready. Make it so with: manage.py prepare"


class Command(BaseCommand):
    help = "Serve the paper exchange over HTTP for any client of Binance's, until Ctrl-C. -v 0 logs no requests."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--market", help="walk, replay:DIRECTORY or live; otherwise PAPER_MARKET")
        parser.add_argument("--seed", help="of the walk; otherwise PAPER_SEED")
        parser.add_argument("--speed", help="how many times as fast as the clock; otherwise PAPER_SPEED")
        parser.add_argument("--faults", metavar="JSON|@FILE", help="what goes wrong; otherwise PAPER_FAULTS")

    def handle(self, *args: Any, **options: Any) -> None:
        _override_settings(options)
        if options["faults"] is not None:
            _plan_faults(options["faults"])
        if options["verbosity"] == 0:
            logging.getLogger("exchanges.paper.http").setLevel(logging.WARNING)
        try:
            market = services.market_description()
        except (ValueError, LookupError, OSError) as error:
            raise CommandError(f"This market cannot be opened: {error}") from None
        try:
            if services.tables_are_missing():
                raise CommandError(PREPARE)
        except DatabaseError as error:
            raise CommandError(f"The paper exchange's database cannot be used: {str(error).strip()}") from None
        server = PaperServer(options["host"], _port(options["port"]))
        # Blocked before threads begin, so that only the wait below receives them.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        toggles: list[int] = []  # a handler may come in the middle of anything: it only takes a note
        signal.signal(TOGGLE, lambda number, _frame: toggles.append(number))
        try:
            server.start()
        except OSError as error:
            raise CommandError(_why(error, options["host"], options["port"])) from None
        if not _is_loopback(options["host"]):
            self.stderr.write(f"Warning: whoever reaches {options['host']} can trade here and make requests fail.")
        self.stdout.write(f"Paper exchange is at {server.url} (market {market})")
        self.stdout.flush()
        while server.is_running:
            if signal.sigtimedwait(SIGNALS, POLL_SECONDS) is not None:
                server.stop()
                self.stdout.write("Stopped.")
                return
            while toggles:
                toggles.pop()
                self._toggle_faults()
        raise CommandError("The server has ended by itself; the log says why.")

    def _toggle_faults(self) -> None:
        plan = drawn_faults.current()
        if plan is None:
            self.stderr.write("There are no faults drawn by lot.")
            return
        plan.is_on = not plan.is_on
        self.stdout.write(f"Faults {'on' if plan.is_on else 'off'}: {json.dumps(plan.happened)}")
        self.stdout.flush()


def _override_settings(options: dict[str, Any]) -> None:
    """Options win over the environment, for this process."""
    if options["market"] is not None:
        folder = options["market"].removeprefix("replay:")
        if options["market"].startswith("replay:") and not any(Path(folder).glob("*.csv.gz")):
            raise CommandError(f"--market: there are no candles (*.csv.gz) in {folder!r}.")
        settings.PAPER_MARKET = options["market"]
    if options["seed"] is not None:
        if not re.fullmatch(r"[0-9]{1,9}", options["seed"]):
            raise CommandError(f"--seed must be a whole number from 0 to 999999999, not {options['seed']!r}.")
        settings.PAPER_SEED = int(options["seed"])
    if options["speed"] is not None:
        settings.PAPER_SPEED = _speed(options["speed"])
    if settings.PAPER_MARKET == "live" and settings.PAPER_SPEED != 1:
        raise CommandError("The speed must be 1 where the market is live.")


def _speed(text: str) -> Decimal:
    least, most = settings.LEAST_PAPER_SPEED, settings.MOST_PAPER_SPEED
    try:
        speed = Decimal(text)
        if speed.is_finite() and least <= speed <= most:
            return speed
    except InvalidOperation:
        pass
    raise CommandError(f"--speed must be a number from {least} to {most}, not {text!r}.")


def _plan_faults(given: str) -> None:
    if not faults.are_allowed():
        raise CommandError(f"--faults is for EXCHANGE_ENV=mock; here it is {settings.EXCHANGE_ENV}.")
    try:
        text = Path(given[1:]).read_text(encoding="utf-8") if given.startswith("@") else given
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"--faults: {given[1:]} cannot be read: {error}") from None
    try:
        if text.lstrip().startswith("{"):
            drawn_faults.set_plan(drawn_faults.DrawnPlan(drawn_faults.Lot.parse(text)))
        else:
            faults.set_process_plan(faults.parse_plan(text))
    except ValueError as error:
        raise CommandError(f"--faults must be a JSON list of faults, or a lot to draw them by: {error}.") from None


def _port(port: int) -> int:
    if not 0 <= port <= 65535:
        raise CommandError(f"--port must be from 0 to 65535, not {port}.")
    return port


def _why(error: OSError, host: str, port: int) -> str:
    # cheroot wraps the socket's error in one of its own, with the first as text.
    if "in use" in str(error).lower():
        return f"Port {port} is taken. Choose another, or 0 for a free one."
    return f"{host}:{port} cannot be listened at: {error}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
