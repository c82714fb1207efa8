import json
import signal
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from botbalance.chaos.launch import NoVerdict, launch
from botbalance.chaos.plan import MOST_TICKS, MOST_USERS, SABOTAGES, Options

FINDINGS = ("duplicates", "lost", "mismatches")


class Command(BaseCommand):
    help = (
        "Trade on grounds of its own while network, servers and processes fail as a seed says; then compare our books "
        "with the exchange's, row by row. Exit 1 unless they are the same. Never touches this installation's data."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=_whole("--seed", 0, 999_999_999), default=1)
        parser.add_argument("--ticks", type=_whole("--ticks", 1, MOST_TICKS), default=500)
        parser.add_argument("--users", type=_whole("--users", 1, MOST_USERS), default=12)
        parser.add_argument("--sabotage", choices=SABOTAGES, default="", help="break our code on purpose: must exit 1")
        parser.add_argument("--json", action="store_true", help="the last line is the verdict as JSON")
        parser.add_argument("--logs", type=Path, help="a directory for the logs of its processes")

    def handle(self, *args: Any, **options: Any) -> None:
        # A supervisor's word ends it as Ctrl-C does: with everything cleared up.
        signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))
        drill = Options(options["seed"], options["ticks"], options["users"], options["sabotage"])
        try:
            verdict = launch(drill, options["logs"])
        except NoVerdict as error:
            raise CommandError(f"No verdict: {error}") from None
        problem = verdict.get("problem", "")
        if options["json"]:
            self.stdout.write(json.dumps(verdict))
        else:
            for name, value in verdict.items():
                self.stdout.write(f"{name:15} {value}")
        self.stdout.flush()
        if problem:
            raise CommandError(f"The drill has failed: {problem}")
        if any(verdict[name] for name in FINDINGS):
            raise CommandError(f"The books differ: {', '.join(f'{name} {verdict[name]}' for name in FINDINGS)}.")


def _whole(name: str, least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise ArgumentTypeError(f"{name} is a whole number from {least} to {most}")
        return int(text)

    return parse
