"""What an adapter has a name for and this release does not have: refused with a sentence, and nothing is sent."""

from typing import NoReturn

from django.conf import settings
from django.utils.translation import gettext as _

from exchanges.errors import NotAvailable


def refuse(what: str, variable: str) -> NoReturn:
    """NotAvailable: `what` is switched off by `variable`, or is on and not there all the same."""
    if getattr(settings, variable):
        message = _("%(what)s is not part of this release, although %(variable)s is on.")
    else:
        message = _("%(what)s is off on this server (%(variable)s), and not part of this release.")
    raise NotAvailable(message % {"what": what, "variable": variable})


class NoEarnNoFutures:
    """Simple Earn and futures, behind ENABLE_EARN and ENABLE_FUTURES."""

    def earn_positions(self) -> NoReturn:
        refuse("Simple Earn", "ENABLE_EARN")

    def earn_subscribe(self, product_id: str, amount: str) -> NoReturn:
        refuse("Simple Earn", "ENABLE_EARN")

    def earn_redeem(self, product_id: str, amount: str) -> NoReturn:
        refuse("Simple Earn", "ENABLE_EARN")

    def futures_positions(self) -> NoReturn:
        refuse("Futures trading", "ENABLE_FUTURES")

    def futures_place_order(self, symbol: str, side: str, quantity: str) -> NoReturn:
        refuse("Futures trading", "ENABLE_FUTURES")
