"""What every target model keeps: exact sums, no look-ahead, no memory of an order, and a reason for every weight."""

from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.target_models import MODEL_REASONS, ModelKind, ModelSettings, ModelWeights, NoWeights, weights_of
from tests.support import examples

D = Decimal
Floats = npt.NDArray[np.float64]
MODELS = [kind for kind in ModelKind if kind != ModelKind.FIXED]
NAMES = ["BTC", "ETH", "SOL", "ADA", "XRP", "LTC", "DOT", "BNB", "AVAX", "DOGE"]


def walk(assets: int, days: int = 60, seed: int = 1) -> Floats:
    """Closes of a seeded random walk: correlated, and each asset with a volatility of its own."""
    draw = np.random.default_rng(seed)
    common = draw.normal(0.0, 0.02, (days, 1))
    own = draw.normal(0.0, 0.03, (days, assets)) * draw.uniform(0.3, 2.0, assets)
    return np.asarray(100.0 * np.exp(np.cumsum(common + own, axis=0)))


def caps(assets: int) -> dict[str, Decimal]:
    return {asset: D(1000) / (place + 1) for place, asset in enumerate(NAMES[:assets])}


def weigh(model: ModelSettings, closes: Floats, market_caps: dict[str, Decimal] | None = None) -> ModelWeights:
    count = closes.shape[1]
    return weights_of(model, NAMES[:count], closes, caps(count) if market_caps is None else market_caps)


@settings(max_examples=examples(60), deadline=None)
@given(
    kind=st.sampled_from(MODELS),
    count=st.integers(1, 10),
    seed=st.integers(0, 10_000),
    total=st.decimals(1, 100, places=4),
    cap=st.none() | st.decimals(1, 100, places=4),
    top=st.integers(1, 10),
    flags=st.tuples(st.booleans(), st.booleans()),
)
def test_weights_add_up_exactly_and_stay_under_the_cap(
    kind: ModelKind,
    count: int,
    seed: int,
    total: Decimal,
    cap: Decimal | None,
    top: int,
    flags: tuple[bool, bool],
) -> None:
    model = ModelSettings(
        kind, total, lookback_days=40, cap_pct=cap, top_k=top, square_root=flags[0], volatility_scaled=flags[1]
    )
    made = weigh(model, walk(count, seed=seed))
    most = total if model.cap is None else min(total, model.cap * count)
    assert made.total_pct == most
    assert all(0 <= weight <= (model.cap or total) for weight in made.weights.values())
    assert all(weight.as_tuple().exponent == -4 for weight in made.weights.values())
    assert list(made.weights) == [row.asset for row in made.explanations] == NAMES[:count]
    assert all("{" not in row.reason and "nan" not in row.reason for row in made.explanations)


@pytest.mark.parametrize("kind", MODELS)
def test_what_comes_before_the_window_makes_no_difference(kind: ModelKind) -> None:
    model = ModelSettings(kind, lookback_days=30, skip_days=3, cap_pct=D(40))
    closes = walk(6, days=80)
    other = closes.copy()
    other[: len(closes) - model.closes_needed] = 1.0
    assert weigh(model, other) == weigh(model, closes)


@pytest.mark.parametrize("kind", MODELS)
def test_the_order_of_the_assets_makes_no_difference(kind: ModelKind) -> None:
    model = ModelSettings(kind, D("99.9999"), lookback_days=30, cap_pct=D(30), volatility_scaled=True)
    closes = walk(7)
    closes[:, 3] = closes[:, 1]  # even where two are alike
    plainly = weigh(model, closes)
    order = [4, 1, 6, 0, 3, 5, 2]
    turned = weights_of(model, [NAMES[place] for place in order], closes[:, order], caps(7))
    assert turned.weights == plainly.weights
    assert {row.asset: row for row in turned.explanations} == {row.asset: row for row in plainly.explanations}


@pytest.mark.parametrize("kind", MODELS)
def test_the_level_of_a_price_makes_no_difference(kind: ModelKind) -> None:
    model = ModelSettings(kind, lookback_days=30)
    closes = walk(5)
    assert weigh(model, closes * np.array([1e-6, 1.0, 7.0, 1e4, 1e5])).weights == weigh(model, closes).weights


@pytest.mark.parametrize("kind", MODELS)
def test_one_asset_gets_everything(kind: ModelKind) -> None:
    assert weigh(ModelSettings(kind, D(80), lookback_days=30), walk(1)).weights == {"BTC": D("80.0000")}


def test_equal_shares_differ_by_a_rounding_only() -> None:
    made = weigh(ModelSettings(ModelKind.EQUAL), np.empty((0, 3)))
    assert sorted(made.weights.values()) == [D("33.3333"), D("33.3333"), D("33.3334")]
    assert [row.reason for row in made.explanations] == ["One of 3 equal shares."] * 3


@pytest.mark.parametrize("kind", [ModelKind.EQUAL, ModelKind.MARKET_CAP])
def test_models_without_history_need_none_but_an_asset_without_a_latest_close_gets_nothing(kind: ModelKind) -> None:
    model = ModelSettings(kind)
    assert model.closes_needed == 0
    assert weigh(model, np.empty((0, 2))).unmeasured == ()
    made = weigh(model, np.array([[1.0, 1.0], [2.0, np.nan]]))
    assert made.weights == {"BTC": D(100), "ETH": D(0)}
    assert [(row.asset, row.code) for row in made.unmeasured] == [("ETH", "not_priced")]
    with pytest.raises(NoWeights, match="latest price"):
        weigh(model, np.array([[np.nan, 0.0]]))


@pytest.mark.parametrize(
    "kind",
    [ModelKind.INVERSE_VOLATILITY, ModelKind.RISK_PARITY, ModelKind.MINIMUM_VARIANCE, ModelKind.MOMENTUM],
)
class TestModelsThatReadHistory:
    def test_an_asset_with_too_little_of_it_gets_nothing_and_is_named(self, kind: ModelKind) -> None:
        model = ModelSettings(kind, lookback_days=30)
        closes = walk(4, days=31)
        whole = weigh(model, closes[:, :3])
        closes[:12, 3] = np.nan  # listed twelve days late
        made = weigh(model, closes)
        assert made.weights == {**whole.weights, "ADA": D(0)}
        (row,) = made.unmeasured
        assert row.reason == "It has closing prices of 19 of the 31 days that are needed, so it gets nothing."

    @pytest.mark.parametrize("place", [0, -1])
    def test_the_first_and_the_last_day_must_be_known(self, kind: ModelKind, place: int) -> None:
        closes = walk(3, days=31)
        closes[place, 0] = np.nan
        made = weigh(ModelSettings(kind, lookback_days=30), closes)
        assert (made.weights["BTC"], [row.asset for row in made.unmeasured]) == (D(0), ["BTC"])

    def test_a_day_on_which_the_exchange_stood_still_is_bridged(self, kind: ModelKind) -> None:
        closes = walk(3, days=31)
        closes[10:12] = np.nan
        made = weigh(ModelSettings(kind, lookback_days=30), closes)
        assert made.unmeasured == ()
        assert made.total_pct == 100

    @pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0, -1.0])
    def test_what_is_no_price_counts_as_missing(self, kind: ModelKind, bad: float) -> None:
        closes = walk(3, days=31)
        closes[5:15, 2] = bad
        made = weigh(ModelSettings(kind, lookback_days=30), closes)
        assert [row.asset for row in made.unmeasured] == ["SOL"]

    def test_too_little_history_of_all_is_refused(self, kind: ModelKind) -> None:
        with pytest.raises(NoWeights) as refused:
            weigh(ModelSettings(kind, lookback_days=30), walk(3, days=30))
        assert (refused.value.code, refused.value.values) == ("too_little_history", {"needed": "31"})
        with pytest.raises(NoWeights):
            weigh(ModelSettings(kind, lookback_days=30), np.empty((0, 3)))

    def test_a_price_that_never_moves_has_no_risk_to_weigh_by(self, kind: ModelKind) -> None:
        model = ModelSettings(kind, lookback_days=30, volatility_scaled=True)
        closes = walk(3, days=31)
        whole = weigh(model, closes[:, :2])
        closes[:, 2] = 1.0
        made = weigh(model, closes)
        assert made.weights == {**whole.weights, "SOL": D(0)}
        assert [row.code for row in made.unmeasured] == ["no_movement"]
        with pytest.raises(NoWeights, match="No price moved in 30 days"):
            weigh(model, np.ones((31, 3)))

    def test_fewer_days_than_assets_still_give_weights(self, kind: ModelKind) -> None:
        assert weigh(ModelSettings(kind, lookback_days=4), walk(10)).total_pct == 100

    def test_assets_that_move_alike_share_evenly(self, kind: ModelKind) -> None:
        closes = walk(1, days=31).repeat(3, axis=1)
        made = weigh(ModelSettings(kind, lookback_days=30), closes)
        assert max(made.weights.values()) - min(made.weights.values()) <= D("0.0001")


def test_the_skipped_days_are_part_of_the_history_that_is_needed() -> None:
    assert ModelSettings(ModelKind.MOMENTUM, lookback_days=30, skip_days=7).closes_needed == 38
    assert ModelSettings(ModelKind.RISK_PARITY, lookback_days=30, skip_days=7).closes_needed == 31


def test_what_does_not_fit_together_is_an_error_of_the_caller() -> None:
    for model, assets in (
        (ModelSettings(ModelKind.EQUAL), ["BTC"]),
        (ModelSettings(ModelKind.EQUAL), ["BTC", "BTC"]),
        (ModelSettings(ModelKind.FIXED), ["BTC", "ETH"]),
    ):
        with pytest.raises(ValueError, match=r"column|owner"):
            weights_of(model, assets, walk(2))
    with pytest.raises(NoWeights, match="no assets"):
        weights_of(ModelSettings(ModelKind.EQUAL), [], np.empty((0, 0)))


def test_every_reason_can_be_given() -> None:
    """Scenes that bring out each sentence: one that no scene does is one too many."""
    flat, late = walk(6, days=31), walk(6, days=31)
    flat[:, 5] = 1.0
    late[:5, 5] = np.nan
    late[-1, 4] = np.nan
    calm = walk(6, days=31, seed=5)
    scenes = [
        (ModelSettings(kind, lookback_days=30, cap_pct=cap, square_root=root, volatility_scaled=root, top_k=2), closes)
        for kind in MODELS
        for cap in (None, D(20))
        for root in (False, True)
        for closes in (flat, late, calm)
    ]
    falling = np.linspace(2.0, 1.0, 31)[:, None] * calm / calm
    scenes.append((ModelSettings(ModelKind.MOMENTUM, lookback_days=30, negative_to_quote=True), falling))
    told = {row.code for model, closes in scenes for row in weigh(model, closes).explanations}
    assert told == set(MODEL_REASONS)
