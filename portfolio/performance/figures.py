"""All figures of an account over one period, beside what holding, and bitcoin, would have made of the money. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from botbalance.lib.money import ONE, ZERO, wide
from portfolio.performance.benchmarks import Benchmark, follow, hold
from portfolio.performance.history import AccountMoment
from portfolio.performance.money_weighted import MoneyWeighted, money_weighted_return
from portfolio.performance.returns import GrowthCurve, Unknown, growth_curve
from portfolio.performance.risk import RiskFigures, risk_figures
from portfolio.performance.series import daily

BITCOIN = "BTC"


@dataclass(frozen=True, slots=True)
class Compared:
    """A benchmark, and its time-weighted return (a fraction), which is None where the benchmark ends early."""

    benchmark: Benchmark
    time_weighted: Decimal | None
    unknown: Unknown | None


@dataclass(frozen=True, slots=True)
class PeriodFigures:
    """One period. Money in the currency of account; returns are fractions.

    `put_in` is what came in less what went out, `earned` what the value grew beyond that. `risk` is of the growth curve
    at one point a day; `repeated_days` had no valuation and repeat the one before.
    """

    start_at: datetime
    end_at: datetime
    start_nav: Decimal
    end_nav: Decimal
    put_in: Decimal
    earned: Decimal
    growth: GrowthCurve
    money_weighted: MoneyWeighted
    hold: Compared
    bitcoin: Compared
    risk: RiskFigures
    repeated_days: int

    @property
    def time_weighted(self) -> Decimal | None:
        return self.growth.total


def period_figures(moments: Sequence[AccountMoment], currency: str) -> PeriodFigures | None:
    """The figures of an account over `moments`, oldest first, as `history.within` gives them; None without any."""
    if not moments:
        return None
    first, last = moments[0], moments[-1]
    valued = [moment.valued for moment in moments]
    growth = growth_curve(valued)
    days = daily((point.at, point.factor) for point in growth.points)
    with wide():
        put_in = sum((moment.flow for moment in moments), ZERO)
        earned = last.nav - first.nav - put_in
    return PeriodFigures(
        start_at=first.at,
        end_at=last.at,
        start_nav=first.nav,
        end_nav=last.nav,
        put_in=put_in,
        earned=earned,
        growth=growth,
        money_weighted=money_weighted_return(valued),
        hold=held(moments, currency),
        bitcoin=in_bitcoin(moments, currency),
        risk=risk_figures(days.days, days.values),
        repeated_days=days.repeated,
    )


def held(moments: Sequence[AccountMoment], currency: str) -> Compared:
    """What was held at the first moment, only held; what had no price then is in neither value."""
    first = moments[0]
    known = {asset: total for asset, total in first.totals.items() if asset == currency or asset in first.prices}
    return _compared(hold(known, [moment.moment for moment in moments], currency), moments)


def in_bitcoin(moments: Sequence[AccountMoment], currency: str) -> Compared:
    """Everything in bitcoin from the first moment on."""
    if not moments[0].nav:
        return _compared(Benchmark((), Unknown.NOTHING_INVESTED), moments)
    benchmark = follow({BITCOIN: ONE}, moments[0].nav, [moment.moment for moment in moments], currency)
    return _compared(benchmark, moments)


def _compared(benchmark: Benchmark, moments: Sequence[AccountMoment]) -> Compared:
    curve = growth_curve(benchmark.points)
    unknown = benchmark.unknown or curve.unknown
    if unknown is None and benchmark.points[-1].at != moments[-1].at:
        unknown = Unknown.PRICE_MISSING  # it could not be valued at the end: its return is of another period
    return Compared(benchmark, None if unknown else curve.total, unknown)
