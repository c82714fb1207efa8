"""The charts of a back-test's result. Floats: they say where something is drawn, and decide nothing."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from botbalance.lib.errors import AppError
from botbalance.lib.money import ZERO, exact
from botbalance.lib.numbers import amount, money
from exchanges.candles import store
from strategies.backtest import charts
from strategies.backtest.domain import RunSettings, moment_of, ms_of
from strategies.backtest.pages.figuring import number
from strategies.backtest.selectors.runs import StoredTrade

# Assets with a colour of their own; the quote has one too, and further ones share the last.
COLOURS = 10


def colours(assets: Sequence[str], quote: str) -> dict[str, str]:
    """A class for each asset, in their order: as on the other pages the quote has its own."""
    chosen = {quote: "c10"}
    for place, asset in enumerate(asset for asset in assets if asset != quote):
        chosen[asset] = f"c{place}" if place < COLOURS else "c11"
    return chosen


def charts_of(series: Mapping[str, Any], settings: RunSettings, summary: Mapping[str, Any]) -> dict[str, Any]:
    if not series:
        return {"equity": None, "drawdown": None, "weights": None}
    quote = summary["quote"]
    by_weight = sorted(settings.targets, key=lambda target: (-target.weight_pct, target.asset))
    shown = [*(target.asset for target in by_weight), *series["assets"]]
    palette = colours(list(dict.fromkeys(shown)), quote)
    lines = dict(zip(series["assets"], series["weights"], strict=True))
    order = [quote, *(asset for asset in palette if asset != quote and asset in lines)]
    weights = charts.stacked_plot(series["at_ms"], [(asset, palette[asset], lines[asset]) for asset in order])
    return {
        "equity": charts.line_plot(_equity_curves(series)),
        "drawdown": charts.drawdown_plot(series["at_ms"], series["drawdown"]),
        "weights": weights,
        "equity_text": _("From %(start)s to %(end)s %(quote)s.")
        % {
            "start": money(number(summary["start_value"])),
            "end": money(number(summary["end_value"])),
            "quote": quote,
        },
    }


def _equity_curves(series: Mapping[str, Any]) -> list[charts.Curve]:
    """The benchmarks behind, what the back-test was worth before them."""
    named = (
        ("bitcoin", _("All in BTC"), "bitcoin"),
        ("ideal", _("Targets at all times, free of charge"), "ideal"),
        ("hold_targets", _("Targets bought and held"), "held"),
        ("equity", _("This back-test"), "c0"),
    )
    return [
        charts.Curve(name, css, series["at_ms"], [_known(value) for value in series[key]])
        for key, name, css in named
        if series[key] is not None
    ]


def _known(value: float | None) -> float:
    return float("nan") if value is None else value


def candles_of(
    settings: RunSettings, trades: Sequence[StoredTrade], wanted: str, wanted_year: str = ""
) -> dict[str, Any]:
    """Candles of one asset with the trades on them, of the whole time or of one year; why there are none where they
    were removed since.
    """
    assets = [target.asset for target in sorted(settings.targets, key=lambda one: (-one.weight_pct, one.asset))]
    asset = wanted if wanted in assets else assets[0]
    years = [str(year) for year in range(settings.begins.year, moment_of(settings.to_ms - 1).year + 1)]
    year = wanted_year if wanted_year in years else ""
    from_ms, to_ms = settings.from_ms, settings.to_ms
    if year:
        from_ms = max(from_ms, ms_of(datetime(int(year), 1, 1, tzinfo=UTC)))
        to_ms = min(to_ms, ms_of(datetime(int(year) + 1, 1, 1, tzinfo=UTC)))
    found: dict[str, Any] = {
        "candle_assets": assets,
        "candle_asset": asset,
        "candle_years": years if len(years) > 1 else [],
        "candle_year": year,
        "candles": None,
    }
    try:
        loaded = store.load([f"{asset}{settings.quote}"], settings.interval, from_ms, to_ms)
    except AppError as error:
        return {**found, "candles_problem": error.message}
    columns = next(iter(loaded.values()))
    unit = 10.0**columns.price_places
    opens, highs, lows, closes = (one / unit for one in (columns.open, columns.high, columns.low, columns.close))
    # A trade is told at the end of its candle; the candle is named by its beginning.
    dealt = [
        charts.Dealt(trade.at_ms - 1, *_price_and_side(trade, asset), _trade_text(trade, settings.quote))
        for trade in trades
        if asset in (trade.asset, trade.counter) and from_ms < trade.at_ms <= to_ms
    ]
    plot = charts.candle_plot(columns.open_time_ms, opens, highs, lows, closes, dealt, more=_("… and %d more"))
    return {**found, "candles": plot, "dealt": len(dealt)}


def _price_and_side(trade: StoredTrade, asset: str) -> tuple[float, bool]:
    """At what price in the quote a trade changed what is held of an asset, and whether it was bought."""
    bought = trade.side == "BUY"
    if not trade.counter:
        return float(trade.price), bought
    worth = float(trade.notional)
    if trade.asset == asset:
        return worth / float(trade.quantity), bought
    return worth / (float(trade.quantity) * float(trade.price)), not bought


def _trade_text(trade: StoredTrade, quote: str) -> str:
    text = (
        _("%(at)s: bought %(quantity)s at %(price)s")
        if trade.side == "BUY"
        else _("%(at)s: sold %(quantity)s at %(price)s")
    )
    return text % {
        "at": moment_of(trade.at_ms).strftime("%Y-%m-%d %H:%M"),
        "quantity": f"{amount(Decimal(trade.quantity))} {trade.asset}",
        "price": f"{amount(Decimal(trade.price))} {trade.counter or quote}",
    }


def sizes_of(trades: Sequence[StoredTrade]) -> charts.Plot | None:
    """How many orders were of which size, all fills of an order together, in the quote."""
    sizes: dict[int, Decimal] = {}
    with exact():
        for trade in trades:
            sizes[trade.order] = sizes.get(trade.order, ZERO) + Decimal(trade.notional)
    return charts.histogram([float(size) for size in sizes.values()], bins=20)
