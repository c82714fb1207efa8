"""Market-cap weights: by the figure or its square root, and what a cap cuts off goes to the others."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.target_models import ModelKind, ModelSettings, ModelWeights, NoWeights, weights_of
from tests.support import examples

D = Decimal
NAMES = [f"A{place:02}" for place in range(12)]


def weigh(figures: dict[str, Decimal], **settings_: object) -> ModelWeights:
    model = ModelSettings(ModelKind.MARKET_CAP, **settings_)  # type: ignore[arg-type]
    return weights_of(model, list(figures), np.empty((0, len(figures))), figures)


def spread_by_hand(figures: list[Fraction], cap: Fraction) -> list[Fraction]:
    """The largest first: whoever would be above the cap gets the cap, and the next shares what is left."""
    rows, left, rest = sorted(range(len(figures)), key=lambda place: -figures[place]), Fraction(1), sum(figures)
    shares = [Fraction(0)] * len(figures)
    for place in rows:
        shares[place] = min(cap, left * figures[place] / rest)
        left, rest = left - shares[place], rest - figures[place]
    return shares


def test_weights_are_in_proportion_to_the_figures() -> None:
    made = weigh({"BTC": D("6000.5"), "ETH": D("2999.5"), "SOL": D(1000)}, total_pct=D(90))
    assert made.weights == {"BTC": D("54.0045"), "ETH": D("26.9955"), "SOL": D(9)}
    assert made.explanations[0].reason == "Its market capitalisation is 6000.5, 60.00% of all in the list."


def test_by_the_square_root_the_large_ones_weigh_less() -> None:
    made = weigh({"BTC": D(900), "ETH": D(100)}, square_root=True)
    assert made.weights == {"BTC": D(75), "ETH": D(25)}


def test_the_excess_over_the_cap_goes_to_the_others_in_proportion() -> None:
    made = weigh({"BTC": D(700), "ETH": D(200), "SOL": D(100)}, cap_pct=D(55))
    assert made.weights == {"BTC": D(55), "ETH": D(30), "SOL": D(15)}
    assert [row.code for row in made.explanations] == ["market_cap_capped", "market_cap", "market_cap"]


def test_whoever_the_excess_lifts_above_the_cap_is_capped_as_well() -> None:
    made = weigh({"BTC": D(700), "ETH": D(200), "SOL": D(100)}, cap_pct=D(40))
    assert made.weights == {"BTC": D(40), "ETH": D(40), "SOL": D(20)}


def test_a_cap_too_low_for_everything_leaves_a_rest_in_the_quote() -> None:
    made = weigh({"BTC": D(700), "ETH": D(200), "SOL": D(100)}, cap_pct=D("30.5"))
    assert made.weights == dict.fromkeys(["BTC", "ETH", "SOL"], D("30.5"))
    assert made.total_pct == D("91.5")


@settings(max_examples=examples(80), deadline=None)
@given(
    figures=st.lists(st.integers(1, 10**15), min_size=1, max_size=12),
    cap=st.integers(1, 1_000_000),
)
def test_capped_weights_equal_those_spread_by_hand(figures: list[int], cap: int) -> None:
    typed = {name: D(figure) for name, figure in zip(NAMES, figures, strict=False)}
    made = weigh(typed, cap_pct=D(cap) / 10_000)
    wanted = spread_by_hand([Fraction(figure) for figure in figures], Fraction(cap, 1_000_000))
    for weight, share in zip(made.weights.values(), wanted, strict=True):
        assert abs(Fraction(weight) / 100 - share) <= Fraction(1, 1_000_000)


@pytest.mark.parametrize("figure", [D(0), D(-1), D("NaN"), D("Infinity"), None])
def test_an_unknown_figure_is_never_guessed(figure: Decimal | None) -> None:
    figures = {"BTC": D(1)} if figure is None else {"BTC": D(1), "ETH": figure}
    model = ModelSettings(ModelKind.MARKET_CAP)
    with pytest.raises(NoWeights) as refused:
        weights_of(model, ["BTC", "ETH"], np.empty((0, 2)), figures)
    assert refused.value.reason == "The market capitalisation of these assets is not known: ETH."
