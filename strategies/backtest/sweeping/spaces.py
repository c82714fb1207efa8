"""What a sweep varies, as JSON and as the list of its settings, always in the same order. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from botbalance.lib.money import plain
from strategies.backtest.sweeping.parameters import (
    KNOWN,
    MOST_SETTINGS,
    Parameter,
    Setting,
    Space,
    Value,
    read_parameter,
    values_of,
)

# Parameters whose values only some triggers read: varying them under any other tries the same setting again and again.
READ_BY: Mapping[str, tuple[str, ...]] = {
    "interval_minutes": ("periodic", "both"),
    "min_delta_pct": ("threshold", "both"),
    "band_type": ("threshold", "both"),
    "trade_to": ("threshold", "both"),
}
TRIGGER = "trigger_mode"


@dataclass(frozen=True, slots=True)
class Search:
    """A space, all of it or `count` settings of it drawn with `seed`."""

    space: Space
    count: int | None = None
    seed: int = 0

    @property
    def size(self) -> int:
        return self.space.size if self.count is None else self.count

    def settings(self, *, limit: int = MOST_SETTINGS) -> list[Setting]:
        """Every setting that is tried, in an order that never changes. SpaceError where there are more than `limit`."""
        if self.count is None:
            return list(self.space.grid(limit=limit))
        return list(self.space.sample(self.count, seed=self.seed, limit=limit))

    def to_json(self) -> dict[str, Any]:
        """JSON from which `from_json` makes the same search."""
        return {
            "parameters": [
                {"name": one.name, "values": [written(value) for value in one.values]} for one in self.space.parameters
            ],
            "count": self.count,
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Search":
        parameters = tuple(values_of(row["name"], row["values"]) for row in body["parameters"])
        return cls(Space(parameters), body["count"], body["seed"])


def read_search(texts: Mapping[str, str], *, count: int | None = None, seed: int = 0) -> Search:
    """A search of parameters as people write them: {"min_delta_pct": "2:20:0.5"}. Raises SpaceError."""
    parameters: tuple[Parameter, ...] = tuple(read_parameter(name, text) for name, text in texts.items())
    return Search(Space(parameters), count, seed)


def idle_parameters(search: Search, trigger: str) -> list[str]:
    """Varied parameters that nothing reads under this trigger, unless the trigger is varied as well."""
    names = {one.name for one in search.space.parameters}
    if TRIGGER in names:
        return []
    varied = {one.name for one in search.space.parameters if len(one.values) > 1}
    return [name for name in READ_BY if name in varied and trigger not in READ_BY[name]]


def impossible(settings: Sequence[Setting], base: Mapping[str, Any]) -> Setting | None:
    """The first setting that no strategy could have: an order that would be priced anew as soon as it is placed."""
    for setting in settings:
        distance = setting.values.get("reprice_distance_pct", base.get("reprice_distance_pct"))
        step = setting.values.get("order_step_pct", base.get("order_step_pct"))
        if distance is not None and step is not None and Decimal(distance) <= Decimal(step):
            return setting
    return None


def written(value: Value) -> Any:
    return plain(value) if isinstance(value, Decimal) else value


__all__ = ["KNOWN", "Search", "idle_parameters", "impossible", "read_search", "written"]
