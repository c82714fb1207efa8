"""A back-test as files to keep: one HTML page that needs nothing else, and CSV.

The page has its style and its charts in it and asks for nothing from anywhere; everything in it is escaped by Django's
templates. In CSV a text that a spreadsheet would take for a formula is written with an apostrophe before it.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from botbalance.lib import numbers
from botbalance.lib.csv_files import safe
from botbalance.lib.money import HUNDRED, plain, quantize, wide
from botbalance.lib.numbers import amount, count
from strategies.backtest import charts
from strategies.backtest.charts import Curve, Plot
from strategies.backtest.domain import Json, RunSettings, every_text, moment_of, percent_of
from strategies.backtest.models import BacktestRun
from strategies.backtest.selectors import runs as selectors
from strategies.backtest.selectors.runs import StoredTrade
from strategies.backtest.services import direct_pairs
from strategies.backtest.services.model_words import change_rows, figures_text, model_notes, model_text
from strategies.models import Strategy

MOST_TRADES_SHOWN = 500
TRADE_COLUMNS = (
    "at",
    "order",
    "symbol",
    "side",
    "price",
    "quantity",
    "notional",
    "fee",
    "fee_asset",
    "maker",
    "counter",
)
CURVES = ("equity", "drawdown", "ideal", "hold_targets", "hold", "bitcoin")
_CLOSE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Report:
    """What a report is made of; a run on the command line has no row, so it is none that is asked for here."""

    name: str
    settings: RunSettings
    summary: Json
    series: Json
    trades: Sequence[StoredTrade]


def report_of(run: BacktestRun) -> Report:
    """The report of a done back-test."""
    settings, series = selectors.settings_of(run), selectors.series_of(run)
    return Report(run.name, settings, run.summary or {}, series, selectors.trades_of(run))


# --- CSV -----------------------------------------------------------------------------------------------------


def trades_csv(trades: Iterable[StoredTrade]) -> str:
    """Every fill as a line, oldest first. Decimals are plain, times ISO 8601 UTC."""
    rows = (
        (
            _time(trade.at_ms), trade.order, safe(trade.symbol), safe(trade.side), trade.price, trade.quantity,
            trade.notional, trade.fee, safe(trade.fee_asset), "maker" if trade.is_maker else "taker",
            safe(trade.counter),
        )
        for trade in trades
    )  # fmt: skip
    return _csv(TRADE_COLUMNS, rows)


def equity_csv(series: Mapping[str, Any]) -> str:
    """The curves as lines: value, drawdown (a fraction) and the benchmarks; empty where one is not known.

    They are thinned for drawing, as the charts are.
    """
    lines = [series.get(name) or [None] * len(series["at_ms"]) for name in CURVES]
    rows = ((_time(at), *("" if value is None else _number(value) for value in row))
            for at, *row in zip(series["at_ms"], *lines, strict=True))  # fmt: skip
    return _csv(("at", *CURVES), rows)


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def _number(value: Any) -> str:
    return plain(Decimal(str(value)))


def _time(at_ms: int) -> str:
    return moment_of(at_ms).astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


# --- HTML ----------------------------------------------------------------------------------------------------


def html_report(report: Report, made_at: datetime) -> str:
    """One page with figures, charts, settings and trades."""
    summary = report.summary
    context = {
        "report": report,
        "summary": summary,
        "made_at": made_at,
        "groups": figure_groups(summary),
        "assets": asset_rows(summary),
        "years": year_rows(summary),
        "equity": _equity_plot(report.series),
        "drawdown": charts.drawdown_plot(report.series["at_ms"], report.series["drawdown"]),
        "weights": _weights_plot(report.series),
        "notes": note_sentences(summary),
        "changes": change_rows(report.series, summary["quote"]),
        "settings": setting_rows(report.settings),
        "trades": [(_time(trade.at_ms), trade) for trade in report.trades[:MOST_TRADES_SHOWN]],
        "trades_left_out": max(0, summary["trades"]["fills"] - MOST_TRADES_SHOWN),
    }
    return render_to_string("backtest_report/report.html", context)


def figure_groups(summary: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The figures in groups, each with its name and its value as a person reads them."""
    quote = summary["quote"]
    trades, costs, against = summary["trades"], summary["costs"], summary["against"]

    def money(value: str | None) -> str:
        return "–" if value is None else f"{numbers.money(Decimal(value))}{_CLOSE}{quote}"

    def share(value: str | None) -> str:
        return "–" if value is None else numbers.percent(_percent(value))

    def number(value: str | None) -> str:
        return "–" if value is None else amount(quantize(Decimal(value), 2))

    def compared(name: str) -> str:
        row = against[name]
        text = share(row["time_weighted_return"])
        error = share(row["tracking_error"])
        return _("%(return)s, tracking error %(error)s") % {"return": text, "error": error}

    fall = share(summary["max_drawdown"])
    if summary["max_drawdown_peak_at"]:
        fall = f"{fall} ({summary['max_drawdown_peak_at'][:10]} – {summary['max_drawdown_trough_at'][:10]})"
    return [
        (
            _("Value"),
            [
                (_("At the start"), money(summary["start_value"])),
                (_("At the end"), money(summary["end_value"])),
                (_("Paid in later, less paid out"), money(summary["put_in"])),
                (_("Earned"), money(summary["earned"])),
                (_("Withdrawals not paid"), money(summary["owed"])),
            ],
        ),
        (
            _("Return"),
            [
                (_("Time-weighted"), share(summary["time_weighted_return"])),
                (_("Money-weighted, whole time"), share(summary["money_weighted"]["period"])),
                (_("Money-weighted, a year"), share(summary["money_weighted"]["annual"])),
                (_("Compound annual growth"), share(summary["cagr"])),
            ],
        ),
        (
            _("Risk (daily values, 365 days a year)"),
            [
                (_("Volatility"), share(summary["volatility"])),
                (_("Sharpe ratio"), number(summary["sharpe"])),
                (_("Sortino ratio"), number(summary["sortino"])),
                (_("Calmar ratio"), number(summary["calmar"])),
                (_("Deepest drawdown"), fall),
            ],
        ),
        (
            _("Beside others (time-weighted return)"),
            [
                (_("Targets restored at every candle, for nothing"), compared("targets")),
                (_("Targets bought once and held"), compared("hold_targets")),
                (_("What was held at the start, only held"), compared("hold")),
                (_("Everything in bitcoin"), compared("bitcoin")),
            ],
        ),
        (
            _("Trading"),
            [
                (_("Rebalances"), count(sum(summary["rebalances"].values()))),
                (
                    _("Orders placed / filled"),
                    f"{count(trades['orders_placed'])} / {count(trades['orders_filled'])}",
                ),
                (_("Fills"), count(trades["fills"])),
                (_("Mean order"), money(trades["mean"])),
                (_("Median order"), money(trades["median"])),
                (_("Largest order"), money(trades["largest"])),
                (_("Turnover"), money(summary["turnover"])),
                (_("Turnover a year, in portfolios"), number(summary["turnover_per_year"])),
                (_("Fees"), money(summary["fees"])),
                (_("Spread paid"), money(summary["spread_paid"])),
            ],
        ),
        (
            _("What it cost, as a share of the end value"),
            [
                (_("Behind the frictionless portfolio"), share(costs["behind"])),
                (_("of that trading: fees and spread"), share(costs["trading"])),
                (_("of that drift: weights off their targets"), share(costs["drift"])),
            ],
        ),
    ]


def note_sentences(summary: Mapping[str, Any]) -> list[str]:
    """What a reader must know before believing the figures."""
    notes, market = summary["notes"], summary["market"]
    found = []
    if notes["rules_problem"]:
        found.append(_("The exchange's symbol rules could not be read: %(why)s") % {"why": notes["rules_problem"]})
    if notes["default_rules"]:
        text = _("The exchange does not know %(symbols)s: traded by default rules (smallest order 5 in the quote).")
        found.append(text % {"symbols": ", ".join(notes["default_rules"])})
    if notes["finer_ticks"]:
        text = _("Prices of %(symbols)s were finer then than today's tick; the finer one was used.")
        found.append(text % {"symbols": ", ".join(notes["finer_ticks"])})
    found += model_notes(summary)
    if notes["unvalued"]:
        text = _("There are no candles of %(assets)s: they are held throughout and count nothing.")
        found.append(text % {"assets": ", ".join(notes["unvalued"])})
    found += direct_pairs.told(notes)
    for symbol, source in notes["candle_sources"].items():
        text = _("The candles of %(symbol)s are no market's, they are of: %(source)s.")
        found.append(text % {"symbol": symbol, "source": source})
    if market["halts"]:
        text = _("%(count)s times no candle at all was there, %(candles)s candles in all: nothing happens then.")
        found.append(text % {"count": count(market["halts"]), "candles": count(market["halted_candles"])})
    for row in market["assets"]:
        facts = {"asset": row["asset"], "first": row["first_at"], "last": row["last_at"]}
        if row["came_late"]:
            found.append(_("%(asset)s has candles from %(first)s on only.") % facts)
        if row["ended_early"]:
            text = _("%(asset)s has no candle after %(last)s: it is valued at its last close and cannot be sold.")
            found.append(text % facts)
        if row["missing"]:
            text = _("%(asset)s lacks %(count)s candles in between.")
            found.append(text % {**facts, "count": count(row["missing"])})
    if Decimal(summary["owed"]):
        text = _("%(amount)s %(quote)s of withdrawals could never be paid.")
        found.append(text % {"amount": amount(summary["owed"]), "quote": summary["quote"]})
    if summary["trades"]["kept"] < summary["trades"]["fills"]:
        text = _("Of %(count)s fills the first %(kept)s are kept; every figure is of all of them.")
        found.append(text % {"count": count(summary["trades"]["fills"]), "kept": count(summary["trades"]["kept"])})
    return found


def setting_rows(settings: RunSettings) -> list[tuple[str, str]]:
    """Every setting by its name, as texts."""
    body = settings.to_json()
    names = {one.name: str(one.verbose_name) for one in Strategy._meta.fields}
    rows = [
        (_("Targets"), ", ".join(f"{one.asset} {numbers.exact_percent(one.weight_pct)}" for one in settings.targets)),
        (_("Weights"), model_text(settings.model)),
        (_("Market capitalisations"), figures_text(settings) or "–"),
        (
            _("Begins with"),
            ", ".join(f"{amount(held)} {asset}" for asset, held in settings.start.items()) or "–",
        ),
        (_("Candles"), f"{settings.interval}, {settings.begins:%Y-%m-%d %H:%M} – {settings.ends:%Y-%m-%d %H:%M} UTC"),
        *((names.get(name, name), _text(value)) for name, value in body["limits"].items()),
        *((name, _text(value)) for name, value in body["fills"].items()),
        (_("Largest order of the server, %"), _text(body["max_order_nav_pct"])),
        (_("Maker fee, %"), amount(percent_of(settings.fees.maker))),
        (_("Taker fee, %"), amount(percent_of(settings.fees.taker))),
        (_("Fees in BNB"), _text(settings.fees.in_bnb)),
    ]
    for flow in settings.flows:
        when = every_text(flow.every) if flow.every is not None else f"{flow.at:%Y-%m-%d %H:%M}"
        rows.append((_("Payment"), f"{amount(flow.amount)} {flow.asset}, {when}"))
    return rows


def asset_rows(summary: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """What each asset earned: its name, and earned, realised, unrealised, fees and traded as a person reads them."""
    names = ("earned", "realised", "unrealised", "fees", "traded")
    return [(row["asset"], [_money(row[name]) for name in names]) for row in summary["assets"]]


def year_rows(summary: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Tax lots by year: the year, and proceeds and gains by both methods; a star where some of it is not known."""
    names = ("proceeds", "gain_fifo", "gain_average")
    return [
        (f"{row['year']} *" if row["has_unknown"] else str(row["year"]), [_money(row[name]) for name in names])
        for row in summary["tax_years"]
    ]


def _money(value: str | None) -> str:
    return "–" if value is None else numbers.money(Decimal(value))


def _percent(fraction: str) -> Decimal:
    with wide():
        return Decimal(fraction) * HUNDRED


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return "–" if value in (None, "") else numbers.spoken(str(value))


def _equity_plot(series: Mapping[str, Any]) -> Plot | None:
    names = {
        "equity": _("This back-test"),
        "hold_targets": _("Targets bought once and held"),
        "bitcoin": _("Everything in bitcoin"),
    }
    curves = [
        Curve(label, name, series["at_ms"], [_or_gap(value) for value in series[name]])
        for name, label in names.items()
        if series.get(name)
    ]
    return charts.line_plot(curves)


def _weights_plot(series: Mapping[str, Any]) -> Plot | None:
    layers = [
        (asset, f"layer c{place % 10}", line)
        for place, (asset, line) in enumerate(zip(series["assets"], series["weights"], strict=True))
    ]
    return charts.stacked_plot(series["at_ms"], layers)


def _or_gap(value: float | None) -> float:
    return float("nan") if value is None else value
