"""/api/me/strategies/"""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from botbalance.lib.errors import Invalid
from exchanges import selectors as exchanges
from strategies import selectors, services
from strategies.domain import Target
from strategies.models import Allocation, Strategy


class AssetField(serializers.CharField):
    """An asset's ticker, in capitals."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=20, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(data).strip().upper()


class AllocationSerializer(serializers.ModelSerializer[Allocation]):
    asset = AssetField()

    class Meta:
        model = Allocation
        fields = ["asset", "weight_pct"]

    def validate(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row is whole, also where only a part of the strategy around it is changed."""
        missing = {name: [_("This field is required.")] for name in self.Meta.fields if name not in row}
        if missing:
            raise serializers.ValidationError(missing)
        return row


class StrategySerializer(serializers.ModelSerializer[Strategy]):
    account = serializers.IntegerField(source="account_id")
    allocations = AllocationSerializer(many=True)

    class Meta:
        model = Strategy
        fields = ["id", "account", *services.FIELDS, "allocations", "is_active", "created_at", "updated_at"]
        read_only_fields = ["id", "created_at", "updated_at"]
        extra_kwargs = {"quote": {"required": False}}
        validators: list[Any] = []


def _split(data: dict[str, Any]) -> tuple[list[Target] | None, bool | None]:
    allocations = data.pop("allocations", None)
    targets = None
    if allocations is not None:
        targets = [Target(row["asset"], row["weight_pct"]) for row in allocations]
    return targets, data.pop("is_active", None)


def _set_active(strategy: Strategy, wanted: bool | None) -> None:
    if wanted is True and not strategy.is_active:
        services.activate(strategy)
    elif wanted is False and strategy.is_active:
        services.deactivate(strategy)


class StrategyList(APIView):
    @extend_schema(responses=StrategySerializer(many=True))
    def get(self, request: Request) -> Response:
        rows = selectors.strategies_of(request.user)  # type: ignore[arg-type]
        return Response({"results": StrategySerializer(rows, many=True).data})

    @extend_schema(request=StrategySerializer, responses={201: StrategySerializer})
    def post(self, request: Request) -> Response:
        serializer = StrategySerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = dict(serializer.validated_data)
        account = exchanges.account_of(request.user, data.pop("account_id"))  # type: ignore[arg-type]
        targets, active = _split(data)
        strategy = services.create_strategy(request.user, account, data, targets or [])  # type: ignore[arg-type]
        _set_active(strategy, active)
        return Response(StrategySerializer(strategy).data, status=201)


class StrategyDetail(APIView):
    @extend_schema(responses=StrategySerializer)
    def get(self, request: Request, strategy_id: int) -> Response:
        return Response(StrategySerializer(selectors.strategy_of(request.user, strategy_id)).data)  # type: ignore[arg-type]

    @extend_schema(request=StrategySerializer, responses=StrategySerializer)
    def put(self, request: Request, strategy_id: int) -> Response:
        return self._change(request, strategy_id, partial=False)

    @extend_schema(request=StrategySerializer(partial=True), responses=StrategySerializer)
    def patch(self, request: Request, strategy_id: int) -> Response:
        return self._change(request, strategy_id, partial=True)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, strategy_id: int) -> Response:
        services.delete_strategy(selectors.strategy_of(request.user, strategy_id))  # type: ignore[arg-type]
        return Response(status=204)

    def _change(self, request: Request, strategy_id: int, *, partial: bool) -> Response:
        strategy = selectors.strategy_of(request.user, strategy_id)  # type: ignore[arg-type]
        serializer = StrategySerializer(strategy, data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        data = dict(serializer.validated_data)
        if data.pop("account_id", strategy.account_id) != strategy.account_id:
            raise Invalid(
                _("Some fields need your attention."),
                fields={"account": [_("A strategy stays with its account. Make a new one for another account.")]},
            )
        targets, active = _split(data)
        strategy = services.update_strategy(strategy, data, targets)
        _set_active(strategy, active)
        return Response(StrategySerializer(strategy).data)
