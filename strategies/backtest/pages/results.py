"""What the page of a done back-test shows: figures, charts, trades, tax lots, and what a reader must know of it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.paginator import Paginator
from django.urls import get_script_prefix
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from botbalance.lib.numbers import count, money
from exchanges.domain import Venue
from strategies import selectors as strategies
from strategies.backtest.domain import moment_of
from strategies.backtest.models import BacktestRun
from strategies.backtest.pages import drawing, figuring, wording
from strategies.backtest.pages.figuring import number
from strategies.backtest.selectors import runs as selectors
from strategies.backtest.selectors.runs import StoredTrade
from strategies.backtest.services import direct_pairs
from strategies.backtest.services.model_words import change_rows, model_notes

TRADES = 25
# Whose rules orders kept, by the source a summary names; nothing where none could be read, which is among the notes.
RULES_FROM: Mapping[str, str | Promise] = {
    Venue.PAPER: gettext_lazy("Orders kept the rules that the paper exchange has now."),
    Venue.TESTNET: gettext_lazy("Orders kept the rules that Binance's testnet has now."),
    Venue.MAINNET: gettext_lazy("Orders kept the rules that Binance has now."),
}


def context(run: BacktestRun, query: Mapping[str, str]) -> dict[str, Any]:
    """Everything the page needs. `query`: `asset` and `year` whose candles are shown, `page` of the trades."""
    summary: Mapping[str, Any] = run.summary or {}
    settings = selectors.settings_of(run)
    trades, series = selectors.trades_of(run), selectors.series_of(run)
    pages = Paginator(trades, TRADES)
    page = pages.get_page(query.get("page"))
    return {
        "interval": wording.interval_in_words_of_candles(run.interval),
        "quote": summary["quote"],
        "headline": figuring.headline(summary),
        "groups": figuring.figure_groups(summary),
        "notes": notes(summary),
        "settings": wording.settings_rows(settings),
        "has_strategies": strategies.strategies_of(run.user).exists(),
        **drawing.charts_of(series, settings, summary),
        **drawing.candles_of(settings, trades, query.get("asset", ""), query.get("year", "")),
        "sizes": drawing.sizes_of(trades),
        "assets": _assets(summary),
        "changes": change_rows(series, summary["quote"]),
        "tax_years": _tax_years(summary),
        "trades": [_trade_row(trade) for trade in page.object_list],
        "page": page,
        "files": files_of(run),
        "rules_from": RULES_FROM.get(summary["notes"]["rules_source"], ""),
    }


def files_of(run: BacktestRun) -> list[dict[str, str]]:
    """What can be downloaded: the API gives it to a signed-in browser as well."""
    base = f"{get_script_prefix()}api/me/backtests/{run.pk}"
    return [
        {"name": _("Report, HTML"), "url": f"{base}/report.html"},
        {"name": _("Fills, CSV"), "url": f"{base}/trades.csv"},
        {"name": _("Value over time, CSV"), "url": f"{base}/equity.csv"},
    ]


# --- tables ---------------------------------------------------------------------------------------------------


def _trade_row(trade: StoredTrade) -> dict[str, Any]:
    return {
        "at": moment_of(trade.at_ms),
        "side": trade.side,
        "symbol": trade.symbol,
        "asset": trade.asset,
        "fee_asset": trade.fee_asset,
        "counter": trade.counter,
        "is_maker": trade.is_maker,
        **{name: Decimal(getattr(trade, name)) for name in ("price", "quantity", "notional", "fee")},
    }


def _assets(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    amounts = ("earned", "realised", "unrealised", "fees", "traded", "quantity", "value")
    return [
        {"asset": row["asset"], "fills": row["fills"], **{name: number(row[name]) for name in amounts}}
        for row in summary["assets"]
    ]


def _tax_years(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    amounts = ("proceeds", "gain_fifo", "gain_average")
    return [{**row, **{name: number(row[name]) for name in amounts}} for row in summary["tax_years"]]


# --- what to know ----------------------------------------------------------------------------------------------


def notes(summary: Mapping[str, Any]) -> list[str]:
    """What a reader must know of how the figures came about, as sentences; what is as it should be is not said."""
    return [
        *_notes_of_rules(summary["notes"]),
        *model_notes(summary),
        *_notes_of_candles(summary),
        *_notes_of_money(summary),
    ]


def _notes_of_rules(made: Mapping[str, Any]) -> list[str]:
    found = []
    if made["rules_problem"]:
        text = _("The exchange's rules for orders could not be read: %(problem)s")
        found.append(text % {"problem": made["rules_problem"]})
    if made["default_rules"]:
        text = _(
            "The exchange does not know %(symbols)s; orders were at least 5 in the quote, with the candles' decimals."
        )
        found.append(text % {"symbols": ", ".join(made["default_rules"])})
    if made["finer_ticks"]:
        text = _("Prices of %(symbols)s were finer then than they may be today; the finer ones were used.")
        found.append(text % {"symbols": ", ".join(made["finer_ticks"])})
    if made["unvalued"]:
        text = _("There are no candles of %(assets)s: what is held of it counts nothing.")
        found.append(text % {"assets": ", ".join(made["unvalued"])})
    found += direct_pairs.told(made)
    for symbol, source in made["candle_sources"].items():
        text = _("Candles of %(symbol)s are not the market's: they are from %(source)s.")
        found.append(text % {"symbol": symbol, "source": source})
    return found


def _notes_of_candles(summary: Mapping[str, Any]) -> list[str]:
    market = summary["market"]
    found = []
    if market["halts"]:
        text = ngettext(
            "%(count)s time there are no candles at all, %(candles)s together; nothing happens then.",
            "%(count)s times there are no candles at all, %(candles)s together; nothing happens then.",
            market["halts"],
        )
        found.append(text % {"count": count(market["halts"]), "candles": count(market["halted_candles"])})
    for asset in market["assets"]:
        if asset["came_late"]:
            text = _("%(asset)s has candles only from %(day)s on; until then its share stays in the quote.")
            found.append(text % {"asset": asset["asset"], "day": figuring.day(asset["first_at"])})
        if asset["ended_early"]:
            text = _("%(asset)s has no candles after %(day)s; what is held of it then keeps its last price, unsold.")
            found.append(text % {"asset": asset["asset"], "day": figuring.day(asset["last_at"])})
        if asset["missing"]:
            text = _("%(asset)s misses %(count)s candles while others have theirs; it does not trade in them.")
            found.append(text % {"asset": asset["asset"], "count": count(asset["missing"])})
    return found


def _notes_of_money(summary: Mapping[str, Any]) -> list[str]:
    found = []
    owed = number(summary["owed"])
    if owed:
        text = _("Withdrawals of %(owed)s %(quote)s could not be paid: there was not enough.")
        found.append(text % {"owed": money(owed), "quote": summary["quote"]})
    if summary["trades"]["kept"] < summary["trades"]["fills"]:
        text = _("Of %(fills)s fills the first %(kept)s are kept; the figures are of all of them.")
        found.append(text % {"fills": count(summary["trades"]["fills"]), "kept": count(summary["trades"]["kept"])})
    return found
