"""What needs several floors at once: a portfolio with its targets."""

from dataclasses import dataclass
from decimal import Decimal

from botbalance.lib.money import HUNDRED, ZERO
from exchanges.models import ExchangeAccount
from orders import selectors as orders
from portfolio import services as portfolio
from portfolio.domain import Holding, Valuation
from portfolio.selectors import KnownBalances
from strategies import selectors as strategies
from strategies.domain import held_apart, target_weights
from strategies.models import Strategy


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One asset of a summary: held, wanted, or both.

    `weight_pct` is of NAV. `drift_pct` is what the planner goes by: points above the target in what the strategy
    manages, which is NAV without coins it leaves alone. None where there is no price or no target.
    """

    asset: str
    free: Decimal
    locked: Decimal
    price: Decimal | None
    value: Decimal | None
    weight_pct: Decimal | None
    target_pct: Decimal | None
    drift_pct: Decimal | None


@dataclass(frozen=True, slots=True)
class Summary:
    """An account's value, weights and targets at one moment."""

    valuation: Valuation
    balances: KnownBalances
    strategy: Strategy | None
    rows: tuple[SummaryRow, ...]


def summarise(account: ExchangeAccount, *, fresh: bool = False) -> Summary:
    """The account's holdings beside the targets of its active strategy, for display. Raises an AppError.

    Balances are those known since the last change of an order of ours, or read now when they are wanted `fresh`.
    """
    changed_ms = orders.newest_order_change_ms(account)
    valuation, known = portfolio.value_account(account, changed_ms=changed_ms, fresh=fresh)
    strategy = strategies.active_strategy(account)
    if strategy is None:
        return Summary(valuation, known, None, tuple(_row(holding, None, ZERO) for holding in valuation.holdings))
    targets = strategies.targets(strategy)
    wanted = target_weights(targets, strategy.quote)
    held = [holding.asset for holding in valuation.holdings]
    apart = held_apart(held, targets, strategy.quote, strategy.sell_unlisted)
    values = {holding.asset: holding.value or ZERO for holding in valuation.holdings}
    managed = valuation.nav - sum((values[asset] for asset in apart), ZERO)
    rows = [_row(holding, wanted.get(holding.asset), managed) for holding in valuation.holdings]
    rows += [
        SummaryRow(asset, ZERO, ZERO, None, ZERO, ZERO, weight, -weight)
        for asset, weight in wanted.items()
        if asset not in values
    ]
    return Summary(valuation, known, strategy, tuple(rows))


def _row(holding: Holding, target: Decimal | None, managed: Decimal) -> SummaryRow:
    drift = None
    if target is not None and holding.value is not None and managed > 0:
        drift = holding.value / managed * HUNDRED - target
    return SummaryRow(
        holding.asset, holding.free, holding.locked, holding.price, holding.value, holding.weight_pct, target, drift
    )
