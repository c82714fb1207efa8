"""What the pages and the API show of an account's performance. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from botbalance.account_performance.reading import account_history
from botbalance.account_performance.tax_lots import AccountLots, fees_within
from botbalance.lib import cache
from exchanges.models import ExchangeAccount
from portfolio import selectors as portfolio
from portfolio.performance.figures import Compared, PeriodFigures, held, in_bitcoin, period_figures
from portfolio.performance.history import within
from portfolio.performance.profit import AssetProfit, profit_by_asset
from portfolio.performance.returns import Unknown, growth_curve

# The periods that figures are shown over, in days; None is everything that is recorded.
PERIODS: Mapping[str, int | None] = {"7d": 7, "30d": 30, "90d": 90, "1y": 365, "all": None}
# Up to this length curves have about so many points, at most one an hour; beyond it one a day.
_HOURLY_UP_TO = timedelta(days=31)
_DRAWN = 160
# A history that begins this much later than a period does not cover it.
_LATE = timedelta(days=1)

Points = Sequence[tuple[datetime, Decimal]]


@dataclass(frozen=True, slots=True)
class Period:
    """A period by its name in `PERIODS`; without figures where what is recorded does not reach back that far."""

    name: str
    figures: PeriodFigures | None


@dataclass(frozen=True, slots=True)
class Periods:
    """Figures over every period. `begins_at`: since when everything is accounted for; `broken`: that is because
    something changed then that nothing explains, and not because recording began.
    """

    rows: tuple[Period, ...]
    begins_at: datetime | None
    broken: bool

    def row(self, name: str) -> Period:
        return next(row for row in self.rows if row.name == name)


REMEMBERED_SECONDS = 300
_SHAPE = 1  # of Curves: another one with every field that comes or goes


@dataclass(frozen=True, slots=True)
class Curves:
    """Value over time beside the benchmarks, and the time-weighted return of that time (a fraction)."""

    nav: Points
    hold: Points
    bitcoin: Points
    hold_unknown: Unknown | None
    bitcoin_unknown: Unknown | None
    time_weighted: Decimal | None
    had_flows: bool


def start_of(name: str, now: datetime) -> datetime | None:
    """When a period of `PERIODS` that ends now began; None for everything."""
    days = PERIODS[name]
    return None if days is None else now - timedelta(days=days)


def periods(account: ExchangeAccount, now: datetime) -> Periods:
    """The figures of an account over every period that ends now, up to its last valuation."""
    starts = {name: start_of(name, now) for name in PERIODS}
    begins = [start for start in starts.values() if start is not None]
    history = account_history(account, portfolio.thinned_history(account, begins=begins))
    first = history.moments[0].at if history.moments else None
    rows = []
    for name, start in starts.items():
        is_covered = first is not None and (start is None or first <= start + _LATE)
        figures = period_figures(within(history.moments, start, None), account.quote) if is_covered else None
        rows.append(Period(name, figures))
    return Periods(tuple(rows), first, bool(history.breaks))


def between(
    account: ExchangeAccount, start: datetime | None, end: datetime | None
) -> tuple[PeriodFigures | None, bool]:
    """The figures of an account over [start, end], and whether they begin later because something changed in that time
    that nothing explains.
    """
    history = account_history(account, portfolio.thinned_history(account, start, end), start)
    return period_figures(within(history.moments, start, end), account.quote), bool(history.breaks)


def curves(account: ExchangeAccount, start: datetime | None, now: datetime) -> Curves | None:
    """The curves of an account since `start`; None where nothing is recorded."""
    is_short = start is not None and now - start <= _HOURLY_UP_TO
    recorded = portfolio.thinned_history(account, start, most=_DRAWN if is_short else None)
    moments = within(account_history(account, recorded, start).moments, start, None)
    if not moments:
        return None
    hold, bitcoin = held(moments, account.quote), in_bitcoin(moments, account.quote)
    return Curves(
        nav=[(moment.at, moment.nav) for moment in moments],
        hold=_points(hold),
        bitcoin=_points(bitcoin),
        hold_unknown=hold.unknown,
        bitcoin_unknown=bitcoin.unknown,
        time_weighted=growth_curve(moment.valued for moment in moments).total,
        had_flows=any(moment.flow for moment in moments),
    )


def remembered_curves(account: ExchangeAccount, start: datetime, now: datetime, mark: str) -> Curves | None:
    """`curves`, worked out once for everybody who shows them while `mark` is the same: one that was read before, and is
    another one with every valuation and flow (botbalance/status/marks.py). A fill that is recorded later than the
    valuation after it explains a change at most `REMEMBERED_SECONDS` late.
    """
    key = f"curves:{_SHAPE}:{account.pk}:{(now - start).days}:{mark}"
    found: tuple[Curves | None] | None = cache.recall(key)
    if found is None:
        found = (curves(account, start, now),)
        cache.remember(key, found, REMEMBERED_SECONDS)
    return found[0]


def _points(compared: Compared) -> Points:
    return [(point.at, point.after) for point in compared.benchmark.points]


def profits(lots: AccountLots, start: datetime | None = None, end: datetime | None = None) -> tuple[AssetProfit, ...]:
    """The profit of every asset: realised, with fees, within [start, end]; unrealised as of the last valuation."""
    closed = [
        line
        for line in lots.closed
        if (start is None or line.disposed_at >= start) and (end is None or line.disposed_at <= end)
    ]
    return profit_by_asset(closed, lots.open, lots.prices, fees_within(lots.fees, start, end))
