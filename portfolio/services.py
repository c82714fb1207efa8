"""The only writers of balances, snapshots and cash flows."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone

from botbalance.lib import system_settings
from botbalance.lib.clock import now_ms
from botbalance.lib.errors import AppError
from botbalance.lib.money import ZERO, exact, plain, quantize, wide
from exchanges import services as exchanges
from exchanges.errors import CredentialsRefused
from exchanges.models import ExchangeAccount
from portfolio import selectors
from portfolio.domain import Valuation, asset_price, value_portfolio
from portfolio.models import AccountBalances, CashFlow, ExplainedBalances, PortfolioSnapshot
from portfolio.performance.figures import BITCOIN
from portfolio.selectors import KnownBalances

logger = logging.getLogger(__name__)

# Who asks for fresh balances twice within this time gets those of the first time.
FRESH_FOR = timedelta(seconds=5)


def read_balances(account: ExchangeAccount) -> KnownBalances:
    """Ask the exchange now and remember the answer. Raises an ExchangeError; a refused key stops the account."""
    as_of = timezone.now()
    try:
        info = exchanges.adapter_for(account).account_info()
    except CredentialsRefused as error:
        exchanges.mark_refused(account, error.message)
        raise
    exchanges.remember_uid(account, info.uid)
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


def balances_for_display(account: ExchangeAccount, *, changed_ms: int = 0, fresh: bool = False) -> KnownBalances:
    """Balances to look at: the known ones, so that an open page costs the exchange nothing.

    They are read where none are known, where they are older than `idle_balance_seconds`, or than the newest change of
    an order of ours at `changed_ms` (UTC milliseconds), and when somebody asks for them `fresh`. Where they cannot be
    read they are the last known ones with the reason. Raises an AppError when none are known.
    """
    known = selectors.known_balances(account)
    if known is not None:
        if fresh:
            is_stale = timezone.now() - known.as_of >= FRESH_FOR
        else:
            idle_seconds = system_settings.current().idle_balance_seconds
            is_stale = selectors.balances_are_stale(known, changed_ms, idle_seconds, now_ms())
        if not is_stale:
            return known
    try:
        return read_balances(account)
    except AppError as error:
        if known is None:
            raise
        return replace(known, problem=error.message)


def value_account(
    account: ExchangeAccount, *, trading: bool = False, changed_ms: int = 0, fresh: bool = False
) -> tuple[Valuation, KnownBalances]:
    """The account's value in its quote. For trading: balances and prices read now, or an ExchangeError.

    `changed_ms` and `fresh` are those of `balances_for_display`.
    """
    known = read_balances(account) if trading else balances_for_display(account, changed_ms=changed_ms, fresh=fresh)
    market = exchanges.market_for(account, trading=trading)
    return value_portfolio(known.balances, account.quote, market.prices, market.info), known


def take_snapshot(
    account: ExchangeAccount, reason: PortfolioSnapshot.Reason, *, read_after: datetime | None = None
) -> PortfolioSnapshot:
    """Record what the account is worth now, at prices read now. Raises an ExchangeError.

    Known balances do when they were asked for at `read_after` or later; otherwise, and without it, they are read.
    """
    known = selectors.known_balances(account)
    if known is None or read_after is None or known.as_of < read_after:
        known = read_balances(account)
    market = exchanges.market_for(account, trading=True)
    valuation = value_portfolio(known.balances, account.quote, market.prices, market.info)
    with wide():
        bitcoin_price = asset_price(BITCOIN, account.quote, market.prices, market.info)
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
        bitcoin_price=bitcoin_price,
    )


# --- What came and went without us -----------------------------------------------------------------------


def record_balances_explained(
    account: ExchangeAccount,
    known: KnownBalances,
    baseline: ExplainedBalances | None,
    fills_effect: Mapping[str, Decimal],
    fills_up_to: int,
) -> list[CashFlow]:
    """Record what these balances hold beyond the `baseline` and the fills since, as deposits and withdrawals.

    `fills_effect` is what the fills after `baseline.fills_up_to`, up to number `fills_up_to`, did to each asset; the
    caller vouches that the balances contain those fills and no others. Where something came and something else went in
    one reading, it was traded elsewhere. Without a baseline these balances become it. Of two that judge from the same
    baseline one records, and the other gets nothing.
    """
    totals = {balance.asset: balance.total for balance in known.balances if balance.total}
    if baseline is None:
        _first_explained(account, known, totals, fills_up_to)
        return []
    if known.as_of <= baseline.at:
        return []  # asked for before what is known already
    with exact():
        change = _change(totals, baseline, fills_effect)
    if not change and fills_up_to == baseline.fills_up_to:
        return []
    flows = _flows(account, known, change)
    with transaction.atomic():
        taken = ExplainedBalances.objects.filter(
            pk=baseline.pk, at=baseline.at, fills_up_to=baseline.fills_up_to
        ).update(
            at=known.as_of,
            totals={asset: plain(amount) for asset, amount in sorted(totals.items())},
            fills_up_to=fills_up_to,
        )
        if not taken:
            return []
        CashFlow.objects.bulk_create(flows)
    for flow in flows:
        logger.info("account %s: %s of %s %s", account.pk, flow.kind, plain(flow.amount), flow.asset)
    return flows


def forget_balances(account: ExchangeAccount) -> None:
    """Forget what the account held and what of it was accounted for: it begins anew (a reset), or is disconnected."""
    ExplainedBalances.objects.filter(account=account).delete()
    AccountBalances.objects.filter(account=account).delete()


def _first_explained(
    account: ExchangeAccount, known: KnownBalances, totals: Mapping[str, Decimal], fills_up_to: int
) -> None:
    try:
        with transaction.atomic():
            ExplainedBalances.objects.create(
                account=account,
                at=known.as_of,
                totals={asset: plain(amount) for asset, amount in sorted(totals.items())},
                fills_up_to=fills_up_to,
            )
    except IntegrityError:
        logger.info("account %s: its balances were accounted for elsewhere", account.pk)


def _change(
    totals: Mapping[str, Decimal], baseline: ExplainedBalances, fills_effect: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    """By how much each asset differs from what it should be, where it does."""
    before = {asset: Decimal(amount) for asset, amount in baseline.totals.items()}
    change = {
        asset: totals.get(asset, ZERO) - before.get(asset, ZERO) - fills_effect.get(asset, ZERO)
        for asset in sorted({*totals, *before, *fills_effect})
    }
    return {asset: amount for asset, amount in change.items() if amount != 0}


def _flows(account: ExchangeAccount, known: KnownBalances, change: Mapping[str, Decimal]) -> list[CashFlow]:
    prices = _prices(account, change)
    both_ways = any(amount > 0 for amount in change.values()) and any(amount < 0 for amount in change.values())
    flows = []
    for asset, amount in change.items():
        kind = CashFlow.Kind.DEPOSIT if amount > 0 else CashFlow.Kind.WITHDRAWAL
        price = prices.get(asset)
        with wide():
            value = None if price is None else quantize(amount * price, 18)
        flows.append(
            CashFlow(
                account=account,
                at=known.as_of,
                kind=CashFlow.Kind.TRADE if both_ways else kind,
                asset=asset,
                amount=amount,
                value=value,
            )
        )
    return flows


def _prices(account: ExchangeAccount, assets: Iterable[str]) -> dict[str, Decimal | None]:
    """Prices of the moment in the account's quote; what has none is left out, and a flow is recorded all the same."""
    if not assets:
        return {}
    try:
        market = exchanges.market_for(account, trading=False)
    except AppError as error:
        logger.warning("account %s: its cash flows are recorded without a value: %s", account.pk, error.message)
        return {}
    return {asset: asset_price(asset, account.quote, market.prices, market.info) for asset in assets}
