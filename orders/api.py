"""/api/me/: plan, rebalance, runs and orders."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from botbalance.lib.api import AmountField
from botbalance.lib.money import plain, quantize
from exchanges import selectors as exchanges
from orders import selectors, services
from orders.models import Fill, Order, OrderEvent, Run
from orders.tasks import hurry_soon
from strategies import selectors as strategies
from strategies.services import Preview


class OrderSerializer(serializers.ModelSerializer[Order]):
    account = serializers.IntegerField(source="account_id")
    run = serializers.IntegerField(source="round.run_id")
    price = AmountField()
    quantity = AmountField()
    executed_quantity = AmountField()
    average_price = serializers.SerializerMethodField()
    fee = serializers.SerializerMethodField()
    fee_asset = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = [
            "id",
            "client_order_id",
            "exchange_order_id",
            "account",
            "run",
            "symbol",
            "side",
            "type",
            "price",
            "quantity",
            "executed_quantity",
            "average_price",
            "fee",
            "fee_asset",
            "status",
            "error",
            "created_at",
            "updated_at",
            "finished_at",
        ]

    def get_average_price(self, order: Order) -> str | None:
        return None if order.average_price is None else plain(quantize(order.average_price, 12))

    def get_fee(self, order: Order) -> str:
        return next(iter(order.fees.values()), "0")

    def get_fee_asset(self, order: Order) -> str | None:
        return next(iter(order.fees), None)


class FillSerializer(serializers.ModelSerializer[Fill]):
    price = AmountField()
    quantity = AmountField()
    quote_quantity = AmountField()
    commission = AmountField()

    class Meta:
        model = Fill
        fields = ["trade_id", "price", "quantity", "quote_quantity", "commission", "commission_asset", "is_maker", "at"]


class EventSerializer(serializers.ModelSerializer[OrderEvent]):
    executed_quantity = AmountField()

    class Meta:
        model = OrderEvent
        fields = ["at", "kind", "status", "executed_quantity", "detail"]


class OrderDetailSerializer(OrderSerializer):
    fills = FillSerializer(many=True)
    events = EventSerializer(many=True)

    class Meta(OrderSerializer.Meta):
        fields = [*OrderSerializer.Meta.fields, "fills", "events"]


class RunSerializer(serializers.ModelSerializer[Run]):
    account = serializers.IntegerField(source="account_id")
    strategy = serializers.IntegerField(source="strategy_id")
    rounds = serializers.SerializerMethodField()

    class Meta:
        model = Run
        fields = [
            "id",
            "account",
            "strategy",
            "trigger",
            "state",
            "reason_code",
            "reason",
            "problem",
            "rounds",
            "started_at",
            "finished_at",
        ]

    def get_rounds(self, run: Run) -> int:
        return run.rounds.count()


def plan_body(preview: Preview) -> dict[str, Any]:
    """A plan as the API shows it."""
    plan = preview.plan

    def pct(value: Any) -> str | None:
        return None if value is None else plain(quantize(value, 4))

    return {
        "nav": plain(quantize(plan.nav, 8)),
        "managed": plain(quantize(plan.managed, 8)),
        "quote": plan.quote,
        "allocations": [
            {
                "asset": row.asset,
                "weight_pct": pct(row.weight_pct),
                "target_pct": pct(row.target_pct),
                "after_pct": pct(row.after_pct),
            }
            for row in plan.allocations
        ],
        "orders": [
            {
                "symbol": leg.symbol,
                "side": leg.side.value,
                "price": plain(leg.price),
                "quantity": plain(leg.quantity),
                "notional": plain(leg.notional),
                "fee": plain(quantize(leg.fee, 8)),
            }
            for leg in plan.legs
        ],
        "skips": [{"asset": skip.asset, "code": skip.code, "reason": skip.reason} for skip in plan.skips],
        "plan_digest": preview.digest,
    }


def run_body(run: Run) -> dict[str, Any]:
    """A run with the orders of its newest round, as execute answers it."""
    last = run.rounds.order_by("number").last()
    orders = last.orders.order_by("index") if last else Order.objects.none()
    return {
        "run": run.pk,
        "state": run.state,
        "reason": run.reason,
        "orders": [
            {
                "id": order.pk,
                "client_order_id": order.client_order_id,
                "symbol": order.symbol,
                "side": order.side,
                "price": plain(order.price),
                "quantity": plain(order.quantity),
                "status": order.status,
            }
            for order in orders
        ],
        "skips": last.readable_skips if last else [],
    }


class PlanView(APIView):
    """The exact orders the next round would place."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request, strategy_id: int) -> Response:
        return Response(plan_body(services.preview(strategies.strategy_of(request.user, strategy_id))))  # type: ignore[arg-type]


class ExecuteSerializer(serializers.Serializer[Any]):
    strategy = serializers.IntegerField(min_value=1, max_value=2**62)
    plan_digest = serializers.CharField(required=False, allow_blank=True, max_length=20_000)


class KeySerializer(serializers.Serializer[Any]):
    """The header `Idempotency-Key`: it ends up in the database, so it is text that can stand there."""

    idempotency_key = serializers.CharField(allow_blank=True, max_length=100)


class ExecuteView(APIView):
    """Start a rebalance. `Idempotency-Key`: the same key gives the same run."""

    @extend_schema(
        request=ExecuteSerializer,
        responses={200: dict, 201: dict},
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
    )
    def post(self, request: Request) -> Response:
        serializer = ExecuteSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        key = KeySerializer(data={"idempotency_key": request.headers.get("Idempotency-Key", "")})
        key.is_valid(raise_exception=True)
        execution = services.execute(
            request.user,  # type: ignore[arg-type]
            strategies.strategy_of(request.user, data["strategy"]),  # type: ignore[arg-type]
            trigger=Run.Trigger.API,
            idempotency_key=key.validated_data["idempotency_key"],
            plan_digest=data.get("plan_digest", ""),
        )
        if execution.run.is_active:
            hurry_soon(execution.run.account_id)
        return Response(run_body(execution.run), status=201 if execution.created else 200)


class OldestLast(CursorPagination):
    ordering = "-id"
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200

    def decode_cursor(self, request: Request) -> Cursor | None:
        cursor = super().decode_cursor(request)
        position = str(cursor.position) if cursor and cursor.position is not None else None
        if position is not None and not (position.isascii() and position.isdigit() and len(position) <= 18):
            raise NotFound(self.invalid_cursor_message)
        return cursor


class RunList(APIView):
    @extend_schema(responses=RunSerializer(many=True))
    def get(self, request: Request) -> Response:
        paginator = OldestLast()
        page = paginator.paginate_queryset(selectors.runs_of(request.user), request, view=self)  # type: ignore[arg-type]
        return Response({"results": RunSerializer(page, many=True).data, "next": paginator.get_next_link()})


class RunDetail(APIView):
    @extend_schema(responses=RunSerializer)
    def get(self, request: Request, run_id: int) -> Response:
        run = selectors.run_of(request.user, run_id)  # type: ignore[arg-type]
        return Response({**RunSerializer(run).data, **run_body(run)})


class RunStop(APIView):
    @extend_schema(request=None, responses={200: dict})
    def post(self, request: Request, run_id: int) -> Response:
        run = selectors.run_of(request.user, run_id)  # type: ignore[arg-type]
        problems = services.stop_run(run)
        return Response({**run_body(run), "problems": problems})


class OrderFilter(serializers.Serializer[Any]):
    account = serializers.IntegerField(required=False, min_value=1, max_value=2**62)
    run = serializers.IntegerField(required=False, min_value=1, max_value=2**62)
    symbol = serializers.CharField(required=False, max_length=40)
    status = serializers.CharField(required=False, max_length=20)
    side = serializers.ChoiceField(required=False, choices=["BUY", "SELL"])


class OrderList(APIView):
    @extend_schema(parameters=[OrderFilter], responses=OrderSerializer(many=True))
    def get(self, request: Request) -> Response:
        query = OrderFilter(data=request.query_params)
        query.is_valid(raise_exception=True)
        rows = selectors.filter_orders(selectors.orders_of(request.user), query.validated_data)  # type: ignore[arg-type]
        paginator = OldestLast()
        page = paginator.paginate_queryset(rows, request, view=self)
        return Response({"results": OrderSerializer(page, many=True).data, "next": paginator.get_next_link()})


class OrderDetail(APIView):
    @extend_schema(responses=OrderDetailSerializer)
    def get(self, request: Request, order_id: int) -> Response:
        return Response(OrderDetailSerializer(selectors.order_of(request.user, order_id)).data)  # type: ignore[arg-type]


class OrderCancel(APIView):
    @extend_schema(request=None, responses=OrderDetailSerializer)
    def post(self, request: Request, order_id: int) -> Response:
        order = services.cancel_order(selectors.order_of(request.user, order_id))  # type: ignore[arg-type]
        return Response(OrderDetailSerializer(order).data)


class AccountBody(serializers.Serializer[Any]):
    account = serializers.IntegerField(required=False, min_value=1, max_value=2**62)


class OrdersRefresh(APIView):
    """Ask the exchange now, instead of waiting for the next look."""

    @extend_schema(request=AccountBody, responses={200: dict})
    def post(self, request: Request) -> Response:
        account = exchanges.chosen_account(request.user, _account_id(request))  # type: ignore[arg-type]
        problems = services.track_account(account)
        unfinished = selectors.unfinished_orders(account)
        return Response({"problems": problems, "open_orders": OrderSerializer(unfinished, many=True).data})


class OrdersCancelAll(APIView):
    """Stop the account's rebalance and cancel every open order of ours there."""

    @extend_schema(operation_id="me_orders_cancel_all", request=AccountBody, responses={200: dict})
    def post(self, request: Request) -> Response:
        account = exchanges.chosen_account(request.user, _account_id(request))  # type: ignore[arg-type]
        ended, problems = services.cancel_all(account)
        return Response({"cancelled": ended, "problems": problems})


def _account_id(request: Request) -> int | None:
    body = AccountBody(data=request.data)
    body.is_valid(raise_exception=True)
    account: int | None = body.validated_data.get("account")
    return account
