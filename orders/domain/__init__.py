"""What may happen to an order and to a run, and what asking about them costs. Pure: time comes in as an argument, in
UTC milliseconds.

lifecycle   an order's states, and what a report changes     running   what a run does next, and why it ends
asking      which reads cost least                           locks     what open orders lock
"""

from orders.domain.asking import READ_WEIGHTS, WHOLE_ACCOUNT, ReadWeights, choose_lists
from orders.domain.lifecycle import (
    EXCHANGE_WORDS,
    FINAL,
    INTENT_LIFETIME_MS,
    LAPSED,
    MISSING_ANSWERS,
    MISSING_MARGIN_MS,
    RESTING,
    STATUS_CHOICES,
    UNFINISHED,
    VANISHED_AFTER_MS,
    VANISHED_ANSWERS,
    Missing,
    OrderState,
    Status,
    client_order_id,
    judge_missing,
    merge,
    next_tick_ts,
    report_kind,
)
from orders.domain.locks import explains_locked, unexplained_locks
from orders.domain.running import (
    FAILED_RUNS,
    MOST_PROBLEMS,
    RUN_REASONS,
    RoundView,
    Step,
    next_step,
)

__all__ = [
    "EXCHANGE_WORDS",
    "FAILED_RUNS",
    "FINAL",
    "INTENT_LIFETIME_MS",
    "LAPSED",
    "MISSING_ANSWERS",
    "MISSING_MARGIN_MS",
    "MOST_PROBLEMS",
    "READ_WEIGHTS",
    "RESTING",
    "RUN_REASONS",
    "STATUS_CHOICES",
    "UNFINISHED",
    "VANISHED_AFTER_MS",
    "VANISHED_ANSWERS",
    "WHOLE_ACCOUNT",
    "Missing",
    "OrderState",
    "ReadWeights",
    "RoundView",
    "Status",
    "Step",
    "choose_lists",
    "client_order_id",
    "explains_locked",
    "judge_missing",
    "merge",
    "next_step",
    "next_tick_ts",
    "report_kind",
    "unexplained_locks",
]
