"""The only writers of runs and orders. The doors; how each works is in the modules of this package.

recording   what the exchange says, into rows       sending    intents, out, exactly once
tracking    asking until all is known               cancelling one order, or all
runs        rounds of a rebalance, start to end
"""

from orders.services.cancelling import cancel_all, cancel_order
from orders.services.runs import (
    Execution,
    disconnect_account,
    execute,
    preview,
    reset_paper_account,
    stop_run,
)
from orders.services.tracking import track_account, track_due

__all__ = [
    "Execution",
    "cancel_all",
    "cancel_order",
    "disconnect_account",
    "execute",
    "preview",
    "reset_paper_account",
    "stop_run",
    "track_account",
    "track_due",
]
