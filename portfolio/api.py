"""/api/me/balances, /api/me/portfolio/history and /api/me/cash-flows"""

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from botbalance.lib import csv_files
from botbalance.lib.api import AmountField
from botbalance.lib.lists import PAGE, IdField, OldestFirst, Window, asked, list_of, page, page_query
from botbalance.lib.money import plain
from exchanges import selectors as exchanges
from exchanges.models import ExchangeAccount
from portfolio import selectors, services
from portfolio.models import CashFlow, PortfolioSnapshot

ACCOUNT = OpenApiParameter("account", int, description="An account of yours; the first one when left out.")


REFRESH = OpenApiParameter("refresh", bool, description="Read the balances now, whatever is known.")


class AccountQuery(serializers.Serializer[Any]):
    account = IdField(required=False, help_text="An account of yours; the first one when left out.")


class RefreshQuery(serializers.Serializer[Any]):
    refresh = serializers.BooleanField(required=False, default=False)


class HistoryQuery(Window, AccountQuery):
    """Within a time, of one account, connected or not."""


class SnapshotFilter(HistoryQuery):
    reason = serializers.ChoiceField(required=False, choices=PortfolioSnapshot.Reason.choices)


class CashFlowFilter(HistoryQuery):
    kind = serializers.ChoiceField(required=False, choices=CashFlow.Kind.choices)
    asset = serializers.CharField(required=False, max_length=20, help_text="Such as BTC, in any letters.")


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


class BalanceAnswer(serializers.Serializer[Any]):
    asset = serializers.CharField()
    free = AmountField()
    locked = AmountField(help_text="In open orders.")


class BalancesAnswer(serializers.Serializer[Any]):
    account = serializers.IntegerField()
    as_of = serializers.DateTimeField(help_text="When they were read.")
    problem = serializers.CharField(allow_blank=True, help_text="Why they are not newer; empty when they are fresh.")
    balances = BalanceAnswer(many=True)


class BalancesView(APIView):
    """Balances as last read, and when that was. They are read again after an order of ours changed, when they are old,
    or with `refresh`.
    """

    @extend_schema(parameters=[ACCOUNT, REFRESH], responses=BalancesAnswer)
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


def account_ever_of_query(request: Request, wanted: dict[str, Any]) -> ExchangeAccount:
    """The account a list is asked for, connected or not, or the user's first."""
    user: Any = request.user
    if wanted.get("account"):
        return exchanges.account_ever_of(user, wanted["account"])
    return exchanges.chosen_account(user, None)


def wanted_snapshots(request: Request) -> tuple[ExchangeAccount, QuerySet[PortfolioSnapshot], dict[str, Any]]:
    """Snapshots that a request asks for: of which account, and how they are narrowed."""
    wanted = asked(SnapshotFilter, request)
    account = account_ever_of_query(request, wanted)
    rows = selectors.history(account, wanted.get("from"), wanted.get("to"))
    return account, rows.filter(reason=wanted["reason"]) if "reason" in wanted else rows, wanted


class HistoryView(APIView):
    """NAV and holdings of an account over time, oldest first."""

    @extend_schema(
        parameters=[SnapshotFilter, page_query(OldestFirst)],
        responses=list_of(SnapshotSerializer, account=serializers.IntegerField()),
    )
    def get(self, request: Request) -> Response:
        account, rows, _wanted = wanted_snapshots(request)
        return page(request, rows, SnapshotSerializer, pages=OldestFirst, account=account.pk)


SNAPSHOT_COLUMNS: csv_files.Columns = {
    "at": lambda row: row.at,
    "reason": lambda row: row.reason,
    "nav": lambda row: row.nav,
    "quote": lambda row: row.quote,
    "bitcoin_price": lambda row: row.bitcoin_price,
    "holdings": lambda row: " ".join(f"{holding['total']} {holding['asset']}" for holding in row.holdings),
}


class HistoryFile(APIView):
    """NAV and holdings of an account over time as a CSV file, oldest first: all that the filters leave."""

    @extend_schema(
        parameters=[SnapshotFilter],
        responses={(200, csv_files.CONTENT_TYPE): OpenApiTypes.STR},
        operation_id="me_portfolio_history_csv",
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        account, rows, wanted = wanted_snapshots(request)
        whose = f"{account.label} {account.pk}"
        name = csv_files.file_name("snapshots", whose, wanted.get("from"), wanted.get("to"))
        return csv_files.answer(name, SNAPSHOT_COLUMNS, csv_files.in_chunks(rows, oldest_first=True))


class CashFlowList(APIView):
    """What came into an account, or left it, without an order of ours, newest first. `value` is in its quote."""

    @extend_schema(
        parameters=[CashFlowFilter, PAGE], responses=list_of(CashFlowSerializer, account=serializers.IntegerField())
    )
    def get(self, request: Request) -> Response:
        wanted = asked(CashFlowFilter, request)
        account = account_ever_of_query(request, wanted)
        rows = selectors.cash_flows(account, wanted.get("from"), wanted.get("to"))
        if "kind" in wanted:
            rows = rows.filter(kind=wanted["kind"])
        if "asset" in wanted:
            rows = rows.filter(asset=wanted["asset"].upper())
        return page(request, rows, CashFlowSerializer, account=account.pk)
