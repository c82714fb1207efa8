"""What must hold before an order leaves this server."""

from accounts.models import User
from botbalance.lib import system_settings
from exchanges.models import ExchangeAccount
from orders.models import Run
from strategies.models import Strategy

Refusal = tuple[str, dict[str, str]]


def switch_refusal() -> str | None:
    """ "trading_off" when the global switch is off, read from the database and never from memory."""
    return None if system_settings.trading_enabled() else "trading_off"


def refusal(run: Run) -> Refusal | None:
    """Why a run must not trade now, as a code of RUN_REASONS with its values; None when it may. Always read afresh."""
    switch = switch_refusal()
    if switch is not None:
        return switch, {}
    user = User.objects.get(pk=run.user_id)
    if not user.is_active or user.is_suspended:
        return "user_suspended", {}
    account = ExchangeAccount.objects.get(pk=run.account_id)
    if account.archived_at is not None:
        return "account_disconnected", {}
    if account.status in (ExchangeAccount.Status.REFUSED, ExchangeAccount.Status.PAUSED):
        return "account_not_ready", {"details": account.status_reason or account.get_status_display()}
    if not Strategy.objects.filter(pk=run.strategy_id, is_active=True, archived_at=None).exists():
        return "strategy_gone", {}
    if not Run.objects.filter(pk=run.pk, state=Run.State.ACTIVE).exists():
        return "stopped_by_owner", {}
    return None
