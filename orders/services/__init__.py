"""The only writers of runs, orders and ticks. The doors; how each works is in the modules of this package.

planning     the plan of a round, behind every guard     starting    a rebalance, by hand or by the autopilot
rounds       a plan, written down as intents             sending     intents, out, exactly once
tracking     asking until all is known                   recording   what the exchange says, into rows
runs         rounds of a rebalance, until its end        cancelling  one order, or all
watching     when each account is looked at              dispatching whose turn it is, and who needs a tick
ticking      one look of the autopilot                   autopilot   on, off, paused
reports      what owners are told of afterwards
"""

from orders.services.autopilot import start as start_autopilot
from orders.services.autopilot import stop as stop_autopilot
from orders.services.cancelling import cancel_all, cancel_order
from orders.services.dispatching import dispatch
from orders.services.killswitch import switch_off, switch_on
from orders.services.planning import preview
from orders.services.reports import tell_owners
from orders.services.runs import disconnect_account, reset_paper_account, stop_run
from orders.services.starting import Execution, execute
from orders.services.ticking import tick
from orders.services.tracking import reconcile_account, refresh_account, track_account
from orders.services.watching import let_all_look, watch_unwatched

__all__ = [
    "Execution",
    "cancel_all",
    "cancel_order",
    "disconnect_account",
    "dispatch",
    "execute",
    "let_all_look",
    "preview",
    "reconcile_account",
    "refresh_account",
    "reset_paper_account",
    "start_autopilot",
    "stop_autopilot",
    "stop_run",
    "switch_off",
    "switch_on",
    "tell_owners",
    "tick",
    "track_account",
    "watch_unwatched",
]
