"""The plan of a round, behind every guard that concerns prices and sizes: what a preview shows, and what a rebalance by
hand or by the autopilot sends.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial

from botbalance.lib import system_settings
from exchanges import services as exchanges
from exchanges.errors import CredentialsRefused
from orders import selectors
from orders.services.state import State, read_state
from strategies import services as strategies
from strategies.domain import Goal
from strategies.models import Strategy
from strategies.services import Preview


def preview(
    strategy: Strategy,
    *,
    goal: Goal = Goal.BAND,
    first_prices: Mapping[str, Decimal] | None = None,
    state: State | None = None,
    occupied: frozenset[str] = frozenset(),
    avoided: frozenset[str] = frozenset(),
) -> Preview:
    """The exact orders the next round would place. Nothing is sent; written are the balances as read.

    `first_prices` are what the strategy's worst price is measured from, by symbol. `state` is what the caller has just
    read, or it is read now. On `occupied` symbols no order is added to the open ones, on `avoided` no two coins
    are traded for each other. A coin whose price has jumped is
    left alone, with the reason, and so are all when it is so large a part of the portfolio that no weight can be
    trusted. Raises an AppError; a key that is refused stops the account.
    """
    account = strategy.account
    try:
        if state is None:
            state = read_state(account)
        # Read once: the prices that are looked at for jumps are those that the orders are priced by.
        market = exchanges.market_for(account, trading=True)
        plan = partial(
            strategies.plan_strategy,
            strategy,
            turnover_used=selectors.turnover_since(account) + selectors.turnover_resting(account),
            market=market,
            open_orders=state.open_orders,
            balances=state.balances,
            goal=goal,
            first_prices=first_prices or {},
            occupied=occupied,
            avoided=avoided,
            open_slots=max(0, system_settings.current().max_open_orders - len(state.open_orders)),
        )
        made = plan()
        if not made.plan.legs and not occupied:
            return made
        # Also coins that would not be traded: each is a part of what the weights of the others are shares of, and what
        # rests is cancelled on the word of a plan. What is left alone for its jump may bring in another symbol of two
        # coins, which is looked at in its turn.
        jumps: dict[str, Decimal] = {}
        looked_at: set[str] = set()
        while unseen := set(made.symbols) - looked_at:
            looked_at |= unseen
            found = exchanges.price_jumps(account, market.prices, sorted(unseen))
            if found:
                jumps |= found
                made = plan(jumps=jumps)
        return made
    except CredentialsRefused as error:
        exchanges.mark_refused(account, error.message)
        raise
