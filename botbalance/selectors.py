"""What needs several floors at once: a portfolio with its targets."""

from dataclasses import dataclass, replace
from decimal import Decimal

from botbalance.lib.money import ZERO, wide
from exchanges.models import ExchangeAccount
from orders import selectors as orders
from portfolio import services as portfolio
from portfolio.domain import Holding, Valuation
from portfolio.selectors import KnownBalances
from strategies import selectors as strategies
from strategies.domain import BandType, Limits, target_weights
from strategies.models import Strategy
from strategies.planner.bands import Managed
from strategies.planner.fee_money import without_fee_money
from strategies.services import limits_of


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One asset of a summary: held, wanted, or both.

    `weight_pct` is of NAV. `share_pct` and `drift_pct` are what the autopilot goes by: the weight in what the strategy
    manages, which is NAV without coins it leaves alone, and the points it is above its target there; the quote's target
    is the reserve where that is more than the others leave. None where there is no price or no target. `is_outside`: it
    is outside its band, which coins to be sold are too. `band_pct`: how many points from its target it may be; None
    where it has no band.
    """

    asset: str
    free: Decimal
    locked: Decimal
    price: Decimal | None
    value: Decimal | None
    weight_pct: Decimal | None
    target_pct: Decimal | None
    drift_pct: Decimal | None
    share_pct: Decimal | None = None
    is_outside: bool = False
    band_pct: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """An account's value, weights and targets at one moment. `managed`: what the targets divide, in the quote."""

    valuation: Valuation
    balances: KnownBalances
    strategy: Strategy | None
    rows: tuple[SummaryRow, ...]
    managed: Decimal


def summarise(account: ExchangeAccount, *, fresh: bool = False) -> Summary:
    """The account's holdings beside the targets of its active strategy, for display. Raises an AppError.

    Balances are those known since the last change of an order of ours, or read now when they are wanted `fresh`.
    """
    changed_ms = orders.newest_order_change_ms(account)
    valuation, known = portfolio.value_account(account, changed_ms=changed_ms, fresh=fresh)
    strategy = strategies.active_strategy(account)
    if strategy is None:
        rows = tuple(_unmanaged(holding) for holding in valuation.holdings)
        return Summary(valuation, known, None, rows, valuation.nav)
    targets = strategies.targets(strategy)
    limits = limits_of(strategy, known.fee_rate, valuation.nav, ZERO)
    with wide():
        managed = Managed.of(valuation, targets, limits)
        counted = without_fee_money(valuation, limits.bnb_for_fees)
        wanted = target_weights(targets, strategy.quote)
        held = {holding.asset for holding in valuation.holdings}
        holdings = [*valuation.holdings, *(_nothing_of(asset) for asset in wanted if asset not in held)]
        values = {**dict.fromkeys(held, ZERO), **{holding.asset: holding.value for holding in counted.holdings}}
        rows = tuple(
            _row(holding, values.get(holding.asset, ZERO), wanted.get(holding.asset), managed, limits, strategy.quote)
            for holding in holdings
        )
    return Summary(valuation, known, strategy, rows, managed.value)


def _nothing_of(asset: str) -> Holding:
    return Holding(asset, ZERO, ZERO, None, ZERO, ZERO)


def _unmanaged(holding: Holding) -> SummaryRow:
    return SummaryRow(
        holding.asset, holding.free, holding.locked, holding.price, holding.value, holding.weight_pct, None, None
    )


def _row(
    holding: Holding,
    value: Decimal | None,
    target_pct: Decimal | None,
    managed: Managed,
    limits: Limits,
    quote: str,
) -> SummaryRow:
    """A holding as `largest_drift` judges it, by which the autopilot goes: `value` is what of it counts."""
    row = replace(_unmanaged(holding), target_pct=target_pct)
    is_quote = holding.asset == quote
    if value is None or managed.value <= 0 or not (is_quote or holding.asset in managed.weights):
        return row
    target = managed.quote_target(limits) if is_quote else managed.target_value(holding.asset)
    has_band = not is_quote or limits.band_type == BandType.ABSOLUTE
    band = managed.band(target, limits)
    row = replace(row, is_outside=has_band and abs(target - value) > band)
    if has_band:
        row = replace(row, band_pct=managed.points(band))
    if target_pct is None:
        return row
    return replace(row, share_pct=managed.points(value), drift_pct=managed.points(value - target))
