"""/api/me/strategies/"""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from botbalance.lib.api import AmountField
from botbalance.lib.errors import Invalid
from botbalance.lib.lists import AllInOne, IdField, asked, list_of, page, page_query
from exchanges import selectors as exchanges
from strategies import concerns, selectors, services
from strategies.models import Allocation, Strategy
from strategies.services import Entry
from strategies.target_models import ModelKind


class AssetField(serializers.CharField):
    """An asset's ticker, in capitals."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=20, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(data).strip().upper()


class AllocationSerializer(serializers.ModelSerializer[Allocation]):
    asset = AssetField()
    weight_pct = serializers.DecimalField(
        max_digits=8, decimal_places=4, min_value=Decimal(0), max_value=Decimal(100), allow_null=True, required=False,
        help_text="Percent. Null or left out, where there is a model: the model gives all weights.",
    )  # fmt: skip
    market_cap = AmountField(
        max_digits=30, decimal_places=2, min_value=Decimal("0.01"), allow_null=True, required=False,
        help_text="For the model market_cap alone: a figure of your own. Left out: as it was.",
    )  # fmt: skip
    keep = AmountField(
        max_digits=40, decimal_places=18, min_value=Decimal(0), required=False,
        help_text="A quantity of the asset that is never sold. Left out: as it was, or 0.",
    )  # fmt: skip
    coin_id = serializers.CharField(
        max_length=100, allow_blank=True, required=False,
        help_text="For the model market_cap alone: the coin's id at the source of market capitalisations.",
    )  # fmt: skip

    class Meta:
        model = Allocation
        fields = ["asset", "weight_pct", "keep", "market_cap", "coin_id"]

    def validate(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row names its asset, also where only a part of the strategy around it is changed."""
        if "asset" not in row:
            raise serializers.ValidationError({"asset": [_("This field is required.")]})
        return row


class StrategySerializer(serializers.ModelSerializer[Strategy]):
    """A strategy with what concerns its target model; settings of other models are neither shown nor taken."""

    account = serializers.IntegerField(source="account_id")
    allocations = AllocationSerializer(many=True)

    class Meta:
        model = Strategy
        fields = [
            "id", "account", *services.FIELDS, "model_refreshed_at", "model_due_at", "model_problem", "allocations",
            "is_active", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = ["id", "model_refreshed_at", "model_due_at", "model_problem", "created_at", "updated_at"]
        extra_kwargs = {"quote": {"required": False}}
        validators: list[Any] = []

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        before = self.instance.target_model if isinstance(self.instance, Strategy) else ModelKind.FIXED
        kind = ModelKind(data.get("target_model", before))
        shown = concerns.fields_of(kind)
        wrong: dict[str, Any] = {
            name: [_("This is no setting of this target model.")]
            for name in concerns.ALL
            if name in data and name not in shown
        }
        rows = [_row_problems(kind, row) for row in data.get("allocations") or []]
        if any(rows):
            wrong["allocations"] = rows
        if wrong:
            raise serializers.ValidationError(wrong)
        return data

    def to_representation(self, strategy: Strategy) -> dict[str, Any]:
        shown = super().to_representation(strategy)
        kind = ModelKind(strategy.target_model)
        hidden = set(concerns.ALL) - set(concerns.fields_of(kind))
        if kind == ModelKind.FIXED:
            hidden |= {"model_refreshed_at", "model_due_at", "model_problem"}
        if kind != ModelKind.MARKET_CAP:
            for row in shown["allocations"]:
                del row["market_cap"], row["coin_id"]
        return {name: value for name, value in shown.items() if name not in hidden}


def _row_problems(kind: ModelKind, row: dict[str, Any]) -> dict[str, list[str]]:
    wrong: dict[str, list[str]] = {}
    if kind == ModelKind.FIXED and row.get("weight_pct") is None:
        is_null = "weight_pct" in row
        wrong["weight_pct"] = [_("This field may not be null.") if is_null else _("This field is required.")]
    if kind != ModelKind.MARKET_CAP:
        for name in ("market_cap", "coin_id"):
            if name in row:
                wrong[name] = [_("Only the model market_cap reads it.")]
    return wrong


def _split(data: dict[str, Any]) -> tuple[list[Entry] | None, bool | None]:
    allocations = data.pop("allocations", None)
    entries = None
    if allocations is not None:
        entries = [
            Entry(
                row["asset"],
                row.get("weight_pct"),
                row.get("market_cap"),
                row.get("coin_id", "").strip(),
                keeps_figures="market_cap" not in row and "coin_id" not in row,
                keep=row.get("keep"),
            )
            for row in allocations
        ]
    return entries, data.pop("is_active", None)


def _set_active(strategy: Strategy, wanted: bool | None) -> None:
    if wanted is True and not strategy.is_active:
        services.activate(strategy)
    elif wanted is False and strategy.is_active:
        services.deactivate(strategy)


class StrategyFilter(serializers.Serializer[Any]):
    account = IdField(required=False, help_text="Only of this account.")
    is_active = serializers.BooleanField(required=False, default=None, allow_null=True, help_text="Only active ones.")


class StrategyList(APIView):
    @extend_schema(parameters=[StrategyFilter, page_query(AllInOne)], responses=list_of(StrategySerializer))
    def get(self, request: Request) -> Response:
        """Strategies, oldest first."""
        wanted, user = asked(StrategyFilter, request), request.user
        rows = selectors.strategies_of(user)  # type: ignore[arg-type]
        if "account" in wanted:
            rows = rows.filter(account=exchanges.account_of(user, wanted["account"]))  # type: ignore[arg-type]
        if wanted["is_active"] is not None:
            rows = rows.filter(is_active=wanted["is_active"])
        return page(request, rows, StrategySerializer, pages=AllInOne)

    @extend_schema(request=StrategySerializer, responses={201: StrategySerializer})
    def post(self, request: Request) -> Response:
        serializer = StrategySerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = dict(serializer.validated_data)
        account = exchanges.account_of(request.user, data.pop("account_id"))  # type: ignore[arg-type]
        entries, active = _split(data)
        strategy = services.create_strategy(request.user, account, data, entries or [])  # type: ignore[arg-type]
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
        entries, active = _split(data)
        strategy = services.update_strategy(strategy, data, entries)
        _set_active(strategy, active)
        return Response(StrategySerializer(strategy).data)
