"""/api/me/: plan, rebalance and runs."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.idempotency.api import idempotent, key_of, known_to_service
from botbalance.lib.lists import PAGE, IdField, Window, list_of, page
from botbalance.lib.money import plain, quantize
from orders import listing, presentation, selectors, services
from orders.api.answers import PlacedOrderAnswer, PlanAnswer, RunAnswer, SkipAnswer, StoppedRunAnswer
from orders.api.asking import asked_of_own
from orders.models import Order, Run
from orders.tasks import hurry_soon
from strategies import selectors as strategies
from strategies.presentation import leg_reason, skip_reason
from strategies.services import Preview


class RunSerializer(serializers.ModelSerializer[Run]):
    account = serializers.IntegerField(source="account_id")
    strategy = serializers.IntegerField(source="strategy_id")
    rounds = serializers.SerializerMethodField()
    problem = serializers.SerializerMethodField()

    class Meta:
        model = Run
        fields = [
            "id",
            "account",
            "strategy",
            "trigger",
            "goal",
            "state",
            "reason_code",
            "reason",
            "problem",
            "rounds",
            "started_at",
            "finished_at",
        ]

    def get_problem(self, run: Run) -> str:
        return presentation.translated(run.problem)

    def get_rounds(self, run: Run) -> int:
        known: int | None = getattr(run, "round_count", None)  # counted with the list, or of one run
        return run.rounds.count() if known is None else known


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
                "price_in": plan.quote if leg.direct is None else leg.direct.counter,
                "reason": leg_reason(plan, leg),
            }
            for leg in plan.legs
        ],
        "untaken": [{"symbol": skip.asset, "code": skip.code, "reason": skip_reason(skip)} for skip in plan.untaken],
        "skips": [{"asset": skip.asset, "code": skip.code, "reason": skip_reason(skip)} for skip in plan.skips],
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

    @extend_schema(responses=PlanAnswer)
    def get(self, request: Request, strategy_id: int) -> Response:
        return Response(plan_body(services.preview(strategies.strategy_of(request.user, strategy_id))))  # type: ignore[arg-type]


class ExecuteSerializer(serializers.Serializer[Any]):
    strategy = IdField()
    plan_digest = serializers.CharField(
        required=False, allow_blank=True, max_length=20_000,
        help_text="Of the plan that was agreed to: where an order of it has moved by more than 1 %, 409 plan_changed.",
    )  # fmt: skip


class ExecuteView(APIView):
    """Start a rebalance. `Idempotency-Key`: the same key gives the same run."""

    @extend_schema(
        request=ExecuteSerializer,
        responses={200: RunAnswer, 201: RunAnswer},
    )
    @known_to_service
    def post(self, request: Request) -> Response:
        serializer = ExecuteSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        execution = services.execute(
            request.user,  # type: ignore[arg-type]
            strategies.strategy_of(request.user, data["strategy"]),  # type: ignore[arg-type]
            trigger=Run.Trigger.API,
            idempotency_key=key_of(request),
            plan_digest=data.get("plan_digest", ""),
        )
        if execution.run.is_active:
            hurry_soon(execution.run.account_id)
        return Response(run_body(execution.run), status=201 if execution.created else 200)


class RunFilter(Window):
    """By the time a rebalance began."""

    account = IdField(required=False, help_text="Only of this account, connected or not.")
    strategy = IdField(required=False, help_text="Only of this strategy.")
    state = serializers.ChoiceField(required=False, choices=Run.State.choices)
    trigger = serializers.ChoiceField(required=False, choices=Run.Trigger.choices)


class RunList(APIView):
    """Rebalances, newest first."""

    @extend_schema(parameters=[RunFilter, PAGE], responses=list_of(RunSerializer))
    def get(self, request: Request) -> Response:
        wanted = asked_of_own(RunFilter, request)
        runs = listing.filter_runs(selectors.runs_of(request.user), wanted)  # type: ignore[arg-type]
        return page(request, selectors.with_round_counts(runs), RunSerializer)


class RunDetailAnswer(RunSerializer):
    run = serializers.IntegerField(source="id")
    orders = PlacedOrderAnswer(many=True, help_text="Of the newest round.")
    skips = SkipAnswer(many=True)

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "run", "orders", "skips"]


class RunDetail(APIView):
    """A rebalance with the orders of its newest round, and what that round left alone."""

    @extend_schema(responses=RunDetailAnswer)
    def get(self, request: Request, run_id: int) -> Response:
        run = selectors.run_of(request.user, run_id)  # type: ignore[arg-type]
        return Response({**RunSerializer(run).data, **run_body(run)})


class RunStop(APIView):
    """End a rebalance and cancel its orders; an autopilot that trades its account pauses, or it would begin another."""

    @extend_schema(request=None, responses=StoppedRunAnswer)
    @idempotent
    def post(self, request: Request, run_id: int) -> Response:
        run = selectors.run_of(request.user, run_id)  # type: ignore[arg-type]
        flew = selectors.flies(run.account_id)
        problems = services.stop_run(run)
        paused = flew and not selectors.flies(run.account_id)
        return Response({**run_body(run), "problems": problems, "autopilot_paused": paused})
