"""How the answers of plans, rebalances and the autopilot look, for the API's document."""

from typing import Any

from rest_framework import serializers

from botbalance.lib.api import AmountField
from orders.domain import STATUS_CHOICES
from orders.models import Run
from strategies.models import Strategy

SIDES = ["BUY", "SELL"]
PROBLEMS = "What could not be done yet and is followed up, in the language of the request."
PAUSED = "Whether this paused the account's autopilot."


def problems() -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(), help_text=PROBLEMS)


class AllocationAnswer(serializers.Serializer[Any]):
    asset = serializers.CharField()
    weight_pct = AmountField(allow_null=True, help_text="Percent of the portfolio now; null where it has no price.")
    target_pct = AmountField(allow_null=True, help_text="Percent; null where there is no target.")
    after_pct = AmountField(allow_null=True, help_text="Percent after these orders, if all fill at their price.")


class PlannedOrderAnswer(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    side = serializers.ChoiceField(SIDES)
    price = AmountField(help_text="Limit price in `price_in`.")
    quantity = AmountField(help_text="In the base asset.")
    notional = AmountField(help_text="In the strategy's quote.")
    fee = AmountField(help_text="Expected, in the strategy's quote.")
    price_in = serializers.CharField(help_text="The asset the price is in.")
    reason = serializers.CharField()


class UntakenAnswer(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    code = serializers.CharField()
    reason = serializers.CharField()


class SkipAnswer(serializers.Serializer[Any]):
    asset = serializers.CharField()
    code = serializers.CharField()
    reason = serializers.CharField(help_text="Why it is left alone, in the language of the request.")


class PlanAnswer(serializers.Serializer[Any]):
    nav = AmountField(help_text="Of the whole account, in the quote.")
    managed = AmountField(help_text="The part the strategy manages, in the quote.")
    quote = serializers.CharField()
    allocations = AllocationAnswer(many=True)
    orders = PlannedOrderAnswer(many=True)
    untaken = UntakenAnswer(many=True, help_text="Direct pairs of two coins that were not taken.")
    skips = SkipAnswer(many=True)
    plan_digest = serializers.CharField(help_text="Sent back with `execute`, it refuses a plan that has moved.")


class PlacedOrderAnswer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    client_order_id = serializers.CharField()
    symbol = serializers.CharField()
    side = serializers.ChoiceField(SIDES)
    price = AmountField()
    quantity = AmountField()
    status = serializers.ChoiceField(STATUS_CHOICES)


class RunAnswer(serializers.Serializer[Any]):
    run = serializers.IntegerField()
    state = serializers.ChoiceField(Run.State.choices)
    reason = serializers.CharField(allow_blank=True, help_text="Why it ended; empty while it runs.")
    orders = PlacedOrderAnswer(many=True, help_text="Of the newest round.")
    skips = SkipAnswer(many=True)


class StoppedRunAnswer(RunAnswer):
    problems = problems()
    autopilot_paused = serializers.BooleanField(help_text=PAUSED)


class CancelAllAnswer(serializers.Serializer[Any]):
    cancelled = serializers.IntegerField(help_text="How many orders ended by this.")
    problems = problems()
    autopilot_paused = serializers.BooleanField(help_text=PAUSED)


class DriftAnswer(serializers.Serializer[Any]):
    asset = serializers.CharField()
    drift_pct = AmountField(help_text="Percentage points off its target.")
    is_outside = serializers.BooleanField(help_text="Whether it is outside its band.")


class GuardsAnswer(serializers.Serializer[Any]):
    trading_enabled = serializers.BooleanField()
    max_order_pct = AmountField(allow_null=True, help_text="Percent of the account's value.")
    max_turnover_pct = AmountField(allow_null=True, help_text="Percent of the account's value in 24 hours.")
    worst_price_pct = AmountField(allow_null=True, help_text="Percent off the first price of a rebalance.")
    max_open_orders = serializers.IntegerField()
    stale_price_seconds = serializers.IntegerField()
    price_jump_pct = AmountField(allow_null=True, help_text="Percent within `price_jump_minutes`.")
    price_jump_minutes = serializers.IntegerField()
    failures_before_pause = serializers.IntegerField()
    failures_in_a_row = serializers.IntegerField()


class AutopilotAnswer(serializers.Serializer[Any]):
    strategy = serializers.IntegerField()
    is_on = serializers.BooleanField()
    paused = serializers.BooleanField()
    pause_reason = serializers.CharField(allow_blank=True)
    held = serializers.BooleanField(help_text="On, but something holds it back for now.")
    hold_code = serializers.CharField(allow_blank=True)
    hold_reason = serializers.CharField(allow_blank=True)
    is_late = serializers.BooleanField(help_text="Its look is overdue: is the background running?")
    trigger_mode = serializers.ChoiceField(Strategy._meta.get_field("trigger_mode").choices or [])
    next_look_at = serializers.DateTimeField(allow_null=True)
    last_look_at = serializers.DateTimeField(allow_null=True)
    quiet_looks = serializers.IntegerField(help_text="Looks since the last decision, with nothing to do.")
    scheduled_at = serializers.DateTimeField(allow_null=True)
    run = serializers.IntegerField(allow_null=True, help_text="The rebalance under way.")
    open_orders = serializers.IntegerField(help_text="Open orders of its ended rebalances.")
    does = serializers.CharField(help_text="When it acts, in a sentence.")
    next = serializers.CharField(help_text="What it would do next, in a sentence.")
    largest_drift = DriftAnswer(allow_null=True)
    largest_order = AmountField(allow_null=True, help_text="In the quote.")
    guards = GuardsAnswer()
    problem = serializers.CharField(allow_blank=True)


class StoppedAutopilotAnswer(AutopilotAnswer):
    problems = problems()
