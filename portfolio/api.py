"""/api/me/balances, /api/me/portfolio/history and /api/me/cash-flows"""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from botbalance.lib.api import AmountField, OldestLast
from botbalance.lib.money import plain
from exchanges import selectors as exchanges
from exchanges.models import ExchangeAccount
from portfolio import selectors, services
from portfolio.models import CashFlow, PortfolioSnapshot

ACCOUNT = OpenApiParameter("account", int, description="An account of yours; the first one when left out.")


REFRESH = OpenApiParameter("refresh", bool, description="Read the balances now, whatever is known.")


class AccountQuery(serializers.Serializer[Any]):
    account = serializers.IntegerField(required=False, min_value=1, max_value=2**62)


class RefreshQuery(serializers.Serializer[Any]):
    refresh = serializers.BooleanField(required=False, default=False)


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


class CashFlowSerializer(serializers.ModelSerializer[CashFlow]):
    amount = AmountField()
    value = AmountField(allow_null=True)

    class Meta:
        model = CashFlow
        fields = ["id", "at", "kind", "asset", "amount", "value"]


def account_of_query(request: Request) -> ExchangeAccount:
    """The account a request asks for with ?account=, or the user's first."""
    query = AccountQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    return exchanges.chosen_account(request.user, query.validated_data.get("account"))  # type: ignore[arg-type]


def wants_fresh(request: Request) -> bool:
    """Whether a request asks with ?refresh= for balances read now."""
    query = RefreshQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    return bool(query.validated_data["refresh"])


class BalancesView(APIView):
    """Balances as last read, and when that was. They are read again after an order of ours changed, when they are old,
    or with `refresh`.
    """

    @extend_schema(parameters=[ACCOUNT, REFRESH], responses={200: dict})
    def get(self, request: Request) -> Response:
        account = account_of_query(request)
        fresh = wants_fresh(request)
        known = services.balances_for_display(account, changed_ms=self.changed_ms(account), fresh=fresh)
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

    def changed_ms(self, account: ExchangeAccount) -> int:
        """When an order of ours at the account changed last; orders are not known on this floor."""
        return 0


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


class CashFlowList(APIView):
    """What came into an account, or left it, without an order of ours, newest first. `value` is in its quote."""

    @extend_schema(parameters=[ACCOUNT, HistoryQuery], responses=CashFlowSerializer(many=True))
    def get(self, request: Request) -> Response:
        query = HistoryQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        account = account_of_query(request)
        rows = selectors.cash_flows(account, query.validated_data.get("from"), query.validated_data.get("to"))
        paginator = OldestLast()
        page = paginator.paginate_queryset(rows, request, view=self)
        body = {"account": account.pk, "results": CashFlowSerializer(page, many=True).data}
        return Response({**body, "next": paginator.get_next_link()})
