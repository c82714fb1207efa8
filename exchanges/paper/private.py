"""Routes of one account, all signed, and the form of its key."""

import re

from exchanges.paper import account_routes, dust_routes, order_routes
from exchanges.paper.calls import PrivateCall, refusal_of
from exchanges.paper.routing import Routes

__all__ = ["ROUTES", "PrivateCall", "key_is_wellformed", "refusal_of"]

ROUTES: Routes = {**account_routes.ROUTES, **order_routes.ROUTES, **dust_routes.ROUTES}

_KEY = re.compile(r"[A-Za-z0-9]{64}")


def key_is_wellformed(api_key: str) -> bool:
    return _KEY.fullmatch(api_key) is not None
