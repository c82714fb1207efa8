"""Small balances of an account, what the exchange would give for them, and their conversion to BNB."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from botbalance.lib.clock import now_ms
from botbalance.lib.errors import AppError, Conflict, Forbidden, Invalid
from botbalance.lib.money import ZERO, exact, wide
from botbalance.lib.numbers import in_words
from exchanges import services as exchanges
from exchanges.domain import DustLine, Venue
from exchanges.errors import ClockSkew, CredentialsRefused, ExchangeError, OutcomeUnknown, Unavailable
from exchanges.models import ExchangeAccount
from orders import selectors as orders
from orders.dust import selectors
from orders.dust.domain import DustRow, dust_of
from orders.dust.models import DustSweep
from orders.dust.resolving import fail, finish, resolve_sweep
from orders.services import guards, watching
from portfolio import services as portfolio
from portfolio.domain import Valuation, asset_price
from portfolio.selectors import KnownBalances
from strategies import selectors as strategies
from strategies.domain import BNB
from strategies.ticks import TICK_REASONS

logger = logging.getLogger(__name__)

MOST_ASSETS = 100
"""Converted by one request."""


@dataclass(frozen=True, slots=True)
class DustReport:
    """What of an account is too small to be traded. `cannot_sweep` says why none of it can be converted, "" where it
    can; BNB itself, and what the exchange does not take, never is.
    """

    account: ExchangeAccount
    rows: tuple[DustRow, ...]
    valuation: Valuation
    balances: KnownBalances
    cannot_sweep: str

    @property
    def can_sweep(self) -> bool:
        """Whether it is worth asking the exchange for an offer."""
        return not self.cannot_sweep and any(row.asset != BNB for row in self.rows)

    @property
    def worth(self) -> Decimal:
        """Of what has a price, in the quote."""
        with wide():
            return sum((row.worth for row in self.rows if row.worth is not None), ZERO)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the exchange would give now for small balances; `left_out` are those of the report that stay, and why as a
    code: "wanted" (a target of the active strategy), "bnb" (what the others become), "not_taken" (the exchange does not
    convert it). `bnb_price` is in the account's quote, None where it is not known.
    """

    report: DustReport
    lines: tuple[DustLine, ...]
    left_out: tuple[tuple[str, str], ...]
    bnb_price: Decimal | None

    @property
    def received(self) -> Decimal:
        with exact():
            return sum((line.received for line in self.lines), ZERO)

    @property
    def charge(self) -> Decimal:
        with exact():
            return sum((line.charge for line in self.lines), ZERO)


def report(account: ExchangeAccount, *, fresh: bool = False) -> DustReport:
    """What of the account is too small to be traded. Raises an AppError where nothing is known of it."""
    changed_ms = orders.newest_order_change_ms(account)
    valuation, known = portfolio.value_account(account, changed_ms=changed_ms, fresh=fresh)
    info = exchanges.exchange_info_for(account)
    strategy = strategies.active_strategy(account)
    targets = [] if strategy is None else strategies.targets(strategy)
    wanted = {target.asset for target in targets if target.weight_pct > 0}
    kept = {BNB} if strategy is not None and strategy.bnb_for_fees else set()
    with wide():
        rows = dust_of(valuation, info, wanted, kept)
    return DustReport(account, tuple(rows), valuation, known, _cannot_sweep(account))


def offer(account: ExchangeAccount, *, with_targets: bool = False) -> Offer:
    """What the exchange would give for what is too small, asked of it now; nothing is converted.

    Targets of the active strategy are left out unless asked for: it may buy more of them. Raises an AppError.
    """
    found = report(account, fresh=True)
    if found.cannot_sweep:
        raise Conflict(found.cannot_sweep, code="cannot_sweep")
    if selectors.unresolved(account.pk) is not None:
        resolve_sweep(account)
    try:
        offered = {line.asset: line for line in exchanges.adapter_for(account).dust_offer()}
    except CredentialsRefused as error:
        exchanges.mark_refused(account, error.message)
        raise
    lines, left_out = [], []
    for row in found.rows:
        if row.is_wanted and not with_targets:
            left_out.append((row.asset, "wanted"))
        elif row.asset not in offered or row.asset == BNB:
            left_out.append((row.asset, "bnb" if row.asset == BNB else "not_taken"))
        else:
            lines.append(offered[row.asset])
    market = exchanges.market_for(account, trading=False)
    price = asset_price(BNB, account.quote, market.prices, market.info)
    return Offer(found, tuple(lines[:MOST_ASSETS]), tuple(left_out), price)


def sweep(
    user: User,
    account: ExchangeAccount,
    assets: Sequence[str],
    *,
    with_targets: bool = False,
    idempotency_key: str = "",
) -> DustSweep:
    """Convert all that is free of these assets to BNB: sent once, whatever comes of it.

    They must be among what `offer` gives now. The same `idempotency_key` gives the same conversion. Raises an AppError
    before anything is written; what became of it afterwards is in the row.
    """
    known = _known(user, account, idempotency_key)
    if known is not None:
        return known
    _refuse_unless_ready(account)
    offered = offer(account, with_targets=with_targets)
    wanted = list(dict.fromkeys(assets))
    _check_assets(wanted, offered)
    try:
        row = _intend(user, account, wanted, offered.bnb_price, idempotency_key)
    except IntegrityError:
        known = _known(user, account, idempotency_key)
        if known is not None:
            return known
        raise _unresolved() from None
    _send(row)
    row.refresh_from_db()
    return row


def _known(user: User, account: ExchangeAccount, idempotency_key: str) -> DustSweep | None:
    if len(idempotency_key) > 100:
        raise Invalid(_("The idempotency key is too long; 100 characters are the most."))
    if not idempotency_key:
        return None
    known = selectors.sweeps_of(user).filter(idempotency_key=idempotency_key).first()
    if known is not None and known.account_id != account.pk:
        raise Conflict(_("This idempotency key was used for another account."), code="idempotency_key_reused")
    return known


def _cannot_sweep(account: ExchangeAccount) -> str:
    venue, _source = exchanges.venue_of(account)
    if venue == Venue.TESTNET:
        return _("Binance's testnet cannot convert small balances; only mainnet can.")
    return ""


def _refuse_unless_ready(account: ExchangeAccount) -> None:
    """As orders are refused: the switch, the owner, the key; and while something else of the account is under way."""
    refusal = guards.owner_refusal(account)
    if refusal is not None:
        code, values = refusal
        message = _(TICK_REASONS[code]).format(**in_words(values))
        raise Forbidden(message, code=code) if code == "user_suspended" else Conflict(message, code=code)
    if orders.active_run(account) is not None:
        raise Conflict(
            _("A rebalance of this account is under way. Convert when it has ended, or stop it."), code="run_active"
        )
    if orders.has_unresolved_orders(account):
        raise _unresolved()


def _unresolved() -> Conflict:
    return Conflict(
        _("The outcome of an earlier order or conversion is still being looked up. Try again in a minute."),
        code="orders_unresolved",
    )


def _check_assets(assets: Sequence[str], offered: Offer) -> None:
    if not assets:
        raise Invalid(_("Some fields need your attention."), fields={"assets": [_("Name what is to be converted.")]})
    lines = {line.asset for line in offered.lines}
    missing = [asset for asset in assets if asset not in lines]
    if missing:
        text = _("%(assets)s: not offered any more, or not without saying that targets may be converted.")
        raise Conflict(text % {"assets": ", ".join(missing)}, code="offer_changed")


def _intend(
    user: User, account: ExchangeAccount, assets: list[str], bnb_price: Decimal | None, idempotency_key: str
) -> DustSweep:
    with transaction.atomic():
        # Whoever begins a rebalance holds this lock: none is under way that is not seen here.
        ExchangeAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        if orders.active_run(account) is not None or orders.has_unresolved_orders(account):
            raise _unresolved()
        row = DustSweep.objects.create(
            user=user, account=account, assets=assets, bnb_price=bnb_price, idempotency_key=idempotency_key or None
        )
        watching.note_work(account.pk)
    return row


def _send(row: DustSweep) -> None:
    """Claim the intent and send it, once. The guards are asked once more behind the claim."""
    sent_ms = now_ms()
    rows = DustSweep.objects.filter(pk=row.pk, state=DustSweep.State.PENDING)
    if not rows.update(state=DustSweep.State.UNKNOWN, sent_ms=sent_ms, updated_at=timezone.now()):
        return
    refusal = guards.owner_refusal(row.account)
    if refusal is not None:
        code, values = refusal
        fail(row, _(TICK_REASONS[code]).format(**in_words(values)))
        return
    try:
        conversion = exchanges.adapter_for(row.account).convert_dust(row.assets, sent_ms)
    except OutcomeUnknown as error:
        logger.warning("conversion %s: outcome unknown: %s", row.pk, error.message)
        DustSweep.objects.filter(pk=row.pk).update(problem=error.message[:400])
        resolve_sweep(row.account)
    except CredentialsRefused as error:
        exchanges.mark_refused(row.account, error.message)
        fail(row, error.message)
    except (Unavailable, ClockSkew, ExchangeError, AppError) as error:  # known not to have been done
        fail(row, error.message)
    else:
        finish(row, conversion)
