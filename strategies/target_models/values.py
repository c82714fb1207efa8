"""What a target model is told and what it answers. Pure values; weights are in percent of the portfolio."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from botbalance.lib.money import HUNDRED, ZERO
from strategies.target_models.reasons import MODEL_REASONS, REFUSALS


class ModelKind(StrEnum):
    """Where target weights come from. FIXED: from the owner alone, and no model is asked."""

    FIXED = "fixed"
    EQUAL = "equal"
    MARKET_CAP = "market_cap"
    INVERSE_VOLATILITY = "inverse_volatility"
    RISK_PARITY = "risk_parity"
    MINIMUM_VARIANCE = "minimum_variance"
    MOMENTUM = "momentum"


# Models that look at past prices.
READS_CLOSES = frozenset(
    {ModelKind.INVERSE_VOLATILITY, ModelKind.RISK_PARITY, ModelKind.MINIMUM_VARIANCE, ModelKind.MOMENTUM}
)
# Models that heed `cap_pct`. Equal shares of risk, equal weights and a choice of a few would no longer be what they
# are called under a cap.
HEEDS_CAP = frozenset({ModelKind.MARKET_CAP, ModelKind.INVERSE_VOLATILITY, ModelKind.MINIMUM_VARIANCE})


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """How a model weighs.

    total_pct: share of the portfolio it divides, in percent; the rest stays in the quote. lookback_days: over how many
    daily returns it measures. cap_pct: most for one asset, in percent of the portfolio, None for no limit; for the
    models of HEEDS_CAP. square_root: MARKET_CAP weighs by the square root, which evens out. top_k, skip_days,
    volatility_scaled, negative_to_quote: MOMENTUM keeps the best `top_k`, does not look at the last `skip_days`, weighs
    them by the inverse of their volatility instead of equally, and leaves in the quote the share of one that has lost.
    """

    kind: ModelKind
    total_pct: Decimal = HUNDRED
    lookback_days: int = 90
    cap_pct: Decimal | None = None
    square_root: bool = False
    top_k: int = 3
    skip_days: int = 0
    volatility_scaled: bool = False
    negative_to_quote: bool = False

    @property
    def closes_needed(self) -> int:
        """How many daily closes, the latest included, it looks at; 0 where it looks at none."""
        if self.kind not in READS_CLOSES:
            return 0
        return self.lookback_days + 1 + (self.skip_days if self.kind == ModelKind.MOMENTUM else 0)

    @property
    def cap(self) -> Decimal | None:
        """The cap where the model heeds one."""
        return self.cap_pct if self.kind in HEEDS_CAP else None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an asset has its weight: a code of MODEL_REASONS with the values of its sentence."""

    asset: str
    code: str
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        return MODEL_REASONS[self.code].format(**self.values)


# What a weight of nothing means here: it could not be measured, which is not to say that it deserves none.
UNMEASURED = frozenset({"not_priced", "no_history", "no_movement"})


@dataclass(frozen=True, slots=True)
class ModelWeights:
    """What a model gives: a weight for every asset, in percent with four decimals, and why, in the same order."""

    weights: Mapping[str, Decimal]
    explanations: tuple[Explanation, ...]

    @property
    def total_pct(self) -> Decimal:
        return sum(self.weights.values(), ZERO)

    @property
    def unmeasured(self) -> tuple[Explanation, ...]:
        """Assets that got nothing because too little is known of them."""
        return tuple(row for row in self.explanations if row.code in UNMEASURED)


class NoWeights(Exception):
    """The model has no answer to what it was given: a code of REFUSALS with the values of its sentence."""

    def __init__(self, code: str, **values: str) -> None:
        super().__init__(code)
        self.code = code
        self.values: Mapping[str, str] = values

    @property
    def reason(self) -> str:
        return REFUSALS[self.code].format(**self.values)

    def __str__(self) -> str:
        return self.reason
