"""/api/me/strategies/{id}/proposals/: what a strategy's model proposes, and what its owner says to it."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from botbalance.lib.api import AmountField
from botbalance.lib.errors import AppError
from botbalance.lib.lists import PAGE, list_of, page
from strategies import selectors, services
from strategies.domain import Leg
from strategies.models import ProposedWeight, TargetProposal
from strategies.presentation import leg_reason, model_reason, skip_reason


class ProposedWeightSerializer(serializers.ModelSerializer[ProposedWeight]):
    reason = serializers.SerializerMethodField(help_text="Why, in the language of the request.")

    class Meta:
        model = ProposedWeight
        fields = ["asset", "before_pct", "after_pct", "code", "values", "reason"]

    def get_reason(self, row: ProposedWeight) -> str:
        return model_reason(row.code, row.values)


class ProposalSerializer(serializers.ModelSerializer[TargetProposal]):
    strategy = serializers.IntegerField(source="strategy_id")
    weights = ProposedWeightSerializer(many=True, source="rows")

    class Meta:
        model = TargetProposal
        fields = [
            "id", "strategy", "state", "target_model", "closes_until", "is_automatic", "created_at", "decided_at",
            "weights",
        ]  # fmt: skip
        read_only_fields = fields


class ProposedOrderSerializer(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    side = serializers.CharField(source="side.value")
    price = AmountField()
    quantity = AmountField()
    notional = AmountField()
    fee = AmountField()
    reason = serializers.SerializerMethodField()

    def get_reason(self, leg: Leg) -> str:
        return leg_reason(self.context["plan"], leg)


class ProposedSkipSerializer(serializers.Serializer[Any]):
    asset = serializers.CharField()
    reason = serializers.SerializerMethodField()

    def get_reason(self, skip: Any) -> str:
        return skip_reason(skip)


class ProposalDetailSerializer(ProposalSerializer):
    """With the first round of orders it would mean now. `orders` is null for a proposal that is not open, and where
    there is no plan at the moment: then `problem` says why.
    """

    orders = ProposedOrderSerializer(many=True, allow_null=True)
    skips = ProposedSkipSerializer(many=True)
    problem = serializers.CharField()

    class Meta(ProposalSerializer.Meta):
        fields = [*ProposalSerializer.Meta.fields, "orders", "skips", "problem"]
        read_only_fields = fields


class RefreshSerializer(serializers.Serializer[Any]):
    """`proposal` is null where the weights are what the model would give."""

    proposal = ProposalSerializer(allow_null=True)


class Refresh(APIView):
    @extend_schema(request=None, responses=RefreshSerializer)
    def post(self, request: Request, strategy_id: int) -> Response:
        """Ask the model for new weights now. They are proposed, and never applied by this."""
        strategy = selectors.strategy_of(request.user, strategy_id)  # type: ignore[arg-type]
        return Response(RefreshSerializer({"proposal": services.refresh(strategy, by_hand=True)}).data)


class ProposalList(APIView):
    @extend_schema(parameters=[PAGE], responses=list_of(ProposalSerializer))
    def get(self, request: Request, strategy_id: int) -> Response:
        """The proposals, the newest first."""
        strategy = selectors.strategy_of(request.user, strategy_id)  # type: ignore[arg-type]
        return page(request, selectors.proposals_of(strategy), ProposalSerializer)


class ProposalDetail(APIView):
    @extend_schema(responses=ProposalDetailSerializer)
    def get(self, request: Request, strategy_id: int, proposal_id: int) -> Response:
        proposal = selectors.proposal_of(request.user, strategy_id, proposal_id)  # type: ignore[arg-type]
        body: dict[str, Any] = {**ProposalSerializer(proposal).data, "orders": None, "skips": [], "problem": ""}
        if proposal.state == TargetProposal.State.OPEN:
            try:
                targets = selectors.proposed_targets(proposal.strategy, proposal)
                plan = services.plan_strategy(proposal.strategy, targets=targets).plan
            except AppError as error:
                body["problem"] = error.message
            else:
                body["orders"] = ProposedOrderSerializer(plan.legs, many=True, context={"plan": plan}).data
                body["skips"] = ProposedSkipSerializer(plan.skips, many=True).data
        return Response(body)


class ApplyProposal(APIView):
    @extend_schema(request=None, responses=ProposalSerializer)
    def post(self, request: Request, strategy_id: int, proposal_id: int) -> Response:
        """Make the proposed weights the targets. Nothing is traded by that."""
        proposal = selectors.proposal_of(request.user, strategy_id, proposal_id)  # type: ignore[arg-type]
        return Response(ProposalSerializer(services.apply_proposal(proposal)).data)


class DismissProposal(APIView):
    @extend_schema(request=None, responses=ProposalSerializer)
    def post(self, request: Request, strategy_id: int, proposal_id: int) -> Response:
        """Keep the weights there are."""
        proposal = selectors.proposal_of(request.user, strategy_id, proposal_id)  # type: ignore[arg-type]
        return Response(ProposalSerializer(services.dismiss_proposal(proposal)).data)
