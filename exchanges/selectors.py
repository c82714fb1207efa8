"""Reads of exchange accounts. `account_of` is the only door to a row on behalf of a user."""

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from botbalance.lib.errors import NotFound
from exchanges.models import ExchangeAccount

# Decrypted whenever they are read: lists do without. Whoever needs one all the same gets it by a query more.
SECRETS = ("api_key", "api_secret", "paper_key", "paper_secret")


def accounts_of(user: User) -> QuerySet[ExchangeAccount]:
    """The user's connected accounts, oldest first."""
    return ExchangeAccount.objects.filter(user=user, archived_at=None)


def account_of(user: User, account_id: int) -> ExchangeAccount:
    """The user's account, or NotFound: another's looks like none."""
    account = accounts_of(user).filter(pk=account_id).first()
    if account is None:
        raise NotFound(_("There is no such exchange account."))
    return account


def account_ever_of(user: User, account_id: int) -> ExchangeAccount:
    """The user's account, also one that is disconnected by now, or NotFound: another's looks like none."""
    account = ExchangeAccount.objects.filter(user=user, pk=account_id).first()
    if account is None:
        raise NotFound(_("There is no such exchange account."))
    return account


def any_account(account_id: int) -> ExchangeAccount:
    """Anybody's connected account, for the operator's commands; NotFound where there is none."""
    account = ExchangeAccount.objects.filter(pk=account_id, archived_at=None).first()
    if account is None:
        raise NotFound(_("There is no such exchange account."))
    return account


def chosen_account(user: User, account_id: int | None) -> ExchangeAccount:
    """The account that was asked for, or the user's first; NotFound when there is none."""
    if account_id is not None:
        return account_of(user, account_id)
    account = accounts_of(user).first()
    if account is None:
        raise NotFound(_("Connect an exchange account first."), code="no_account")
    return account
