"""The targets of every row of a back-test, the slow way: the model is asked when its time has come, on every candle."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from strategies.backtest.engine.history import History
from strategies.backtest.engine.scenario import Scenario
from strategies.domain import Target
from strategies.target_models import NoWeights, weights_of
from strategies.target_models.history import matrix_of

DAY_MS = 86_400_000


class SlowModel:
    """`steps` are the rows from which other targets hold, with them."""

    def __init__(self, history: History, scenario: Scenario) -> None:
        self.history, self.model = history, scenario.model
        self.steps: list[tuple[int, tuple[Target, ...]]] = [(0, scenario.targets)]
        self.ask_at_ms = 0

    def targets_at(self, row: int) -> tuple[Target, ...]:
        """Of each row in turn."""
        targets, now_ms = self.steps[-1][1], int(self.history.close_ms[row])
        if self.model is None or now_ms < self.ask_at_ms:
            return targets
        today = now_ms // DAY_MS
        self.ask_at_ms = (today + 1) * DAY_MS
        known: dict[str, dict[int, Decimal]] = {target.asset: {} for target in targets}
        for series in self.history.series:
            for at in range(row + 1):
                candle, day = series.candle(at), (int(self.history.close_ms[at]) - 1) // DAY_MS
                if candle is not None and day < today and series.asset in known:
                    known[series.asset][day] = candle.close
        closes = matrix_of(list(known.values()), today - 1, self.model.weighs.closes_needed)
        try:
            given = weights_of(self.model.weighs, list(known), closes, dict(self.model.figures))
        except NoWeights:
            return targets
        if given.unmeasured:
            return targets
        self.ask_at_ms = now_ms + self.model.every // timedelta(milliseconds=1)
        weighed = tuple(replace(one, weight_pct=given.weights[one.asset]) for one in targets)
        if weighed != targets:
            self.steps = [step for step in self.steps if step[0] < row] + [(row, weighed)]
        return weighed
