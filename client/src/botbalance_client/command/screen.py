"""What is written, for people or for programs."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from botbalance_client.errors import BotBalanceError, Refused


def clean(text: object) -> str:
    """Without what a terminal would obey: names come from people."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(text))


def table(titles: Sequence[str], rows: Sequence[Sequence[object]], right: str = "") -> list[str]:
    """Lines of a table; `right` names the titles whose columns are numbers."""
    texts = [list(titles), *([clean("–" if cell is None else cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(titles))]
    numbers = [title in right.split() for title in titles]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(row, widths, numbers, strict=True)
        ]
        return "  ".join(cells).rstrip()

    return [line(row) for row in texts]


class Screen:
    """Results go to stdout: lines, or one JSON object. What is said meanwhile, and questions, go to stderr."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def show(self, body: object, lines: Sequence[str]) -> None:
        sys.stdout.write(f"{json.dumps(body)}\n" if self.as_json else "".join(f"{line}\n" for line in lines))
        sys.stdout.flush()

    def say(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def fail(self, code: str, error: BotBalanceError | str) -> None:
        fields: dict[str, Any] = error.fields if isinstance(error, Refused) else {}
        if self.as_json:
            self.show({"error": {"code": code, "message": str(error), "fields": fields}}, [])
            return
        self.say(clean(error))
        for name, texts in fields.items():
            for text in texts if isinstance(texts, list) else [texts]:
                self.say(f"  {clean(name)}: {clean(text)}")

    def confirms(self, question: str) -> bool:
        """Whether somebody at a terminal says yes."""
        if not sys.stdin.isatty():
            return False
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")
