"""What is known of an account at its exchange: whether its keys work, and which account they open.

Who asked the exchange writes what it said only over what it knew when it asked. A pause that was set by hand stands,
whatever the exchange says.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from botbalance.lib.errors import Invalid
from exchanges import keys, verdicts
from exchanges.adapters.base import ExchangeAdapter
from exchanges.errors import CredentialsRefused, ExchangeError
from exchanges.ledger.patience import in_a_hurry
from exchanges.models import ExchangeAccount
from exchanges.verdicts import Verdict

logger = logging.getLogger(__name__)

Status = ExchangeAccount.Status
REASON_CHARACTERS = 400
BNB = "BNB"
# Its owner switches it at the exchange, which tells nobody.
FEE_ASSET_KNOWN_FOR = timedelta(hours=1)


def ask(account: ExchangeAccount, adapter: ExchangeAdapter, verdict: Verdict) -> str:
    """Ask the exchange whether the keys work: the clock first, then the account, then what else the key may do.

    A warning, "" where there is none. Raises CredentialsRefused, or another ExchangeError; `verdict` is told each step.
    """
    with in_a_hurry():
        with verdict.asking("clock"):
            adapter.sync_clock()
        with verdict.asking("signature"):
            info = adapter.account_info()
        held = sum(1 for balance in info.balances if balance.total)
        text = ngettext("%(count)s asset is held", "%(count)s assets are held", held) % {"count": held}
        verdict.say("balances", verdicts.OK, text)
        with verdict.asking("trading"):
            if not info.can_trade:
                raise CredentialsRefused(keys.may_not_trade())
        remember_uid(account, info.uid)
        return keys.check_rights(adapter, verdict)


def remember_uid(account: ExchangeAccount, uid: int | None) -> None:
    """Keep the exchange's number of an account, if it told one."""
    if uid is None or uid == account.exchange_uid:
        return
    if account.exchange_uid is not None:
        logger.warning("account %s: the exchange gives it another number than before", account.pk)
    account.exchange_uid = uid
    if account.pk is not None:
        ExchangeAccount.objects.filter(pk=account.pk).update(exchange_uid=uid)


def know_fee_asset(account: ExchangeAccount, adapter: ExchangeAdapter, symbol: str) -> None:
    """Ask whether the account pays commission in BNB, unless that was asked lately; `symbol` is one it may trade.

    An answer that cannot be had leaves what was known. Where nothing was it raises an ExchangeError.
    """
    read_at = account.fee_asset_read_at
    if read_at is not None and timezone.now() - read_at < FEE_ASSET_KNOWN_FOR:
        return
    try:
        discount = adapter.commission(symbol).discount
    except ExchangeError as error:
        if account.pays_in_bnb is None or isinstance(error, CredentialsRefused):
            raise
        logger.warning("account %s: whether it pays fees in BNB is not known anew: %s", account.pk, error.message)
        return
    account.pays_in_bnb = discount.enabled_for_account and discount.enabled_for_symbol and discount.asset == BNB
    account.fee_asset_read_at = timezone.now()
    ExchangeAccount.objects.filter(pk=account.pk).update(
        pays_in_bnb=account.pays_in_bnb, fee_asset_read_at=account.fee_asset_read_at
    )


def refuse_second_connection(account: ExchangeAccount) -> None:
    """Raise Invalid where somebody has connected this Binance account already: two strategies would undo each other's
    work. Accounts without keys of their own share one on purpose. Where a number is not known yet the key is compared.
    """
    if not account.has_own_keys:
        return
    others = ExchangeAccount.objects.filter(venue=account.venue, archived_at=None).exclude(pk=account.pk)
    same_number = [] if account.exchange_uid is None else others.filter(exchange_uid=account.exchange_uid)
    same_key = [other for other in others.filter(key_tail=account.key_tail) if other.api_key == account.api_key]
    if same_key or any(other.has_own_keys for other in same_number):
        message = _(
            "This Binance account is connected to this server already. Two strategies would trade against each "
            "other in it: disconnect it first, or use a key of another account."
        )
        raise Invalid(_("Some fields need your attention."), fields={"api_key": [message]})


def remember(account: ExchangeAccount, status: str, reason: str) -> None:
    """Keep what a check has found, unless the status has changed since `account` was loaded."""
    rows = ExchangeAccount.objects.filter(pk=account.pk)
    known = rows.filter(status=account.status).exclude(status=Status.PAUSED)
    known.update(status=status, status_reason=reason[:REASON_CHARACTERS])
    rows.update(checked_at=timezone.now())
    account.refresh_from_db(fields=["status", "status_reason", "checked_at"])


def mark_refused(account: ExchangeAccount, reason: str) -> None:
    """Stop using an account whose key the exchange refuses, until its owner, who is told, has it checked."""
    rows = ExchangeAccount.objects.filter(pk=account.pk)
    free = rows.exclude(status=Status.PAUSED)
    with transaction.atomic():
        has_turned = free.filter(archived_at=None).exclude(status=Status.REFUSED).update(status=Status.REFUSED)
        free.update(status_reason=reason[:REASON_CHARACTERS])
        rows.update(checked_at=timezone.now())
        if has_turned:
            keys.tell_refused(account)
    account.refresh_from_db(fields=["status", "status_reason", "checked_at"])
    stands = " (it stays paused)" if account.status == Status.PAUSED else ""
    logger.warning("account %s refused by the exchange%s", account.pk, stands)
