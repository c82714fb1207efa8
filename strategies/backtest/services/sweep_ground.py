"""What a sweep stands on: candles, symbol rules and settings, the same for every worker, whenever it works."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from hashlib import sha256
from typing import Any

from botbalance.lib.money import plain
from exchanges.candles.columns import COLUMNS
from exchanges.domain import ExchangeInfo, SymbolRules
from strategies.backtest.domain import RunSettings
from strategies.backtest.engine.history import History
from strategies.backtest.engine.scenario import Scenario
from strategies.backtest.models.sweeps import Sweep
from strategies.backtest.services import scenarios
from strategies.backtest.sweeping.parameters import Setting
from strategies.backtest.sweeping.spaces import Search
from strategies.backtest.sweeping.trying import Grid


class Moved(Exception):
    """The candles are not those any more with which the sweep began."""


@dataclass(frozen=True, slots=True)
class Ground:
    """`whole` is all of the past, `tried` without what is held out: choices are made on `tried` alone."""

    settings: RunSettings
    info: ExchangeInfo
    whole: History
    tried: History

    def scenario(self, setting: Setting | None = None) -> Scenario:
        """What a setting of the sweep tries; without one, what it began from."""
        settings = self.settings if setting is None else self.settings.with_limits(setting.values)
        return scenarios.scenario_of(settings, self.info)

    def grid(self) -> Grid:
        return Grid.of(self.tried)


def ground_of(sweep: Sweep) -> Ground:
    """Raises Moved where candles have changed since the sweep began, and an AppError where they cannot be read."""
    settings = RunSettings.from_json(sweep.settings)
    info = rules_from_json(sweep.rules)
    whole = scenarios.history_of(settings, info)
    if fingerprint_of(whole) != sweep.fingerprint:
        raise Moved
    return Ground(settings, info, whole, whole.until(sweep.held_out_ms))


def search_of(sweep: Sweep) -> Search:
    return Search.from_json(sweep.space)


def fingerprint_of(history: History) -> str:
    """The same for the same candles, and for no others."""
    found = sha256(f"{history.quote} {history.interval_ms}".encode())
    names = [series.asset for series in history.series] + [cross.series.symbol for cross in history.crosses]
    every = [*history.series, *(cross.series for cross in history.crosses)]
    for name_of, series in zip(names, every, strict=True):
        columns = series.columns
        found.update(f"{name_of} {columns.price_places} {columns.volume_places}".encode())
        for name in COLUMNS:
            found.update(getattr(columns, name).tobytes())
    return found.hexdigest()


def rules_to_json(info: ExchangeInfo) -> list[dict[str, Any]]:
    """Symbol rules as JSON, with decimals as strings."""
    return [
        {
            one.name: plain(value) if isinstance(value := getattr(rules, one.name), Decimal) else value
            for one in fields(SymbolRules)
            if one.init
        }
        for rules in info.rules.values()
    ]


def rules_from_json(rows: list[Mapping[str, Any]]) -> ExchangeInfo:
    """What `rules_to_json` has written; rules that did not exist by then have their defaults."""
    amounts = {one.name for one in fields(SymbolRules) if one.init and one.type in (Decimal, "Decimal")}
    found = {}
    for row in rows:
        values: dict[str, Any] = {name: Decimal(value) if name in amounts else value for name, value in row.items()}
        found[row["symbol"]] = SymbolRules(**values)
    return ExchangeInfo.of(found)
