"""Files that may hold candles: finding them, opening what is packed, and what their names say."""

import gzip
import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import BinaryIO

from exchanges.candles.intervals import LENGTHS_MS
from exchanges.candles.numbers import CandleError

_SUFFIXES = (".csv", ".csv.gz", ".zip")
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
_CHECKSUM = ".CHECKSUM"
_SYMBOL = re.compile(r"(?=.*[A-Z])[A-Z0-9]{5,}")
_OTHER_INTERVALS = ("1w", "1M", "1mo")
"""What the exchange has files of, and candles are not kept of."""


class NothingThere(CandleError):
    """A path that leads to no file."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text file, maybe packed in another: what it is called to people, and the names that may say what it holds."""

    shown: str
    path: Path
    member: str  # "" for one that is not in a zip


def files_of(paths: Sequence[str]) -> tuple[list[Path], int]:
    """The files that these files, folders and patterns lead to, each once, ascending; and how many others in the
    folders were left alone because of their names. NothingThere for a path that leads nowhere.
    """
    found: set[Path] = set()
    others = 0
    for text in paths:
        path = Path(text).expanduser()
        matches = [path] if path.exists() else [Path(match) for match in glob(str(path), recursive=True)]
        if not matches:
            raise NothingThere(f"{text}: there is no such file or folder, and nothing matches it as a pattern.")
        for match in matches:
            if match.is_dir():
                inside = [one for one in match.rglob("*") if one.is_file() and not one.name.endswith(_CHECKSUM)]
                candles = [one for one in inside if one.name.lower().endswith(_SUFFIXES)]
                others += len(inside) - len(candles)
                found.update(candles)
            elif not match.name.endswith(_CHECKSUM):
                found.add(match)
    return sorted(found), others


def texts_of(path: Path) -> list[Text]:
    """The text files in a file: itself, or those a zip holds. CandleError for a zip that is damaged or holds none."""
    with _problems():
        with path.open("rb") as file:
            is_zip = file.read(len(_ZIP)) == _ZIP
        if not is_zip:
            return [Text(str(path), path, "")]
        _verify(path)
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if name.lower().endswith((".csv", ".txt"))]
    if not members:
        raise CandleError("it is a zip without a .csv file")
    return [Text(f"{path}/{member}", path, member) for member in sorted(members)]


@contextmanager
def opened(text: Text) -> Iterator[BinaryIO]:
    """The bytes of a text file, unpacked as they are read. CandleError when that fails, at once or half-way."""
    with _problems():
        if text.member:
            with zipfile.ZipFile(text.path) as archive, archive.open(text.member) as member:
                yield member  # type: ignore[misc]  # it reads bytes, which is all that is asked of it
            return
        with text.path.open("rb") as file:
            is_gzip = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            if is_gzip:
                with gzip.GzipFile(fileobj=file) as unpacked:
                    yield unpacked  # type: ignore[misc]  # likewise
            else:
                yield file


@contextmanager
def _problems() -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise CandleError(f"it is damaged: {error}") from None
    except (NotImplementedError, RuntimeError) as error:  # a zip with a password, or packed in a way of its own
        raise CandleError(f"it cannot be unpacked: {error}") from None
    except OSError as error:
        raise CandleError(f"it cannot be read: {error.strerror or error}") from None


def _verify(path: Path) -> None:
    """Compare with the checksum beside it, as the exchange publishes one for each of its zips."""
    beside = path.with_name(path.name + _CHECKSUM)
    if not beside.is_file():
        return
    words = beside.read_text(encoding="utf-8", errors="replace").split()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not words or words[0].lower() != digest:
        raise CandleError(f"it does not match the checksum in {beside.name}: fetch it again")


# --- names ---------------------------------------------------------------------------------------------------


def symbol_in(text: Text) -> str | None:
    """The one part of the file's name that looks like a symbol, as in BTCUSDT-1h-2023-01.zip; None for none or more."""
    for name in _names(text):
        words = {word for word in _words(name) if _SYMBOL.fullmatch(word)}
        if words:
            return words.pop() if len(words) == 1 else None
    return None


def interval_in(text: Text) -> str | None:
    """The interval that the file's name speaks of, or else the folder it lies in. CandleError for one not kept."""
    for name in (*_names(text), text.path.resolve().parent.name):
        words = [word for word in _words(name) if word in LENGTHS_MS or word in _OTHER_INTERVALS]
        if not words:
            continue
        if words[0] in _OTHER_INTERVALS:
            raise CandleError(f"its name speaks of {words[0]}: candles of weeks and months are not kept")
        return words[0] if len(set(words)) == 1 else None
    return None


def _names(text: Text) -> list[str]:
    """The member's name before the archive's."""
    return [name for name in (Path(text.member).name, text.path.name) if name]


def _words(name: str) -> list[str]:
    return re.split(r"[-_. ]+", name)
