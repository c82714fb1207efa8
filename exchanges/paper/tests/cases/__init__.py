"""Every refusal of the paper exchange as data: which route, what brings it about, HTTP status, code and text.

The tests run each of them, and docs/paper-exchange.md is written from them: no refusal is promised that is not tested.
"""

from exchanges.paper.tests.cases.base import BALANCE, Case
from exchanges.paper.tests.cases.changes import amendments, cancels, replacements
from exchanges.paper.tests.cases.doors import any_route, any_signed_route
from exchanges.paper.tests.cases.dust import refused_dust
from exchanges.paper.tests.cases.orders import order_happenings, orders
from exchanges.paper.tests.cases.queries import queries

__all__ = ["BALANCE", "CASES", "Case"]

CASES: tuple[Case, ...] = (
    *orders(),
    *order_happenings(),
    *cancels(),
    *replacements(),
    *amendments(),
    *queries(),
    *refused_dust(),
    *any_signed_route(),
    *any_route(),
)
