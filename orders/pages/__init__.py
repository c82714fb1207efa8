"""The pages of plans, rebalances, orders and the autopilot."""

from orders.pages.autopilot import autopilot, start, stop_autopilot
from orders.pages.orders import cancel, cancel_all, order_detail, order_list, refresh
from orders.pages.plans import execute, preview
from orders.pages.runs import run, run_list, stop

__all__ = [
    "autopilot",
    "cancel",
    "cancel_all",
    "execute",
    "order_detail",
    "order_list",
    "preview",
    "refresh",
    "run",
    "run_list",
    "start",
    "stop",
    "stop_autopilot",
]
