"""The only writers of balances and snapshots."""

from dataclasses import replace
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from botbalance.lib.errors import AppError
from botbalance.lib.money import plain
from exchanges import services as exchanges
from exchanges.errors import CredentialsRefused
from exchanges.models import ExchangeAccount
from portfolio import selectors
from portfolio.domain import Valuation, value_portfolio
from portfolio.models import AccountBalances, PortfolioSnapshot
from portfolio.selectors import KnownBalances

DISPLAY_AGE = timedelta(seconds=5)


def read_balances(account: ExchangeAccount) -> KnownBalances:
    """Ask the exchange now and remember the answer. Raises an ExchangeError; a refused key stops the account."""
    as_of = timezone.now()
    try:
        info = exchanges.adapter_for(account).account_info()
    except CredentialsRefused as error:
        exchanges.mark_refused(account, error.message)
        raise
    values = {
        "as_of": as_of,
        "balances": {row.asset: [plain(row.free), plain(row.locked)] for row in info.balances},
        "maker_rate": info.maker_rate,
        "taker_rate": info.taker_rate,
    }
    # An answer that was asked for earlier never replaces one that was asked for later.
    if not AccountBalances.objects.filter(account=account, as_of__lte=as_of).update(**values):
        try:
            with transaction.atomic():
                AccountBalances.objects.create(account=account, **values)
        except IntegrityError:
            pass  # another reader was later, and its row stands
    return KnownBalances(info.balances, as_of, info.maker_rate, info.taker_rate)


def balances_for_display(account: ExchangeAccount) -> KnownBalances:
    """Balances a few seconds old at most, or the last known ones with the reason. Raises when none are known."""
    known = selectors.known_balances(account)
    if known is not None and timezone.now() - known.as_of < DISPLAY_AGE:
        return known
    try:
        return read_balances(account)
    except AppError as error:
        if known is None:
            raise
        return replace(known, problem=error.message)


def value_account(account: ExchangeAccount, *, trading: bool = False) -> tuple[Valuation, KnownBalances]:
    """The account's value in its quote. For trading: balances and prices read now, or an ExchangeError."""
    known = read_balances(account) if trading else balances_for_display(account)
    market = exchanges.market_for(account, trading=trading)
    return value_portfolio(known.balances, account.quote, market.prices, market.info), known


def take_snapshot(account: ExchangeAccount, reason: PortfolioSnapshot.Reason) -> PortfolioSnapshot:
    """Record what the account is worth now, from balances and prices read now. Raises an ExchangeError."""
    valuation, _known = value_account(account, trading=True)
    return PortfolioSnapshot.objects.create(
        account=account,
        at=timezone.now(),
        reason=reason,
        quote=valuation.quote,
        nav=valuation.nav,
        holdings=[
            {
                "asset": holding.asset,
                "total": plain(holding.total),
                "value": None if holding.value is None else plain(holding.value),
            }
            for holding in valuation.holdings
        ],
    )
