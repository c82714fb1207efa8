"""/api/me/strategies/{id}/: the autopilot's switch, how it stands, and what it decided."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.idempotency.api import idempotent
from botbalance.lib.lists import PAGE, IdField, Window, list_of, page
from botbalance.lib.money import plain, quantize
from orders import listing, services, telling
from orders.api.answers import AutopilotAnswer, StoppedAutopilotAnswer
from orders.api.asking import asked_of_own
from orders.models import Tick
from orders.outlook import Outlook, State, outlook
from orders.standings import ticks_of
from strategies import selectors as strategies
from strategies.models import Strategy


class TickSerializer(serializers.ModelSerializer[Tick]):
    reason = serializers.SerializerMethodField()
    run = serializers.IntegerField(source="run_id", allow_null=True)

    class Meta:
        model = Tick
        fields = ["id", "status", "code", "reason", "looks", "actions", "run", "milliseconds", "started_at", "ended_at"]

    def get_reason(self, tick: Tick) -> str:
        return telling.tick_reason(tick)


def autopilot_body(view: Outlook) -> dict[str, Any]:
    """How an autopilot stands, as the API shows it. Sentences are in the language of the request."""
    autopilot, watch = view.standing.autopilot, view.standing.watch
    is_on = autopilot is not None and autopilot.is_on and view.strategy.is_active
    reason = telling.sentence(view.hold) if view.hold else ""
    return {
        "strategy": view.strategy.pk,
        "is_on": is_on,
        "paused": view.state == State.PAUSED,
        "pause_reason": reason if view.state == State.PAUSED else "",
        "held": view.state == State.HELD,
        "hold_code": view.hold.code if view.hold and view.state == State.HELD else "",
        "hold_reason": reason if view.state == State.HELD else "",
        "is_late": view.is_late,
        "trigger_mode": view.strategy.trigger_mode,
        "next_look_at": view.next_look_at,
        "last_look_at": view.last_look_at,
        "quiet_looks": watch.quiet_looks if watch else 0,
        "scheduled_at": view.scheduled_at,
        "run": view.run.pk if view.run else None,
        "open_orders": view.left_open,
        "does": telling.habit(view.strategy),
        "next": telling.next_line(view),
        "largest_drift": _drift(view),
        "largest_order": plain(quantize(view.view.largest_order, 8)) if view.view else None,
        "guards": _guards(view),
        "problem": view.problem,
    }


def _drift(view: Outlook) -> dict[str, Any] | None:
    if view.view is None or not view.view.drift.asset:
        return None
    drift = view.view.drift
    return {"asset": drift.asset, "drift_pct": plain(quantize(drift.points, 4)), "is_outside": drift.is_outside}


def _guards(view: Outlook) -> dict[str, Any]:
    """Limits in force; null for none. Percentages as strings."""
    strategy, effective, autopilot = view.strategy, view.effective, view.standing.autopilot

    def pct(value: Any) -> str | None:
        return None if value is None else plain(value)

    return {
        "trading_enabled": effective.trading_enabled,
        "max_order_pct": pct(min(strategy.order_size_pct, effective.max_order_nav_pct)),
        "max_turnover_pct": pct(strategy.max_turnover_pct),
        "worst_price_pct": pct(strategy.worst_price_pct),
        "max_open_orders": effective.max_open_orders,
        "stale_price_seconds": effective.stale_price_seconds,
        "price_jump_pct": pct(effective.price_jump_pct),
        "price_jump_minutes": effective.price_jump_minutes,
        "failures_before_pause": effective.failures_before_pause,
        "failures_in_a_row": autopilot.failures_in_a_row if autopilot else 0,
    }


def _strategy(request: Request, strategy_id: int) -> Strategy:
    return strategies.strategy_of(request.user, strategy_id)  # type: ignore[arg-type]


class AutopilotView(APIView):
    """The switch, when it looks, how far the portfolio is from its targets, and what it would do next."""

    @extend_schema(responses=AutopilotAnswer)
    def get(self, request: Request, strategy_id: int) -> Response:
        return Response(autopilot_body(outlook(_strategy(request, strategy_id))))


class AutopilotStart(APIView):
    """Switch it on, or let a paused one go on. Twice is the same as once."""

    @extend_schema(request=None, responses=AutopilotAnswer)
    @idempotent
    def post(self, request: Request, strategy_id: int) -> Response:
        strategy = _strategy(request, strategy_id)
        services.start_autopilot(request.user, strategy)  # type: ignore[arg-type]
        return Response(autopilot_body(outlook(strategy)))


class AutopilotStop(APIView):
    """Switch it off: a rebalance it has begun stops, and its open orders are cancelled. Twice is the same as once."""

    @extend_schema(request=None, responses=StoppedAutopilotAnswer)
    @idempotent
    def post(self, request: Request, strategy_id: int) -> Response:
        strategy = _strategy(request, strategy_id)
        _autopilot, problems = services.stop_autopilot(strategy)
        return Response({**autopilot_body(outlook(strategy)), "problems": problems})


class TickFilter(Window):
    """By the time a tick began."""

    status = serializers.ChoiceField(required=False, choices=Tick.Status.choices)
    run = IdField(required=False, help_text="Only those of this rebalance.")


class TickList(APIView):
    """What the autopilot decided and why, newest first. The same decision in a row is one entry; `looks` counts."""

    @extend_schema(parameters=[TickFilter, PAGE], responses=list_of(TickSerializer))
    def get(self, request: Request, strategy_id: int) -> Response:
        strategy = _strategy(request, strategy_id)
        wanted = asked_of_own(TickFilter, request)
        return page(request, listing.filter_ticks(ticks_of(strategy), wanted), TickSerializer)
