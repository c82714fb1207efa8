"""/api/me/dust: small balances, what converting them would give, and their conversion."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.idempotency.api import key_of, known_to_service
from botbalance.lib.api import AmountField
from botbalance.lib.lists import PAGE, list_of, page
from exchanges import selectors as exchanges
from orders.dust import selectors, services
from orders.dust.models import DustSweep
from orders.dust.presentation import offer_body, report_body, sweep_body
from orders.tasks import hurry_soon
from portfolio.api import ACCOUNT, REFRESH, account_of_query, wants_fresh

WITH_TARGETS = OpenApiParameter(
    "with_targets", bool, description="Also what the active strategy has a target for; left out otherwise."
)


class DustAssetAnswer(serializers.Serializer[Any]):
    asset = serializers.CharField()
    free = AmountField()
    locked = AmountField()
    worth = AmountField(allow_null=True, help_text="In the quote.")
    code = serializers.CharField()
    reason = serializers.CharField(help_text="Why it cannot be sold, in the language of the request.")
    is_target = serializers.BooleanField()


class DustAnswer(serializers.Serializer[Any]):
    account = serializers.IntegerField()
    quote = serializers.CharField()
    as_of = serializers.DateTimeField()
    problem = serializers.CharField(allow_blank=True)
    worth = AmountField(help_text="Together, in the quote.")
    can_convert = serializers.BooleanField()
    cannot_convert_because = serializers.CharField(allow_blank=True)
    assets = DustAssetAnswer(many=True)


class OfferLineAnswer(serializers.Serializer[Any]):
    asset = serializers.CharField()
    amount = AmountField()
    received = AmountField(help_text="BNB, after the charge.")
    charge = AmountField(help_text="BNB.")


class LeftOutAnswer(serializers.Serializer[Any]):
    asset = serializers.CharField()
    code = serializers.CharField()
    reason = serializers.CharField()


class OfferAnswer(serializers.Serializer[Any]):
    account = serializers.IntegerField()
    assets = OfferLineAnswer(many=True)
    received = AmountField(help_text="BNB, after the charge.")
    charge = AmountField(help_text="BNB.")
    bnb_price = AmountField(allow_null=True, help_text="In the quote.")
    left_out = LeftOutAnswer(many=True)


class DustView(APIView):
    """Balances too small to be sold, each with its worth and why."""

    @extend_schema(parameters=[ACCOUNT, REFRESH], responses=DustAnswer)
    def get(self, request: Request) -> Response:
        account = account_of_query(request)
        return Response(report_body(services.report(account, fresh=wants_fresh(request))))


class OfferQuery(serializers.Serializer[Any]):
    with_targets = serializers.BooleanField(default=False)


class DustOffer(APIView):
    """What the exchange would give for them now, in BNB. Nothing is converted."""

    @extend_schema(parameters=[ACCOUNT, WITH_TARGETS], responses=OfferAnswer)
    def get(self, request: Request) -> Response:
        query = OfferQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        account = account_of_query(request)
        return Response(offer_body(services.offer(account, with_targets=query.validated_data["with_targets"])))


class NewDustSweepSerializer(serializers.Serializer[Any]):
    account = serializers.IntegerField(min_value=1, max_value=2**62)
    assets = serializers.ListField(
        child=serializers.CharField(max_length=20), min_length=1, max_length=services.MOST_ASSETS
    )
    with_targets = serializers.BooleanField(default=False)


class DustSweepSerializer(serializers.ModelSerializer[DustSweep]):
    account = serializers.IntegerField(source="account_id")

    class Meta:
        model = DustSweep
        fields = [
            "id", "account", "state", "problem", "assets", "lines", "received", "charge", "created_at", "executed_at",
        ]  # fmt: skip

    def to_representation(self, sweep: DustSweep) -> dict[str, Any]:
        return sweep_body(sweep)


class DustSweepList(APIView):
    @extend_schema(parameters=[PAGE], responses=list_of(DustSweepSerializer))
    def get(self, request: Request) -> Response:
        """Conversions, newest first."""
        return page(request, selectors.sweeps_of(request.user), DustSweepSerializer)  # type: ignore[arg-type]

    @extend_schema(
        request=NewDustSweepSerializer,
        responses={201: DustSweepSerializer},
    )
    @known_to_service
    def post(self, request: Request) -> Response:
        """Convert to BNB all that is free of these assets. `Idempotency-Key`: the same key, the same conversion."""
        serializer = NewDustSweepSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        sweep = services.sweep(
            request.user,  # type: ignore[arg-type]
            exchanges.account_of(request.user, data["account"]),  # type: ignore[arg-type]
            [asset.strip().upper() for asset in data["assets"]],
            with_targets=data["with_targets"],
            idempotency_key=key_of(request),
        )
        if not sweep.is_resolved:
            hurry_soon(sweep.account_id)
        return Response(DustSweepSerializer(sweep).data, status=201)
