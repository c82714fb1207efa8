"""What `manage.py candles` says: as JSON for programs (times in ISO 8601), and in sentences for people. English, as all
commands of this project."""

from collections.abc import Sequence
from typing import Any

from exchanges.candles.columns import Gap
from exchanges.candles.examining import Examined
from exchanges.candles.fetching import FetchReport, Progress
from exchanges.candles.importing import Report, SymbolReport
from exchanges.candles.moments import written
from exchanges.candles.store import Listing, Stored

_SHOWN_GAPS = 10
_BAR_CELLS = 24


def import_body(report: Report) -> dict[str, Any]:
    """See docs/candles.md."""
    return {
        "files": report.files,
        "bad_rows": report.bad,
        "bad_rows_shown": [{"file": row.file, "line": row.line, "reason": row.reason} for row in report.bad_rows],
        "refused": [{"what": what, "reason": reason} for what, reason in report.refused],
        "symbols": [_symbol_body(one) for _key, one in sorted(report.symbols.items())],
    }


def _symbol_body(one: SymbolReport) -> dict[str, Any]:
    return {
        "symbol": one.symbol,
        "interval": one.interval,
        "rows": one.rows,
        "added": one.added,
        "unchanged": one.unchanged,
        "changed": one.changed,
        "changed_at": [written(moment) for moment in one.changed_ms],
        "repeated": one.repeated,
        "bad_rows": one.bad,
        **_stored_body(one.stored, one.from_ms, one.to_ms, one.gaps),
    }


def import_sentences(report: Report) -> list[str]:
    """What was brought in, per symbol, and what was not."""
    said = [f"Read {_count(report.files, 'file')}."]
    if report.others:
        said.append(f"{_count(report.others, 'other file')} left alone: neither .csv, .csv.gz nor .zip.")
    for _key, one in sorted(report.symbols.items()):
        parts = [f"{one.rows:,} rows", f"{one.added:,} new", f"{one.unchanged:,} known"]
        if one.repeated:
            parts.append(f"{one.repeated:,} said twice")
        if one.bad:
            parts.append(f"{one.bad:,} bad")
        said.append(f"{one.symbol} {one.interval}: {', '.join(parts)}.")
        if one.changed:
            moments = ", ".join(map(written, one.changed_ms))
            said.append(f"  {one.changed:,} differ from what was known, and replace it; first: {moments}.")
        said += _stored_sentences(one.stored, one.from_ms, one.to_ms, one.gaps)
    said += [f"{row.file}:{row.line}: {row.reason}" for row in report.bad_rows]
    if report.bad > len(report.bad_rows):
        said.append(f"… and {report.bad - len(report.bad_rows):,} more bad rows; --show N names more.")
    said += [f"{what}: nothing was taken: {reason}" for what, reason in report.refused]
    return said


def fetch_body(reports: Sequence[FetchReport]) -> dict[str, Any]:
    """See docs/candles.md."""
    return {
        "symbols": [
            {
                "symbol": one.symbol,
                "interval": one.interval,
                "source": one.source,
                "pages": one.pages,
                "added": one.added,
                "absent": one.absent,
                "problem": one.problem,
                **_stored_body(one.stored, one.from_ms, one.to_ms, one.gaps),
            }
            for one in reports
        ]
    }


def fetch_sentences(one: FetchReport) -> list[str]:
    """What a fetch has brought."""
    absent = f", {one.absent:,} that the exchange does not have" if one.absent else ""
    said = [f"{one.symbol} {one.interval} from {one.source}: {one.added:,} new in {_count(one.pages, 'page')}{absent}."]
    if not one.pages and not one.problem:
        said.append("  Nothing was left to ask for (what the exchange did not have before is asked with --ask-again).")
    if one.problem and one.pages:
        said.append(f"  It ended early: {one.problem} Run the same command again to go on.")
    elif one.problem:
        said.append(f"  {one.problem}")
    if one.stored or not one.problem:
        said += _stored_sentences(one.stored, one.from_ms, one.to_ms, one.gaps)
    return said


def progress_line(progress: Progress, seconds: int) -> str:
    """One line of at most 79 characters."""
    share = progress.done * 100 // progress.total if progress.total else 100
    full = share * _BAR_CELLS // 100
    left = seconds * (progress.total - progress.done) // progress.done if progress.done else 0
    remains = f", {left // 60}:{left % 60:02d} left" if progress.done else ""
    head = f"{progress.symbol} {progress.interval} [{'#' * full}{'.' * (_BAR_CELLS - full)}] {share:3d} %"
    return f"{head} of {progress.total:,}{remains}"[:79]


def list_body(listing: Listing) -> dict[str, Any]:
    """See docs/candles.md."""
    return {
        "candles": [
            {
                "symbol": one.symbol,
                "interval": one.interval,
                "source": one.source,
                "rows": one.rows,
                "from": _iso(one, one.from_ms),
                "to": _iso(one, one.to_ms),
                "gaps": one.gaps,
                "missing": one.missing,
            }
            for one in listing.stored
        ],
        "unreadable": list(listing.unreadable),
    }


def _iso(one: Stored, moment: int) -> str | None:
    return written(moment) if one.rows else None


def list_sentences(listing: Listing) -> list[str]:
    """A line for each symbol and interval."""
    if not listing.stored and not listing.unreadable:
        return ["No candles are stored yet: manage.py candles import PATH, or candles fetch SYMBOL."]
    said = []
    for one in listing.stored:
        when = f"{written(one.from_ms)} .. {written(one.to_ms)}" if one.rows else "no candles"
        gaps = f"{_count(one.gaps, 'gap')} ({one.missing:,} candles)" if one.gaps else "no gaps"
        said.append(f"{one.symbol:12} {one.interval:>3} {one.rows:>11,}  {when}  {gaps}  {one.source}")
    return [*said, *listing.unreadable]


def check_body(found: Sequence[Examined], unreadable: Sequence[str]) -> dict[str, Any]:
    """See docs/candles.md."""
    return {
        "candles": [
            {
                "symbol": one.symbol,
                "interval": one.interval,
                "source": one.source,
                "wrong": one.wrong,
                "problems": list(one.problems),
                **_stored_body(one.rows, one.from_ms, one.to_ms, one.gaps),
            }
            for one in found
        ],
        "unreadable": list(unreadable),
    }


def check_sentences(found: Sequence[Examined], unreadable: Sequence[str]) -> list[str]:
    """What was found in each file."""
    said = [] if found or unreadable else ["No candles are stored yet."]
    for one in found:
        said.append(
            f"{one.symbol} {one.interval}: {'all candles can be' if not one.wrong else f'{one.wrong:,} wrong'}."
        )
        said += [f"  {text}" for text in one.problems]
        said += _stored_sentences(one.rows, one.from_ms, one.to_ms, one.gaps)
    return [*said, *unreadable]


def _stored_body(rows: int, from_ms: int, to_ms: int, gaps: Sequence[Gap]) -> dict[str, Any]:
    return {
        "stored": rows,
        "from": written(from_ms) if rows else None,
        "to": written(to_ms) if rows else None,
        "gaps": [{"from": written(gap.from_ms), "to": written(gap.to_ms), "candles": gap.candles} for gap in gaps],
    }


def _stored_sentences(rows: int, from_ms: int, to_ms: int, gaps: Sequence[Gap]) -> list[str]:
    if not rows:
        return ["  Nothing is stored."]
    missing = sum(gap.candles for gap in gaps)
    counted = f"{_count(len(gaps), 'gap')} of {missing:,} candles together" if gaps else "no gaps"
    said = [f"  Stored: {rows:,} candles, {written(from_ms)} .. {written(to_ms)}, {counted}."]
    said += [f"    gap {written(gap.from_ms)} .. {written(gap.to_ms)}: {gap.candles:,}" for gap in gaps[:_SHOWN_GAPS]]
    if len(gaps) > _SHOWN_GAPS:
        said.append(f"    … and {len(gaps) - _SHOWN_GAPS} more; --json names all.")
    return said


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
