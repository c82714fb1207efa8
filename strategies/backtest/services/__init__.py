"""The only writers of back-tests. The doors; how each works is in the modules of this package.

reading    what is asked for, into settings       coverage   of which time there are candles
scenarios  settings, into what the engine takes   outcome    what the engine found, into what is kept
runs       the life of a back-test                reports    a file of it to keep
"""

from strategies.backtest.services.outcome import Outcome, outcome_of
from strategies.backtest.services.reading import defaults, read, values_of
from strategies.backtest.services.runs import (
    Creation,
    cancel_run,
    create_run,
    delete_run,
    execute_run,
    holdings_of,
    rename_run,
    run_again,
)
from strategies.backtest.services.scenarios import Inputs, prepare, scenario_of

__all__ = [
    "Creation",
    "Inputs",
    "Outcome",
    "cancel_run",
    "create_run",
    "defaults",
    "delete_run",
    "execute_run",
    "holdings_of",
    "outcome_of",
    "prepare",
    "read",
    "rename_run",
    "run_again",
    "scenario_of",
    "values_of",
]
