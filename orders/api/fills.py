"""/api/me/fills, and orders, fills and ticks as CSV files."""

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from botbalance.lib import csv_files
from botbalance.lib.lists import PAGE, IdField, list_of, page
from exchanges import selectors as exchanges
from orders import listing, telling
from orders.api.asking import asked_of_own
from orders.api.autopilot import TickFilter
from orders.api.orders import FillSerializer, OrderFilter, TradeFilter
from orders.models import Fill, Order
from orders.presentation import translated
from orders.standings import ticks_of
from strategies import selectors as strategies

CSV = {(200, csv_files.CONTENT_TYPE): OpenApiTypes.STR}

ORDER_COLUMNS: csv_files.Columns = {
    "id": lambda order: order.pk,
    "client_order_id": lambda order: order.client_order_id,
    "exchange_order_id": lambda order: order.exchange_order_id,
    "account": lambda order: order.account_id,
    "account_label": lambda order: order.account.label,
    "run": lambda order: order.round.run_id,
    "symbol": lambda order: order.symbol,
    "base_asset": lambda order: order.base_asset,
    "quote_asset": lambda order: order.quote_asset,
    "side": lambda order: order.side,
    "type": lambda order: order.type,
    "status": lambda order: order.status,
    "price": lambda order: order.price,
    "quantity": lambda order: order.quantity,
    "executed_quantity": lambda order: order.executed_quantity,
    "executed_quote": lambda order: order.cumulative_quote,
    "fees": lambda order: " ".join(f"{amount} {asset}" for asset, amount in order.fees.items()),
    "error": lambda order: translated(order.error),
    "created_at": lambda order: order.created_at,
    "updated_at": lambda order: order.updated_at,
    "finished_at": lambda order: order.finished_at,
}
FILL_COLUMNS: csv_files.Columns = {
    "id": lambda fill: fill.pk,
    "trade_id": lambda fill: fill.trade_id,
    "at": lambda fill: fill.at,
    "account": lambda fill: fill.order.account_id,
    "run": lambda fill: fill.order.round.run_id,
    "order": lambda fill: fill.order_id,
    "client_order_id": lambda fill: fill.order.client_order_id,
    "symbol": lambda fill: fill.order.symbol,
    "base_asset": lambda fill: fill.order.base_asset,
    "quote_asset": lambda fill: fill.order.quote_asset,
    "side": lambda fill: fill.order.side,
    "price": lambda fill: fill.price,
    "quantity": lambda fill: fill.quantity,
    "quote_quantity": lambda fill: fill.quote_quantity,
    "commission": lambda fill: fill.commission,
    "commission_asset": lambda fill: fill.commission_asset,
    "is_maker": lambda fill: fill.is_maker,
}
TICK_COLUMNS: csv_files.Columns = {
    "id": lambda tick: tick.pk,
    "strategy": lambda tick: tick.strategy_id,
    "started_at": lambda tick: tick.started_at,
    "ended_at": lambda tick: tick.ended_at,
    "status": lambda tick: tick.status,
    "code": lambda tick: tick.code,
    "reason": telling.tick_reason,
    "looks": lambda tick: tick.looks,
    "run": lambda tick: tick.run_id,
    "placed": lambda tick: tick.actions.get("placed", 0),
    "filled": lambda tick: tick.actions.get("filled", 0),
    "cancelled": lambda tick: tick.actions.get("cancelled", 0),
    "rejected": lambda tick: tick.actions.get("rejected", 0),
    "adopted": lambda tick: tick.actions.get("adopted", 0),
    "milliseconds": lambda tick: tick.milliseconds,
}


class ListedFillSerializer(FillSerializer):
    """A fill with the order it is of."""

    account = serializers.IntegerField(source="order.account_id")
    run = serializers.IntegerField(source="order.round.run_id")
    order = serializers.IntegerField(source="order_id")
    symbol = serializers.CharField(source="order.symbol")
    side = serializers.ChoiceField(["BUY", "SELL"], source="order.side")

    class Meta(FillSerializer.Meta):
        fields = ["id", "account", "run", "order", "symbol", "side", *FillSerializer.Meta.fields]


class FillFilter(TradeFilter):
    """By the time of the trade."""

    order = IdField(required=False, help_text="Only of this order.")


class FillList(APIView):
    """Trades of orders of ours, as the exchange reports them, the one recorded last first."""

    @extend_schema(parameters=[FillFilter, PAGE], responses=list_of(ListedFillSerializer))
    def get(self, request: Request) -> Response:
        wanted = asked_of_own(FillFilter, request)
        return page(request, listing.fills_of(request.user, wanted), ListedFillSerializer)  # type: ignore[arg-type]


class OrdersFile(APIView):
    """Orders as a CSV file, newest first: all that the filters leave, in one file."""

    @extend_schema(parameters=[OrderFilter], responses=CSV, operation_id="me_orders_csv")
    def get(self, request: Request) -> StreamingHttpResponse:
        wanted = asked_of_own(OrderFilter, request)
        rows = listing.orders_of(request.user, wanted)  # type: ignore[arg-type]
        return _file(request, "orders", ORDER_COLUMNS, rows, wanted)


class FillsFile(APIView):
    """Fills as a CSV file, the one recorded last first: all that the filters leave, in one file."""

    @extend_schema(parameters=[FillFilter], responses=CSV, operation_id="me_fills_csv")
    def get(self, request: Request) -> StreamingHttpResponse:
        wanted = asked_of_own(FillFilter, request)
        rows = listing.fills_of(request.user, wanted)  # type: ignore[arg-type]
        return _file(request, "fills", FILL_COLUMNS, rows, wanted)


class TicksFile(APIView):
    """What the autopilot decided and why as a CSV file, newest first."""

    @extend_schema(parameters=[TickFilter], responses=CSV, operation_id="me_strategies_ticks_csv")
    def get(self, request: Request, strategy_id: int) -> StreamingHttpResponse:
        strategy = strategies.strategy_of(request.user, strategy_id)  # type: ignore[arg-type]
        wanted = asked_of_own(TickFilter, request)
        rows = listing.filter_ticks(ticks_of(strategy), wanted)
        name = csv_files.file_name("ticks", f"{strategy.name} {strategy.pk}", wanted.get("from"), wanted.get("to"))
        return csv_files.answer(name, TICK_COLUMNS, csv_files.in_chunks(rows))


def _file(
    request: Request,
    kind: str,
    columns: csv_files.Columns,
    rows: QuerySet[Order] | QuerySet[Fill],
    wanted: dict[str, Any],
) -> StreamingHttpResponse:
    whose = _("all accounts")
    if wanted.get("account"):
        account = exchanges.account_ever_of(request.user, wanted["account"])  # type: ignore[arg-type]
        whose = f"{account.label} {account.pk}"
    name = csv_files.file_name(kind, whose, wanted.get("from"), wanted.get("to"))
    return csv_files.answer(name, columns, csv_files.in_chunks(rows))
