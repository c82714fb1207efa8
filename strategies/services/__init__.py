"""The only writers of strategies: what an owner saves, what a model proposes, and the plan of a strategy."""

from strategies.services.checks import model_problems
from strategies.services.entries import Entry, entries_of
from strategies.services.planning import (
    Preview,
    check_digest,
    doubtful_symbol,
    know_fee_asset,
    limit_price,
    limits_of,
    plan_strategy,
    wants_something,
)
from strategies.services.proposals import apply_proposal, dismiss_proposal
from strategies.services.refreshing import refresh, refresh_due
from strategies.services.saving import (
    FIELDS,
    activate,
    create_strategy,
    deactivate,
    delete_strategies_of,
    delete_strategy,
    update_strategy,
)

__all__ = [
    "FIELDS",
    "Entry",
    "Preview",
    "activate",
    "apply_proposal",
    "check_digest",
    "create_strategy",
    "deactivate",
    "delete_strategies_of",
    "delete_strategy",
    "dismiss_proposal",
    "doubtful_symbol",
    "entries_of",
    "know_fee_asset",
    "limit_price",
    "limits_of",
    "model_problems",
    "plan_strategy",
    "refresh",
    "refresh_due",
    "update_strategy",
    "wants_something",
]
