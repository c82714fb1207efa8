"""What a deed of the owner does to an autopilot, said on the next page."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from exchanges.models import ExchangeAccount
from orders import selectors


@contextmanager
def telling_of_pauses(request: HttpRequest, accounts: Iterable[ExchangeAccount]) -> Iterator[None]:
    """Tell the owner which autopilots of these accounts have paused meanwhile; also where what was meant has failed."""
    flew = [account for account in accounts if selectors.flies(account.pk)]
    yield
    for account in flew:
        if not selectors.flies(account.pk):
            text = _(
                "The autopilot of %(label)s has paused too, or it would have placed the orders again. "
                "Let it go on when you want."
            )
            messages.warning(request, text % {"label": account.label})
