"""/api/me/orders: orders, and strangers' at the same account."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.idempotency.api import idempotent
from botbalance.lib.api import AmountField
from botbalance.lib.lists import PAGE, AllInOne, IdField, Window, list_of, page, page_query
from botbalance.lib.money import plain, quantize
from exchanges import selectors as exchanges
from orders import listing, presentation, selectors, services
from orders.api.answers import CancelAllAnswer, problems
from orders.api.asking import asked_of_own
from orders.domain import Status
from orders.models import Fill, Order, OrderEvent, StrangerOrder
from portfolio.api import ACCOUNT, account_of_query


class OrderSerializer(serializers.ModelSerializer[Order]):
    account = serializers.IntegerField(source="account_id")
    run = serializers.IntegerField(source="round.run_id")
    price = AmountField()
    quantity = AmountField()
    executed_quantity = AmountField()
    average_price = serializers.SerializerMethodField()
    fee = serializers.SerializerMethodField()
    fee_asset = serializers.SerializerMethodField()
    fees = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()

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
            "fees",
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

    def get_fees(self, order: Order) -> dict[str, str]:
        """By asset: an order that fills in parts may pay in more than one."""
        return dict(order.fees)

    def get_error(self, order: Order) -> str:
        return presentation.translated(order.error)


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
    detail = serializers.SerializerMethodField()

    class Meta:
        model = OrderEvent
        fields = ["at", "kind", "status", "executed_quantity", "detail"]

    def get_detail(self, event: OrderEvent) -> str:
        return presentation.translated(event.detail)


class OrderDetailSerializer(OrderSerializer):
    fills = FillSerializer(many=True)
    events = EventSerializer(many=True)

    class Meta(OrderSerializer.Meta):
        fields = [*OrderSerializer.Meta.fields, "fills", "events"]


class StatusField(serializers.ChoiceField):
    """A status of an order in any letters, or `open` for all that have not ended."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=[listing.OPEN, *(status.value for status in Status)], **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        text = str(data)
        return super().to_internal_value(listing.OPEN if text.lower() == listing.OPEN else text.upper())


class TradeFilter(Window):
    account = IdField(required=False, help_text="Only of this account, connected or not.")
    strategy = IdField(required=False, help_text="Only of rebalances of this strategy.")
    run = IdField(required=False, help_text="Only of this rebalance.")
    symbol = serializers.CharField(required=False, max_length=40, help_text="Such as BTCUSDT, in any letters.")
    side = serializers.ChoiceField(required=False, choices=["BUY", "SELL"])


class OrderFilter(TradeFilter):
    """By the time an order was made."""

    status = StatusField(required=False, help_text="A status, or `open`: whatever has not ended.")


class OrderList(APIView):
    """Orders, newest first."""

    @extend_schema(parameters=[OrderFilter, PAGE], responses=list_of(OrderSerializer))
    def get(self, request: Request) -> Response:
        wanted = asked_of_own(OrderFilter, request)
        return page(request, listing.orders_of(request.user, wanted), OrderSerializer)  # type: ignore[arg-type]


class OrderDetail(APIView):
    """An order with its fills and everything that happened to it."""

    @extend_schema(responses=OrderDetailSerializer)
    def get(self, request: Request, order_id: int) -> Response:
        return Response(OrderDetailSerializer(selectors.order_of(request.user, order_id)).data)  # type: ignore[arg-type]


class CancelledOrderSerializer(OrderDetailSerializer):
    autopilot_paused = serializers.BooleanField()

    class Meta(OrderDetailSerializer.Meta):
        fields = [*OrderDetailSerializer.Meta.fields, "autopilot_paused"]


class OrderCancel(APIView):
    """Cancel one order, and stop what would place it again: its rebalance, and an autopilot that trades its account."""

    @extend_schema(request=None, responses=CancelledOrderSerializer)
    @idempotent
    def post(self, request: Request, order_id: int) -> Response:
        order = selectors.order_of(request.user, order_id)  # type: ignore[arg-type]
        flew = selectors.flies(order.account_id)
        order = services.cancel_order(order)
        paused = flew and not selectors.flies(order.account_id)
        return Response({**OrderDetailSerializer(order).data, "autopilot_paused": paused})


class RefreshAnswer(serializers.Serializer[Any]):
    problems = problems()
    open_orders = OrderSerializer(many=True)


class AccountBody(serializers.Serializer[Any]):
    account = IdField(required=False, help_text="An account of yours; the first one when left out.")


class OrdersRefresh(APIView):
    """Ask the exchange now, instead of waiting for the next look; also for orders that were placed elsewhere."""

    @extend_schema(request=AccountBody, responses=RefreshAnswer)
    def post(self, request: Request) -> Response:
        account = exchanges.chosen_account(request.user, _account_id(request))  # type: ignore[arg-type]
        problems = services.refresh_account(account)
        unfinished = selectors.unfinished_orders(account)
        return Response({"problems": problems, "open_orders": OrderSerializer(unfinished, many=True).data})


class OrdersCancelAll(APIView):
    """Stop the account's rebalance, pause its autopilot, and cancel every open order of ours there."""

    @extend_schema(operation_id="me_orders_cancel_all", request=AccountBody, responses=CancelAllAnswer)
    @idempotent
    def post(self, request: Request) -> Response:
        account = exchanges.chosen_account(request.user, _account_id(request))  # type: ignore[arg-type]
        flew = selectors.flies(account.pk)
        ended, problems = services.cancel_all(account)
        paused = flew and not selectors.flies(account.pk)
        return Response({"cancelled": ended, "problems": problems, "autopilot_paused": paused})


def _account_id(request: Request) -> int | None:
    body = AccountBody(data=request.data)
    body.is_valid(raise_exception=True)
    account: int | None = body.validated_data.get("account")
    return account


class StrangerSerializer(serializers.ModelSerializer[StrangerOrder]):
    price = AmountField()
    quantity = AmountField()
    executed_quantity = AmountField()

    class Meta:
        model = StrangerOrder
        fields = [
            "exchange_order_id",
            "client_order_id",
            "symbol",
            "side",
            "type",
            "price",
            "quantity",
            "executed_quantity",
            "seen_at",
        ]


class StrangerList(APIView):
    """Open orders at an account that were placed elsewhere, as last seen. They are left alone; what they lock is not
    spent.
    """

    @extend_schema(
        parameters=[ACCOUNT, page_query(AllInOne)],
        responses=list_of(StrangerSerializer, account=serializers.IntegerField()),
    )
    def get(self, request: Request) -> Response:
        account = account_of_query(request)
        rows = selectors.strangers_of(account)
        return page(request, rows, StrangerSerializer, pages=AllInOne, account=account.pk)
