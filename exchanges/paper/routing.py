"""What an endpoint of the REST door is, as data: its handler, what it may be sent, what it weighs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from exchanges.paper.wire import Parameters

Weight = int | Callable[[Parameters], int]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. `signed` ones belong to an account; `free` ones weigh nothing when they succeed."""

    handler: Callable[[Any], Any]
    weight: Weight
    mandatory: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    signed: bool = False
    free: bool = False

    def cost(self, parameters: Parameters) -> int:
        return self.weight if isinstance(self.weight, int) else self.weight(parameters)


Routes = Mapping[tuple[str, str], Route]
"""By method and path."""
