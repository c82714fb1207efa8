"""An account's recorded history out of its rows. Reads only, in a number of queries that does not depend on how much
there is; long histories are thinned by the database or read as they go.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from heapq import merge

from accounts.models import User
from botbalance.lib.money import ZERO, exact
from exchanges.domain import Side
from exchanges.models import ExchangeAccount
from orders.dust import selectors as conversions
from orders.models import Fill
from portfolio import selectors as portfolio
from portfolio.performance.history import AccountMoment, CameOrWent, Change, Recorded, Stretch, moments_of, stretches
from portfolio.performance.trades import Trade
from strategies.domain import BNB

_FILL_FIELDS = (
    "at",
    "order__side",
    "order__base_asset",
    "order__quote_asset",
    "order__quote_price",
    "quantity",
    "quote_quantity",
    "commission",
    "commission_asset",
    "order__symbol",
    "trade_id",
)


@dataclass(frozen=True, slots=True)
class AccountHistory:
    """What is recorded of an account. `moments` are those of the last stretch that is accounted for; `breaks` is when
    each later stretch began, where something had changed that nothing explains.
    """

    moments: tuple[AccountMoment, ...]
    stretches: tuple[Stretch, ...]
    breaks: tuple[datetime, ...]
    flows: tuple[CameOrWent, ...]


def fills_of(account: ExchangeAccount, start: datetime | None = None) -> Iterator[Trade]:
    """Every fill of an account since `start`, and every small balance that was converted, oldest first, read as it
    goes; without prices of third assets, but what the quote of one between two coins was worth when its order was
    planned, and BNB when it was converted to.
    """
    return merge(_fills_of(account, start), _converted(account, start), key=lambda trade: trade.at)


def _converted(account: ExchangeAccount, start: datetime | None) -> Iterator[Trade]:
    """Conversions as what they are: sales for BNB, of which the charge is taken."""
    for sweep in conversions.done(account, start).iterator():
        assert sweep.executed_at is not None  # it is done
        for line in sweep.lines:
            amount, received, charge = (Decimal(line[name]) for name in ("amount", "received", "charge"))
            reference = f"dust {sweep.transaction_id} {line['asset']}"
            with exact():
                worth = received + charge
            yield Trade(
                sweep.executed_at, False, line["asset"], BNB, amount, worth, charge, BNB,
                quote_price=sweep.bnb_price, reference=reference,
            )  # fmt: skip


def _fills_of(account: ExchangeAccount, start: datetime | None) -> Iterator[Trade]:
    rows = Fill.objects.filter(order__account=account).order_by("at", "pk")
    if start is not None:
        rows = rows.filter(at__gte=start)
    for at, side, base, quote, worth, quantity, quote_quantity, fee, fee_asset, symbol, number in rows.values_list(
        *_FILL_FIELDS
    ).iterator():
        reference = f"{symbol} {number}"
        is_buy = side == Side.BUY
        yield Trade(at, is_buy, base, quote, quantity, quote_quantity, fee, fee_asset, worth, reference=reference)


def account_history(
    account: ExchangeAccount,
    recorded: Iterable[Recorded],
    start: datetime | None = None,
    *,
    trades: Iterable[Trade] | None = None,
) -> AccountHistory:
    """The history of an account from these valuations, the fills and the flows since `start`. `trades`: these fills,
    where they have been read already.
    """
    flows = portfolio.noticed_flows(account, start)
    fills = fills_of(account, start) if trades is None else trades
    found = stretches(list(recorded), map(_change, fills), flows)
    last = moments_of(found[-1], flows) if found else ()
    return AccountHistory(last, found, tuple(stretch.recorded[0].at for stretch in found[1:]), tuple(flows))


def _change(trade: Trade) -> Change:
    sign = 1 if trade.is_buy else -1
    amounts: dict[str, Decimal] = {}
    with exact():
        for asset, amount in (
            (trade.base, sign * trade.quantity),
            (trade.quote, -sign * trade.quote_quantity),
            (trade.commission_asset, -trade.commission),
        ):
            amounts[asset] = amounts.get(asset, ZERO) + amount
    return Change(trade.at, amounts)


def accounts_ever_of(user: User) -> list[ExchangeAccount]:
    """All accounts the user ever had, oldest first."""
    return list(ExchangeAccount.objects.filter(user=user).order_by("pk"))
