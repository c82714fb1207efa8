"""Target weights by a model instead of by hand. Pure: past closes and figures in, weights and their reasons out.

`weights_of` is the one door for the refresh of a strategy and for the back-test. Floats are ratios, returns and
volatilities; what leaves is Decimal, and is a weight in percent, never an amount of money.
"""

from strategies.target_models.reasons import MODEL_REASONS, REFUSALS
from strategies.target_models.risk import minimum_variance, risk_parity, risk_shares
from strategies.target_models.values import (
    HEEDS_CAP,
    READS_CLOSES,
    Explanation,
    ModelKind,
    ModelSettings,
    ModelWeights,
    NoWeights,
)
from strategies.target_models.weighing import weights_of

__all__ = [
    "HEEDS_CAP",
    "MODEL_REASONS",
    "READS_CLOSES",
    "REFUSALS",
    "Explanation",
    "ModelKind",
    "ModelSettings",
    "ModelWeights",
    "NoWeights",
    "minimum_variance",
    "risk_parity",
    "risk_shares",
    "weights_of",
]
