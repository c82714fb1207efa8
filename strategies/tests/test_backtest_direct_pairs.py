"""Back-tests trade two coins for each other where there are candles of their symbol, and say so where there are not."""

from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from exchanges.candles import keeping, store
from exchanges.candles.columns import CandleColumns
from strategies.backtest import services
from strategies.backtest.domain import RunSettings
from strategies.backtest.pages.drawing import candles_of
from strategies.backtest.selectors.runs import trades_of
from strategies.backtest.services.direct_pairs import told
from strategies.backtest.services.scenarios import history_of
from strategies.backtest.services.sweep_ground import fingerprint_of, rules_from_json, rules_to_json
from strategies.tests.backtest_scenes import D, finished, plain_values, stocked

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
CROSSING = {
    "direct_pairs": True,
    "targets": [{"asset": "BTC", "weight_pct": "50"}, {"asset": "ETH", "weight_pct": "50"}],
}


@pytest.fixture
def candles(settings: Any, tmp_path: Path) -> None:
    """Candles of BTC and ETH in the quote, and of ETHBTC at what those make it."""
    columns = stocked(settings, tmp_path)
    ether, bitcoin = columns["ETH"], columns["BTC"]
    rows = []
    for place, ms in enumerate(ether.open_time_ms.tolist()):
        opened, closed = (
            (D(getattr(ether, name).item(place)) / D(getattr(bitcoin, name).item(place))).quantize(D("0.00001"))
            for name in ("open", "close")
        )
        rows.append((ms, opened, max(opened, closed), min(opened, closed), closed, D(50_000)))
    keeping.add(CandleColumns.from_rows("ETHBTC", ether.interval_ms, rows), store.MARKET)


@pytest.mark.usefixtures("candles")
def test_its_effect_shows_in_fees_and_in_the_trades(alice: User) -> None:
    through, direct = finished(alice, **{**CROSSING, "direct_pairs": False}), finished(alice, **CROSSING)
    assert through.summary is not None
    assert direct.summary is not None
    assert told(through.summary["notes"]) == []
    assert told(direct.summary["notes"]) == [
        "Direct pairs that could be traded: ETHBTC. Their spread was taken to be that of all others."
    ]
    assert D(direct.summary["fees"]) < D(through.summary["fees"]) * D("0.75")
    crossed = [trade for trade in trades_of(direct) if trade.counter]
    assert {(trade.symbol, trade.asset, trade.counter) for trade in crossed} == {("ETHBTC", "ETH", "BTC")}
    assert all(trade.counter == "" for trade in trades_of(through))
    # On the candles of either coin each stands at its price in the quote.
    settings = RunSettings.from_json(direct.settings)
    shown = {asset: candles_of(settings, trades_of(direct), asset) for asset in ("BTC", "ETH")}
    of_one = [len([trade for trade in trades_of(direct) if asset in (trade.asset, trade.counter)]) for asset in shown]
    assert [shown[asset]["dealt"] for asset in shown] == of_one


def test_without_candles_of_a_symbol_it_says_so(alice: User, settings: Any, tmp_path: Path) -> None:
    stocked(settings, tmp_path)
    run = finished(alice, **CROSSING)
    assert run.summary is not None
    assert told(run.summary["notes"]) == [
        "Direct pairs were not simulated: there are no candles, or no rules, of any.",
        "There are no candles of ETHBTC in that time: nothing was traded on it directly.",
    ]
    assert all(trade.counter == "" for trade in trades_of(run))


@pytest.mark.usefixtures("candles")
def test_a_sweep_stands_on_the_same_candles_whatever_the_exchange_lists_later() -> None:
    settings = services.read(plain_values(**CROSSING))
    inputs = services.prepare(settings)
    assert [cross.series.symbol for cross in inputs.history.crosses] == ["ETHBTC"]
    again = history_of(settings, rules_from_json(rules_to_json(inputs.scenario.info)))
    assert fingerprint_of(again) == fingerprint_of(inputs.history)
    without = history_of(services.read(plain_values(**{**CROSSING, "direct_pairs": False})), inputs.scenario.info)
    assert fingerprint_of(without) != fingerprint_of(inputs.history)
