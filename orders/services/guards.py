"""What must hold before an order leaves this server."""

from datetime import datetime

from django.utils.translation import gettext as _

from accounts.models import User
from botbalance.lib import system_settings
from botbalance.lib.errors import Conflict, Forbidden
from exchanges.models import ExchangeAccount
from orders.models import Run
from strategies.models import Strategy

Refusal = tuple[str, dict[str, str]]


def switch_refusal() -> str | None:
    """ "trading_off" when the global switch is off, read from the database and never from memory."""
    return None if system_settings.trading_enabled() else "trading_off"


def refuse_unless_ready(user: User, strategy: Strategy) -> None:
    """Raise Forbidden or Conflict where nothing may be begun for a strategy: what its owner can do something about."""
    if user.is_suspended:
        raise Forbidden(_("Your account is suspended: it can look, but not trade."), code="user_suspended")
    if not strategy.is_active:
        raise Conflict(
            _("This strategy is not the active one of its account. Activate it first."), code="strategy_inactive"
        )
    account = strategy.account
    if account.status in (ExchangeAccount.Status.REFUSED, ExchangeAccount.Status.PAUSED):
        raise Conflict(
            _("The exchange account is not usable: %(reason)s")
            % {"reason": account.status_reason or account.get_status_display()},
            code="account_not_ready",
        )


def owner_refusal(account: ExchangeAccount) -> Refusal | None:
    """Why nothing may be begun for an account now: the switch, its owner, its key. Always read afresh."""
    switch = switch_refusal()
    if switch is not None:
        return switch, {}
    rows = ExchangeAccount.objects.filter(pk=account.pk)
    return _of_owner(*rows.values_list("user__is_active", "user__suspended_at", *_ACCOUNT).get())


def refusal(run: Run) -> Refusal | None:
    """Why a run must not trade now, as a code of RUN_REASONS with its values; None when it may. Always read afresh, the
    switch last: nothing that takes long comes between its word and the order.
    """
    rows = Run.objects.filter(pk=run.pk).values_list(
        "state",
        "reason_code",
        "reason_values",
        "strategy__is_active",
        "strategy__archived_at",
        "user__is_active",
        "user__suspended_at",
        *(f"account__{name}" for name in _ACCOUNT),
    )
    state, code, values, is_followed, archived_at, *owner = rows.get()
    switch = switch_refusal()
    if switch is not None:
        return switch, {}
    refused = _of_owner(*owner)
    if refused is not None:
        return refused
    if not is_followed or archived_at is not None:
        return "strategy_gone", {}
    if state != Run.State.ACTIVE:
        return code, values
    return None


_ACCOUNT = ("archived_at", "status", "status_reason")


def _of_owner(
    is_active: bool, suspended_at: datetime | None, archived_at: datetime | None, status: str, reason: str
) -> Refusal | None:
    if not is_active or suspended_at is not None:
        return "user_suspended", {}
    if archived_at is not None:
        return "account_disconnected", {}
    if status in (ExchangeAccount.Status.REFUSED, ExchangeAccount.Status.PAUSED):
        return "account_not_ready", {"details": reason or str(ExchangeAccount.Status(status).label)}
    return None
