"""What needs several floors at once: a portfolio with its targets."""

from dataclasses import dataclass
from decimal import Decimal

from botbalance.lib.money import ZERO
from exchanges.models import ExchangeAccount
from portfolio import services as portfolio
from portfolio.domain import Holding, Valuation
from portfolio.selectors import KnownBalances
from strategies import selectors as strategies
from strategies.domain import target_weights
from strategies.models import Strategy


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One asset of a summary: held, wanted, or both. Weights in percent of NAV; None where unpriced or not a target."""

    asset: str
    free: Decimal
    locked: Decimal
    price: Decimal | None
    value: Decimal | None
    weight_pct: Decimal | None
    target_pct: Decimal | None

    @property
    def drift_pct(self) -> Decimal | None:
        """Points by which the weight is above its target."""
        if self.weight_pct is None or self.target_pct is None:
            return None
        return self.weight_pct - self.target_pct


@dataclass(frozen=True, slots=True)
class Summary:
    """An account's value, weights and targets at one moment."""

    valuation: Valuation
    balances: KnownBalances
    strategy: Strategy | None
    rows: tuple[SummaryRow, ...]


def summarise(account: ExchangeAccount) -> Summary:
    """The account's holdings beside the targets of its active strategy, for display. Raises an AppError."""
    valuation, known = portfolio.value_account(account)
    strategy = strategies.active_strategy(account)
    wanted = target_weights(strategies.targets(strategy), strategy.quote) if strategy else {}
    rows = [_row(holding, wanted.get(holding.asset)) for holding in valuation.holdings]
    held = {row.asset for row in rows}
    for asset, weight in wanted.items():
        if asset not in held:
            rows.append(SummaryRow(asset, ZERO, ZERO, None, ZERO, ZERO, weight))
    return Summary(valuation, known, strategy, tuple(rows))


def _row(holding: Holding, target: Decimal | None) -> SummaryRow:
    return SummaryRow(
        holding.asset, holding.free, holding.locked, holding.price, holding.value, holding.weight_pct, target
    )
