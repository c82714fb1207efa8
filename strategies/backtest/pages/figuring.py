"""The figures of a back-test, each with what it means in a sentence: for its page, and beside those of others."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from botbalance.lib.money import HUNDRED, wide
from botbalance.lib.numbers import amount, money, percent, signed_percent
from portfolio.performance.returns import Unknown


class Better(Enum):
    """Which of two values of a figure is the better one, where one can tell."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Figure:
    """`text` is how it is read, "–" where it is not known, for `reason`; `number` is what it is compared by. `sign` is
    "up" or "down" where a change is good or bad.
    """

    key: str
    name: str
    text: str
    meaning: str
    number: Decimal | None
    better: Better = Better.NEITHER
    sign: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FigureGroup:
    key: str
    title: str
    figures: list[Figure]


UNKNOWN: Mapping[str, str | Promise] = {
    Unknown.TOO_SHORT: gettext_lazy("The time is too short for it."),
    Unknown.NOTHING_INVESTED: gettext_lazy("Nothing was invested."),
    Unknown.NEGATIVE: gettext_lazy("More was taken out than there was."),
    Unknown.UNEXPLAINED: gettext_lazy("Something came to be held that nothing explains."),
    Unknown.NO_RATE: gettext_lazy("No rate explains what was paid in and what became of it."),
    Unknown.AMBIGUOUS: gettext_lazy("Several rates explain what was paid in and what became of it."),
    Unknown.PRICE_MISSING: gettext_lazy("There are no candles for it all the time."),
}
# Why rebalances began; what is not among these is a reason of the autopilot itself.
BEGUN: Mapping[str, str | Promise] = {
    "by_hand": gettext_lazy("at the first candle"),
    "withdrawal": gettext_lazy("for a withdrawal"),
    "outside_band": gettext_lazy("a weight left its band"),
    "scheduled": gettext_lazy("on schedule"),
    "deposit": gettext_lazy("for a deposit"),
}


def number(text: str | None) -> Decimal | None:
    """A figure of a summary."""
    return None if text is None else Decimal(text)


def share(text: str | None) -> Decimal | None:
    """A fraction of a summary in percent."""
    found = number(text)
    if found is None:
        return None
    with wide():
        return found * HUNDRED


def day(text: str | None) -> str:
    """The day of a time of a summary."""
    return "–" if text is None else text[:10]


def moment(text: str) -> datetime:
    """A time of a summary."""
    return datetime.fromisoformat(text)


def figure_groups(summary: Mapping[str, Any]) -> list[FigureGroup]:
    """Every figure of a summary, in groups."""
    return [
        FigureGroup("value", _("Value"), _value(summary)),
        FigureGroup("return", _("Return"), _returns(summary)),
        FigureGroup("risk", _("Risk"), _risk(summary)),
        FigureGroup("trading", _("Trading"), _trading(summary)),
        FigureGroup("costs", _("What it cost"), _costs(summary)),
    ]


def headline(summary: Mapping[str, Any]) -> list[Figure]:
    """The figures to begin with, in the order of `figure_groups`."""
    wanted = ("end_value", "time_weighted", "hold_targets", "max_drawdown", "fees", "orders_filled")
    found = {figure.key: figure for group in figure_groups(summary) for figure in group.figures}
    return [found[key] for key in wanted]


# --- the groups ----------------------------------------------------------------------------------------------


def _value(summary: Mapping[str, Any]) -> list[Figure]:
    quote = summary["quote"]
    return [
        _money(
            "start_value", _("Value at the start"), summary["start_value"], quote, _("At the first candle's close.")
        ),
        _money(
            "end_value",
            _("Value at the end"),
            summary["end_value"],
            quote,
            _("Everything held, at the last close."),
            Better.HIGHER,
        ),
        _money("put_in", _("Paid in"), summary["put_in"], quote, _("Deposits less withdrawals after the start.")),
        _money(
            "earned",
            _("Earned"),
            summary["earned"],
            quote,
            _("By how much the value grew beyond what was paid in."),
            Better.HIGHER,
            signed=True,
        ),
    ]


def _returns(summary: Mapping[str, Any]) -> list[Figure]:
    against, weighted = summary["against"], summary["money_weighted"]
    benchmarks = (
        (
            "hold_targets",
            _("Targets bought and held"),
            _("The same targets bought at the start, without any cost, and never touched."),
        ),
        ("hold", _("Only held"), _("What was there at the start, never traded.")),
        ("bitcoin", _("All in BTC"), _("The same money in bitcoin from the start.")),
        ("targets", _("Targets at all times"), _("The weights restored at every candle, free of charge: an ideal.")),
    )
    return [
        _change(
            "time_weighted",
            _("Return"),
            summary["time_weighted_return"],
            _("Time-weighted, over the whole time: whatever was paid in or out."),
            Better.HIGHER,
            summary["time_weighted_unknown"],
        ),
        _change("cagr", _("Return per year"), summary["cagr"], _("The same, as an even rate a year."), Better.HIGHER),
        _change(
            "money_weighted",
            _("Return of the money per year"),
            weighted["annual"],
            _("Money-weighted: what came late counts less. Without payments it is the return per year."),
            Better.HIGHER,
            weighted["unknown"],
        ),
        *(
            _change(key, name, against[key]["time_weighted_return"], meaning, unknown=against[key]["unknown"])
            for key, name, meaning in benchmarks
        ),
    ]


def _risk(summary: Mapping[str, Any]) -> list[Figure]:
    return [
        _change(
            "max_drawdown",
            _("Deepest fall"),
            summary["max_drawdown"],
            _fall_meaning(summary),
            Better.HIGHER,
        ),
        _change(
            "max_drawdown_any_row",
            _("Deepest fall within days"),
            summary["max_drawdown_any_row"],
            _("The same, but from candle to candle."),
            Better.HIGHER,
        ),
        _share(
            "volatility",
            _("Volatility"),
            summary["volatility"],
            _("How much daily returns deviate, by the year."),
            Better.LOWER,
        ),
        _ratio("sharpe", _("Sharpe ratio"), summary["sharpe"], _("Return over volatility, by the year.")),
        _ratio("sortino", _("Sortino ratio"), summary["sortino"], _("The same, but only falls count as risk.")),
        _ratio("calmar", _("Calmar ratio"), summary["calmar"], _("Return per year over the deepest fall.")),
        _change(
            "worst_day",
            _("Worst day"),
            summary["worst_day"],
            _("On %(day)s.") % {"day": day(summary["worst_day_at"])},
            Better.HIGHER,
        ),
        _change(
            "best_day", _("Best day"), summary["best_day"], _("On %(day)s.") % {"day": day(summary["best_day_at"])}
        ),
        _share(
            "tracking_error",
            _("Tracking error"),
            summary["against"]["targets"]["tracking_error"],
            _("How much daily returns deviate from those of the ideal, by the year."),
            Better.LOWER,
        ),
    ]


def _fall_meaning(summary: Mapping[str, Any]) -> str:
    if summary["max_drawdown_trough_at"] is None:
        return _("From a high, from day to day.")
    values = {"peak": day(summary["max_drawdown_peak_at"]), "trough": day(summary["max_drawdown_trough_at"])}
    text = _("From a high, from day to day: %(peak)s to %(trough)s") % values
    recovered = summary["max_drawdown_recovered_at"]
    by = _("not made good by the end.")
    if recovered is not None:
        by = _("made good by %(day)s.") % {"day": day(recovered)}
    return f"{text}, {by}"


def _trading(summary: Mapping[str, Any]) -> list[Figure]:
    quote, trades = summary["quote"], summary["trades"]
    rebalances = {code: count for code, count in summary["rebalances"].items() if count}
    return [
        _count(
            "rebalances",
            _("Rebalances"),
            sum(rebalances.values()),
            "; ".join(f"{_begun(code)}: {amount(count)}" for code, count in rebalances.items())
            or _("There was no reason to."),
        ),
        _count("orders_placed", _("Orders placed"), trades["orders_placed"], _("With those that never filled.")),
        _count(
            "orders_filled", _("Filled orders"), trades["orders_filled"], _("Orders that filled, at least in part.")
        ),
        _money("mean", _("Mean trade"), trades["mean"], quote, _("What was traded, over the number of trades.")),
        _money("median", _("Median trade"), trades["median"], quote, _("Half of the trades were smaller.")),
        _money("largest", _("Largest trade"), trades["largest"], quote, _("In one order.")),
        _money("turnover", _("Turnover"), summary["turnover"], quote, _("Bought and sold together."), Better.LOWER),
        _ratio(
            "turnover_per_year",
            _("Turnover per year"),
            summary["turnover_per_year"],
            _("How many times the whole portfolio is traded in a year."),
            Better.LOWER,
        ),
    ]


def _costs(summary: Mapping[str, Any]) -> list[Figure]:
    quote, costs = summary["quote"], summary["costs"]
    return [
        _money("fees", _("Fees"), summary["fees"], quote, _("Commissions, at the price of their trade."), Better.LOWER),
        _money(
            "spread_paid",
            _("Spread paid"),
            summary["spread_paid"],
            quote,
            _("Half the spread of what was taken from the market at once."),
            Better.LOWER,
        ),
        _share(
            "behind",
            _("Behind the ideal"),
            costs["behind"],
            _("By how much more the ideal would be worth at the end, in percent of the end value; below 0 if less."),
            Better.LOWER,
        ),
        _share(
            "cost_of_trading",
            _("of that, by trading"),
            costs["trading"],
            _("Fees and spread. A wider band or a longer interval lowers it."),
            Better.LOWER,
        ),
        _share(
            "cost_of_drift",
            _("of that, by drift"),
            costs["drift"],
            _("What weights away from their targets cost. Below 0: letting them drift has paid."),
            Better.LOWER,
        ),
    ]


def _begun(code: str) -> str:
    return str(BEGUN.get(code, code))


# --- single figures --------------------------------------------------------------------------------------------


def _money(
    key: str,
    name: str,
    text: str | None,
    quote: str,
    meaning: str,
    better: Better = Better.NEITHER,
    *,
    signed: bool = False,
) -> Figure:
    found = number(text)
    if found is None:
        return _not_known(key, name, meaning)
    plus = "+" if signed and found > 0 else ""
    return Figure(key, name, f"{plus}{money(found)} {quote}", meaning, found, better, _sign(found) if signed else "")


def _change(
    key: str,
    name: str,
    text: str | None,
    meaning: str,
    better: Better = Better.NEITHER,
    unknown: str | None = None,
) -> Figure:
    found = share(text)
    if found is None:
        return _not_known(key, name, meaning, unknown)
    return Figure(key, name, signed_percent(found), meaning, found, better, _sign(found))


def _share(key: str, name: str, text: str | None, meaning: str, better: Better) -> Figure:
    found = share(text)
    return (
        _not_known(key, name, meaning) if found is None else Figure(key, name, percent(found), meaning, found, better)
    )


def _ratio(key: str, name: str, text: str | None, meaning: str, better: Better = Better.HIGHER) -> Figure:
    found = number(text)
    return _not_known(key, name, meaning) if found is None else Figure(key, name, money(found), meaning, found, better)


def _count(key: str, name: str, count: int, meaning: str) -> Figure:
    return Figure(key, name, amount(Decimal(count)), meaning, Decimal(count))


def _not_known(key: str, name: str, meaning: str, unknown: str | None = None) -> Figure:
    reason = (
        str(UNKNOWN[unknown])
        if unknown is not None and unknown in UNKNOWN
        else _("It takes more days, or a value that changes.")
    )
    return Figure(key, name, "–", meaning, None, reason=reason)


def _sign(value: Decimal) -> str:
    return "up" if value > 0 else "down" if value < 0 else ""
