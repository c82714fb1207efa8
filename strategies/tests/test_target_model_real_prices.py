"""The models on a real year: ten coins through 2022, month by month."""

import csv
import gzip
from collections import defaultdict
from decimal import Decimal

import numpy as np
import pytest

from strategies.target_models import ModelKind, ModelSettings, weights_of
from tests.support import SHARED, skip_or_fail

D = Decimal
DAILY = SHARED / "market" / "daily_50_usdt.csv.gz"
COINS = ["BTC", "ETH", "BNB", "SOL", "ADA", "XRP", "LTC", "LINK", "DOGE", "DOT"]
pytestmark = pytest.mark.needs_shared


@pytest.fixture(scope="module")
def closes() -> dict[str, list[float]]:
    if not DAILY.exists():
        skip_or_fail("../shared/market is not there")
    found: dict[str, list[float]] = defaultdict(list)
    with gzip.open(DAILY, "rt") as lines:
        for row in csv.DictReader(lines):
            asset = row["symbol"].removesuffix("USDT")
            if asset in COINS and "2021-06-01" <= row["date"] <= "2022-12-31":
                found[asset].append(float(row["close"]))
    return found


@pytest.mark.parametrize("kind", [kind for kind in ModelKind if kind not in (ModelKind.FIXED, ModelKind.MARKET_CAP)])
def test_every_month_has_weights_that_keep_their_promises(kind: ModelKind, closes: dict[str, list[float]]) -> None:
    matrix = np.column_stack([closes[coin] for coin in COINS])
    model = ModelSettings(kind, D(95), lookback_days=90, cap_pct=D(25), top_k=4, skip_days=2)
    for today in range(120, len(matrix), 30):
        made = weights_of(model, COINS, matrix[:today])
        assert made.total_pct == 95
        assert made.unmeasured == ()
        if kind == ModelKind.RISK_PARITY:
            assert {row.values["risk"] for row in made.explanations} == {"10.00"}
        if kind == ModelKind.MINIMUM_VARIANCE:
            returns = matrix[today - 90 : today] / matrix[today - 91 : today - 1] - 1
            shares = np.array([float(weight) for weight in made.weights.values()]) / 95
            assert shares.max() <= 25 / 95 + 1e-6
            assert np.var(returns @ shares) <= np.var(returns.mean(axis=1))  # calmer than equal shares
        if kind == ModelKind.MOMENTUM:
            changes = matrix[today - 3] / matrix[today - 93]
            assert {coin for coin, weight in made.weights.items() if weight} == {
                COINS[place] for place in np.argsort(changes)[-4:]
            }
