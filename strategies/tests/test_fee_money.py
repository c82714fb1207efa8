"""BNB that is kept to pay fees with: beside the portfolio, never sold, and bought again when half of it is used."""

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.backtest.engine.history import History
from strategies.backtest.engine.scenario import Fees, FillMode, Fills, Scenario
from strategies.backtest.engine.simulation import run_backtest
from strategies.domain import BandType, Goal, Limits, OpenOrder, Target, Trigger
from strategies.drift import DriftBook
from strategies.planner.gauge import Gauge
from strategies.tests.backtest_reference import as_rows, same_totals, slow_backtest
from strategies.tests.backtesting import closes, rules_for
from strategies.tests.planning import QUOTE, D, Scene

PRICES = {"BTC": 50_000, "BNB": 500}


def scene(held: dict[str, Any], targets: dict[str, Any], **limits: Any) -> Scene:
    given_limits = {"order_size_pct": "100", "bnb_for_fees": "20", "min_delta_pct": "1", **limits}
    return Scene.of(prices=PRICES, held=held, targets=targets, **given_limits)


def legs(made: Scene) -> list[tuple[str, str, Decimal]]:
    return [(leg.side.value, leg.asset, leg.quantity) for leg in made.plan().legs]


def skips(made: Scene) -> dict[str, str]:
    return {skip.asset: skip.code for skip in made.plan().skips}


def test_it_is_bought_although_it_is_no_target_and_says_what_for() -> None:
    made = scene({"USDT": 1_000, "BTC": "0.02"}, {"BTC": 50})
    plan = made.plan()
    assert legs(made) == [("BUY", "BNB", D("0.04"))]
    assert plan.leg_for_fees is plan.legs[0]
    rested = made.after(plan.legs)
    assert legs(rested) == []
    assert skips(rested)["BNB"] == "kept_for_fees"
    assert rested.plan().is_settled


def test_it_is_not_bought_again_before_half_of_it_is_used() -> None:
    held = {"USDT": 1_000, "BTC": "0.02"}
    assert legs(scene({**held, "BNB": "0.02"}, {"BTC": 50})) == []
    assert legs(scene({**held, "BNB": "0.018"}, {"BTC": 50})) == [("BUY", "BNB", D("0.022"))]


def test_coins_that_are_not_listed_are_sold_but_for_it() -> None:
    made = scene({"USDT": 1_000, "BTC": "0.02", "BNB": 1}, {"BTC": 50}, sell_unlisted=True)
    assert legs(made)[0] == ("SELL", "BNB", D("0.96"))
    kept = scene({"USDT": 1_000, "BTC": "0.02", "BNB": "0.04"}, {"BTC": 50}, sell_unlisted=True)
    assert legs(kept) == []
    assert kept.plan().managed == 2_000  # and nothing of the 20 has to be shared out among the targets


def test_a_target_of_bnb_comes_on_top_of_it() -> None:
    made = scene({"USDT": 510, "BTC": "0.01"}, {"BTC": 50, "BNB": 10})
    assert legs(made) == [("BUY", "BNB", D("0.04"))]  # first, and its share in the next round
    second = made.after(made.plan().legs)
    assert [leg[:2] for leg in legs(second)] == [("BUY", "BNB")]
    third = second.after(second.plan().legs)
    assert third.held["BNB"] * 500 > 20 + 95
    assert third.plan().is_settled


def test_the_smallest_order_is_bought_where_less_is_missing() -> None:
    assert legs(scene({"USDT": 1_000}, {"BTC": 0}, bnb_for_fees="3")) == [("BUY", "BNB", D("0.01002"))]


def test_nothing_is_sold_for_it_and_the_reserve_is_not_touched() -> None:
    short = scene({"USDT": 4, "BTC": "0.02"}, {"BTC": 100})
    assert legs(short) == []
    assert skips(short)["BNB"] == "no_quote"
    assert legs(scene({"USDT": 100, "BTC": "0.018"}, {"BTC": 90}, quote_reserve_pct="10")) == []


def test_an_order_that_brings_it_is_waited_for() -> None:
    on_its_way = OpenOrder("BNBUSDT", "BUY", D(490), D("0.04"))  # type: ignore[arg-type]
    made = Scene.of(
        prices=PRICES, held={"USDT": 980, "BTC": "0.02"}, targets={"BTC": 50}, locked={"USDT": "19.6"},
        open_orders=(on_its_way,), bnb_for_fees="20",
    )  # fmt: skip
    assert legs(made) == []


def test_nothing_is_kept_and_nothing_looked_for_without_the_setting() -> None:
    made = scene({"USDT": 1_000, "BTC": "0.02"}, {"BTC": 50}, bnb_for_fees="0")
    assert legs(made) == []
    assert "BNB" not in skips(made)


amounts = st.integers(0, 400)


@settings(max_examples=400)
@given(
    cash=amounts, btc=amounts, bnb=amounts, weights=st.tuples(st.integers(0, 50), st.integers(-30, 50)),
    worth=st.sampled_from([3, 20, 90]), sells=st.booleans(), relative=st.booleans(), goal=st.sampled_from(list(Goal)),
)  # fmt: skip
def test_it_is_never_sold_and_whoever_lacks_it_is_found(
    cash: int, btc: int, bnb: int, weights: tuple[int, int], worth: int, sells: bool, relative: bool, goal: Goal
) -> None:
    targets = {"BTC": weights[0], **({"BNB": weights[1]} if weights[1] >= 0 else {})}
    made = scene(
        {"USDT": cash, "BTC": D(btc) / 50_000, "BNB": D(bnb) / 500},
        targets,
        bnb_for_fees=str(worth),
        sell_unlisted=sells,
        goal=goal,
        band_type=BandType.RELATIVE if relative else BandType.ABSOLUTE,
    )
    limits, plan = made.limits, made.plan()
    drift = Gauge(made.targets, limits).largest_drift(made.valuation())
    assert (drift.lacks_fee_money or not drift.asset) == (bnb * 2 < worth or not drift.asset)
    assert plan.leg_for_fees is None or bnb * 2 < worth
    for leg in plan.legs:
        if (leg.side, leg.asset) == ("SELL", "BNB"):
            assert bnb - leg.quantity * 500 >= worth
    if goal is not Goal.BAND:
        return
    book = DriftBook()
    book.put(
        1, 1, targets=made.targets, quote=QUOTE,
        band_pct=limits.min_delta_pct, band_type=limits.band_type.value, sell_unlisted=sells,
        reserve_pct=limits.quote_reserve_pct, holdings=made.held, bnb_for_fees=limits.bnb_for_fees,
    )  # fmt: skip
    (found,) = book.scan([1], made.prices, made.info)
    assert found.is_outside or not (plan.legs or drift.is_outside or (drift.lacks_fee_money and drift.asset))


def test_fees_use_it_up_and_it_is_bought_again_in_a_back_test_as_candle_by_candle() -> None:
    rows = [100 + (row % 7) * 9 if row < 200 else 100 for row in range(300)]
    fallen = [500] * 250 + [200] * 50
    history = History.of(QUOTE, {"BTC": closes("BTC", *rows), "BNB": closes("BNB", *fallen)})
    scenario = Scenario(
        QUOTE,
        (Target("BTC", D(50)),),
        Limits(min_delta_pct=D(1), order_size_pct=D(100), bnb_for_fees=D(12)),
        rules_for("BTC", "BNB"),
        {QUOTE: D(5_000)},
        trigger=Trigger.THRESHOLD,
        fills=Fills(mode=FillMode.CLOSE, participation_pct=None),
        fees=Fees(in_bnb=True),
    )
    slow, fast = slow_backtest(history, scenario), run_backtest(history, scenario)
    assert as_rows(fast) == slow.trades
    assert same_totals(fast.final, slow.totals)
    bought = [trade for trade in fast.trades if trade.asset == "BNB"]
    assert len(bought) > 2
    assert {trade.side.value for trade in bought} == {"BUY"}
    others = [trade.fee_asset for trade in fast.trades if trade.asset != "BNB"]
    assert others.count("BNB") == len(others)  # no fee was ever taken out of what was traded
    assert "fees_low" in {event.code for event in fast.events}


def test_a_back_test_that_sells_everything_sells_no_more_bnb_than_the_fees_have_left() -> None:
    """The sale of another coin takes its fee out of the BNB that the same plan sells."""
    history = History.of(QUOTE, {"BTC": closes("BTC", 100, 100), "BNB": closes("BNB", 500, 500)})
    scenario = Scenario(
        QUOTE,
        (Target("BTC", D(0)), Target("BNB", D(0))),
        Limits(order_size_pct=D(100)),
        rules_for("BTC", "BNB"),
        {"BTC": D(10), "BNB": D(1)},
        fills=Fills(mode=FillMode.CLOSE, participation_pct=None),
        fees=Fees(in_bnb=True),
    )
    assert min(run_backtest(history, scenario).final.values()) >= 0
