"""What is kept of a back-test: its summary, its curves, its trades, as JSON.

Amounts are strings of at most 8 decimals in the quote, ratios and returns strings of fractions with 8 decimals, null
where they are not known, with a code of `portfolio.performance.returns.Unknown` beside them. Times are ISO 8601, UTC.
Curves are for drawing: plain numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np

from botbalance.lib.money import plain, quantize
from exchanges.candles.columns import CandleColumns
from strategies.backtest.domain import Json, Notes
from strategies.backtest.engine.history import Floats, moment_of
from strategies.backtest.engine.result import Result
from strategies.backtest.figures import (
    Curves,
    Figures,
    Happenings,
    Profits,
    curves_of,
    figures_of,
    happenings_of,
    profits_of,
    study_of,
)
from strategies.backtest.figures.curves import rows_to_draw
from strategies.backtest.figures.performance import Against
from strategies.backtest.selectors.runs import StoredTrade

SHAPE = 1
MOST_TRADES = 200_000
MOST_HALTS = 50
MOST_SILENCES = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """`summary` for lists and comparisons, `series` to draw, `trades` as kept, of `trade_count` there were."""

    summary: Json
    series: Json
    trades: Sequence[StoredTrade]
    trade_count: int


def outcome_of(result: Result, bitcoin: CandleColumns | None, notes: Notes) -> Outcome:
    """Everything that is kept of a result."""
    rows = rows_to_draw(result)
    study = study_of(result, bitcoin, rows)
    summary = summary_body(result, figures_of(study), profits_of(result), happenings_of(result.history), notes)
    series = {**series_body(curves_of(study, rows)), "target_changes": target_changes(result)}
    return Outcome(summary, series, stored_trades(result), len(result.trades))


def summary_body(result: Result, figures: Figures, profits: Profits, happenings: Happenings, notes: Notes) -> Json:
    """All figures of a back-test."""
    risk = figures.risk
    return {
        "shape": SHAPE,
        "quote": result.scenario.quote,
        "start_at": _time(figures.start_at),
        "end_at": _time(figures.end_at),
        "rows": figures.rows,
        "start_value": amount(figures.start_nav),
        "end_value": amount(figures.end_nav),
        "put_in": amount(figures.put_in),
        "earned": amount(figures.earned),
        "time_weighted_return": ratio(figures.time_weighted),
        "time_weighted_unknown": figures.time_weighted_unknown,
        "money_weighted": {
            "annual": ratio(figures.money_weighted.annual),
            "period": ratio(figures.money_weighted.period),
            "unknown": figures.money_weighted.unknown,
        },
        "cagr": ratio(risk.cagr),
        "volatility": ratio(risk.volatility),
        "sharpe": ratio(risk.sharpe),
        "sortino": ratio(risk.sortino),
        "calmar": ratio(risk.calmar),
        "max_drawdown": ratio(risk.max_drawdown),
        "max_drawdown_peak_at": _time(risk.peak_at),
        "max_drawdown_trough_at": _time(risk.trough_at),
        "max_drawdown_recovered_at": _time(risk.recovered_at),
        "max_drawdown_any_row": ratio(figures.worst_row),
        "best_day": ratio(risk.best),
        "best_day_at": _time(risk.best_at),
        "worst_day": ratio(risk.worst),
        "worst_day_at": _time(risk.worst_at),
        "turnover": amount(figures.turnover),
        "turnover_per_year": ratio(figures.turnover_per_year),
        "fees": amount(figures.fees),
        "spread_paid": amount(figures.spread_paid),
        "owed": amount(figures.owed),
        "trades": {
            "orders_placed": figures.trades.orders_placed,
            "orders_filled": figures.trades.orders_filled,
            "fills": figures.trades.fills,
            "mean": amount(figures.trades.mean),
            "median": amount(figures.trades.median),
            "largest": amount(figures.trades.largest),
            "kept": min(figures.trades.fills, MOST_TRADES),
        },
        "rebalances": dict(figures.rebalances),
        "plans": figures.plans,
        "against": {
            "targets": _against(figures.targets),
            "hold_targets": _against(figures.hold_targets),
            "hold": _against(figures.hold),
            "bitcoin": _against(figures.bitcoin),
        },
        "costs": {
            "behind": ratio(figures.costs.behind),
            "trading": ratio(figures.costs.trading),
            "drift": ratio(figures.costs.drift),
        },
        "assets": _assets(profits),
        "final": {asset: plain(held) for asset, held in sorted(result.final.items()) if held},
        "tax_years": _tax_years(profits),
        "market": _market(happenings),
        "model": _model(result),
        "notes": notes.to_json(),
    }


def series_body(curves: Curves) -> Json:
    """Curves to draw. `at_ms`: UTC milliseconds; `weights`: fractions, one list an asset of `assets`."""
    return {
        "at_ms": list(curves.close_ms),
        "equity": _numbers(curves.equity),
        "drawdown": _numbers(curves.drawdown),
        "ideal": None if curves.ideal is None else _numbers(curves.ideal),
        "hold_targets": _line(curves.hold_targets),
        "hold": _line(curves.hold),
        "bitcoin": _line(curves.bitcoin),
        "assets": list(curves.assets),
        "weights": [_numbers(line) for line in curves.weights],
    }


def target_changes(result: Result) -> list[Json]:
    """The weights that held, in percent: from the first row on, and from every row on that changed them; empty without
    a target model.
    """
    if result.scenario.model is None:
        return []
    return [
        {
            "at_ms": int(result.history.close_ms[step.row]),
            "weights": {target.asset: plain(target.weight_pct) for target in step.targets},
        }
        for step in result.course.steps
    ]


def stored_trades(result: Result) -> list[StoredTrade]:
    """The fills, oldest first, at most MOST_TRADES of them."""
    close_ms = result.history.close_ms
    return [
        StoredTrade(
            at_ms=int(close_ms[trade.row]),
            order=trade.order,
            symbol=trade.symbol,
            asset=trade.asset,
            side=trade.side.value,
            price=plain(trade.price),
            quantity=plain(trade.quantity),
            notional=plain(trade.notional),
            fee=plain(trade.fee),
            fee_asset=trade.fee_asset,
            is_maker=trade.is_maker,
            counter="" if trade.worth is None else trade.counter,
        )
        for trade in result.trades[:MOST_TRADES]
    ]


def amount(value: Decimal | None) -> str | None:
    """Money on the wire: 8 decimals."""
    return None if value is None else plain(quantize(value, 8))


def ratio(value: Decimal | float | None) -> str | None:
    """A fraction or a ratio on the wire: 8 decimals."""
    return None if value is None else plain(quantize(Decimal(value), 8))


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _against(against: Against) -> Json:
    return {
        "time_weighted_return": ratio(against.time_weighted),
        "unknown": against.unknown,
        "tracking_error": ratio(against.tracking_error),
    }


def _assets(profits: Profits) -> list[Json]:
    return [
        {
            "asset": row.profit.asset,
            "earned": amount(row.earned),
            "realised": amount(row.profit.realised),
            "unrealised": amount(row.profit.unrealised),
            "gain_withdrawn": amount(row.profit.moved_gain),
            "fees": amount(row.profit.fees),
            "traded": amount(row.traded),
            "fills": row.fills,
            "quantity": plain(row.profit.quantity),
            "value": amount(row.profit.value),
        }
        for row in profits.assets
    ]


def _tax_years(profits: Profits) -> list[Json]:
    return [
        {
            "year": year.year,
            "proceeds": amount(year.proceeds),
            "gain_fifo": amount(year.gain_fifo),
            "gain_average": amount(year.gain_average),
            "disposals": year.disposals,
            "has_unknown": year.has_unknown,
        }
        for year in profits.years
    ]


def _model(result: Result) -> Json | None:
    """How the target model fared: how often it was asked and changed the weights, and when it had no answer. `until` is
    null where it never had one again, `problems` why it had none at last.
    """
    model, course = result.scenario.model, result.course
    if model is None:
        return None

    def at(row: int | None) -> str | None:
        return None if row is None else _time(moment_of(int(result.history.close_ms[row])))

    return {
        "target_model": model.weighs.kind.value,
        "refresh_days": model.every.days,
        "asked": course.asked,
        "changes": len(course.steps) - 1,
        "silences": len(course.silences),
        "first_silences": [
            {
                "from": at(silence.row),
                "until": at(silence.until),
                "problems": [
                    {"asset": one.asset, "code": one.code, "values": dict(one.values)} for one in silence.problems
                ],
            }
            for silence in course.silences[:MOST_SILENCES]
        ],
    }


def _market(happenings: Happenings) -> Json:
    halts = happenings.halts
    return {
        "halts": len(halts),
        "halted_candles": sum(halt.candles for halt in halts),
        "longest_halts": [
            {"from": _time(halt.from_at), "to": _time(halt.to_at), "candles": halt.candles}
            for halt in halts[:MOST_HALTS]
        ],
        "assets": [
            {
                "asset": one.asset,
                "first_at": _time(one.first_at),
                "last_at": _time(one.last_at),
                "missing": one.missing,
                "came_late": one.came_late,
                "ended_early": one.ended_early,
            }
            for one in happenings.assets
        ],
    }


def _numbers(values: Floats) -> list[float]:
    return [_short(value) for value in np.asarray(values).tolist()]


def _line(values: Sequence[float | None]) -> list[float | None] | None:
    """None where nothing of it is known."""
    if all(value is None for value in values):
        return None
    return [None if value is None else _short(value) for value in values]


def _short(value: float) -> float:
    """Ten digits: more than any chart shows."""
    return float(f"{value:.10g}")
