"""What a request asks for of a list of orders, fills, rebalances or ticks."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from botbalance.lib.lists import asked
from orders import listing


def asked_of_own(filters: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The filters of a request. Raises NotFound for one by an account, a strategy or a rebalance of somebody else."""
    wanted = asked(filters, request)
    listing.check_owner(request.user, wanted)  # type: ignore[arg-type]
    return wanted
