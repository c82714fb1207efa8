"""Momentum: the best few are held, equally or by calm, and what has lost may stay in the quote."""

from decimal import Decimal

import numpy as np
import numpy.typing as npt

from strategies.target_models import ModelKind, ModelSettings, ModelWeights, weights_of

D = Decimal
Floats = npt.NDArray[np.float64]
NAMES = ["ADA", "BTC", "DOT", "ETH"]
DAYS = 20


def rising(*percents: float, days: int = DAYS) -> Floats:
    """Closes that rise evenly by so many percent over the lookback."""
    return np.linspace(1.0, 1.0 + np.array(percents) / 100.0, days + 1)


def weigh(closes: Floats, **settings: object) -> ModelWeights:
    model = ModelSettings(ModelKind.MOMENTUM, lookback_days=DAYS, **settings)  # type: ignore[arg-type]
    return weights_of(model, NAMES[: closes.shape[1]], closes)


def test_the_best_few_get_equal_shares() -> None:
    made = weigh(rising(10, 40, -5, 20), top_k=2)
    assert made.weights == {"ADA": D(0), "BTC": D(50), "DOT": D(0), "ETH": D(50)}
    assert [row.reason for row in made.explanations] == [
        "Number 3 of 4: its price changed by 10.00% in 20 days, and only the best 2 are held.",
        "Number 1 of 4: its price changed by 40.00% in 20 days.",
        "Number 4 of 4: its price changed by -5.00% in 20 days, and only the best 2 are held.",
        "Number 2 of 4: its price changed by 20.00% in 20 days.",
    ]


def test_the_last_days_are_not_looked_at_where_they_are_skipped() -> None:
    closes = np.vstack([rising(10, 40, -5, 20), rising(10, 40, -5, 20)[-1:] * np.array([[9.0, 0.1, 9.0, 0.1]])])
    assert weigh(closes, top_k=1, skip_days=1).weights["BTC"] == 100
    assert weigh(closes, top_k=1, skip_days=0).weights["ADA"] == 100


def test_what_has_lost_keeps_its_share_in_the_quote_if_so_wished() -> None:
    made = weigh(rising(10, -1, -5, 20), top_k=3, negative_to_quote=True)
    assert made.weights == {"ADA": D("33.3334"), "BTC": D(0), "DOT": D(0), "ETH": D("33.3333")}
    assert made.explanations[1].reason == (
        "Number 3 of 4, but its price changed by -1.00% in 20 days: its share stays in the quote."
    )
    assert weigh(rising(10, -1, -5, 20), top_k=3).weights["BTC"] == D("33.3333")


def test_where_all_have_lost_everything_stays_in_the_quote_or_the_least_loss_is_held() -> None:
    closes = rising(-10, -1, -5, -20)
    made = weigh(closes, top_k=3, negative_to_quote=True)
    assert made.total_pct == 0
    assert [row.code for row in made.explanations] == ["momentum_to_quote"] * 3 + ["momentum_not_chosen"]
    assert weigh(closes, top_k=1).weights["BTC"] == 100


def test_no_change_is_no_loss() -> None:
    assert weigh(rising(0, -1), top_k=1, negative_to_quote=True).weights == {"ADA": D(100), "BTC": D(0)}


def test_the_calmer_of_those_chosen_weigh_more_if_so_wished() -> None:
    swing = np.where(np.arange(DAYS) % 2 == 0, 0.03, -0.01)
    loud = np.where(np.arange(DAYS) % 2 == 0, 0.06, -0.02)
    still = np.zeros(DAYS) + np.where(np.arange(DAYS) % 2 == 0, 1e-3, -2e-3)
    closes = np.vstack([np.ones(3), np.cumprod(1 + np.column_stack([swing, loud, still]), axis=0)])
    made = weigh(closes, top_k=2, volatility_scaled=True)
    assert made.weights == {"ADA": D("66.6667"), "BTC": D("33.3333"), "DOT": D(0)}
    assert made.explanations[0].code == "momentum_scaled"


def test_more_places_than_assets_are_shared_by_those_there_are() -> None:
    assert weigh(rising(1, 2), top_k=9).weights == {"ADA": D(50), "BTC": D(50)}


def test_equal_changes_are_ranked_by_name() -> None:
    assert weigh(rising(5, 5, 5), top_k=1).weights == {"ADA": D(100), "BTC": D(0), "DOT": D(0)}
