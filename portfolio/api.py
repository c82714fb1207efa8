"""/api/me/balances and /api/me/portfolio/history"""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from botbalance.lib.api import AmountField
from botbalance.lib.money import plain
from exchanges import selectors as exchanges
from exchanges.models import ExchangeAccount
from portfolio import selectors, services
from portfolio.models import PortfolioSnapshot

ACCOUNT = OpenApiParameter("account", int, description="An account of yours; the first one when left out.")


class AccountQuery(serializers.Serializer[Any]):
    account = serializers.IntegerField(required=False, min_value=1, max_value=2**62)


class HistoryQuery(AccountQuery):
    """`from` and `to`: a time with its zone, such as 2026-11-01T00:00:00Z."""

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of the language and cannot be written as a class attribute.
        times = {name: serializers.DateTimeField(required=False) for name in ("from", "to")}
        return {**super().get_fields(), **times}


class SnapshotSerializer(serializers.ModelSerializer[PortfolioSnapshot]):
    nav = AmountField()

    class Meta:
        model = PortfolioSnapshot
        fields = ["at", "reason", "quote", "nav", "holdings"]


def account_of_query(request: Request) -> ExchangeAccount:
    """The account a request asks for with ?account=, or the user's first."""
    query = AccountQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    return exchanges.chosen_account(request.user, query.validated_data.get("account"))  # type: ignore[arg-type]


class BalancesView(APIView):
    @extend_schema(parameters=[ACCOUNT], responses={200: dict})
    def get(self, request: Request) -> Response:
        account = account_of_query(request)
        known = services.balances_for_display(account)
        return Response(
            {
                "account": account.pk,
                "as_of": known.as_of,
                "problem": known.problem,
                "balances": [
                    {"asset": row.asset, "free": plain(row.free), "locked": plain(row.locked)} for row in known.balances
                ],
            }
        )


class HistoryView(APIView):
    """NAV over time, oldest first, at most 2,000 points."""

    @extend_schema(parameters=[ACCOUNT, HistoryQuery], responses=SnapshotSerializer(many=True))
    def get(self, request: Request) -> Response:
        query = HistoryQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        account = account_of_query(request)
        rows = selectors.history(account, query.validated_data.get("from"), query.validated_data.get("to"))
        newest = rows.order_by("-at", "-id")[:2000]
        return Response({"account": account.pk, "results": SnapshotSerializer(list(reversed(newest)), many=True).data})
