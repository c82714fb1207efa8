"""How performance and tax lots look, for the API's document. Ratios are fractions: 0.25 is 25 %."""

from typing import Any

from rest_framework import serializers

from botbalance.account_performance.exporting import HELD
from botbalance.lib.api import AmountField
from portfolio.performance.lots import Basis, Kind, Method


def _amount(text: str = "In the account's quote.") -> AmountField:
    return AmountField(allow_null=True, help_text=text)


def _ratio() -> AmountField:
    return AmountField(allow_null=True, help_text="A fraction; null where it is not known.")


def _moment() -> serializers.DateTimeField:
    return serializers.DateTimeField(allow_null=True)


def _why() -> serializers.CharField:
    return serializers.CharField(allow_blank=True, help_text="Why a figure is not known; empty where it is.")


class AssetProfitAnswer(serializers.Serializer[Any]):
    asset = serializers.CharField()
    quantity = AmountField()
    unknown_cost_quantity = AmountField()
    cost = AmountField()
    value = _amount()
    unrealised = _amount()
    realised = AmountField()
    gain_withdrawn = AmountField()
    unknown_gain_quantity = AmountField()
    fees = AmountField()
    estimated = serializers.BooleanField()


class MoneyWeightedAnswer(serializers.Serializer[Any]):
    annual = _ratio()
    period = _ratio()
    reason = _why()


class ComparedAnswer(serializers.Serializer[Any]):
    time_weighted_return = _ratio()
    reason = _why()


class RiskAnswer(serializers.Serializer[Any]):
    volatility = _ratio()
    sharpe = _ratio()
    sortino = _ratio()
    calmar = _ratio()
    cagr = _ratio()
    max_drawdown = _ratio()
    peak_at = _moment()
    trough_at = _moment()
    recovered_at = _moment()
    best_day = _ratio()
    best_day_at = _moment()
    worst_day = _ratio()
    worst_day_at = _moment()


class CurvePointAnswer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    growth = AmountField(help_text="What one unit of the quote had become: 1.25 is 25 % more.")
    hold = _amount("What holding would be worth, in the quote.")
    bitcoin = _amount("What bitcoin alone would be worth, in the quote.")


class PerformanceAnswer(serializers.Serializer[Any]):
    account = serializers.IntegerField()
    quote = serializers.CharField()
    assets = AssetProfitAnswer(many=True)
    unvalued_fees = serializers.IntegerField(help_text="How many fees have no price.")
    unrealised_as_of = _moment()
    starts_after_unexplained_change = serializers.BooleanField()
    start_at = _moment()
    end_at = _moment()
    start_nav = _amount()
    end_nav = _amount()
    put_in = _amount("Deposits less withdrawals, in the account's quote.")
    earned = _amount()
    time_weighted_return = _ratio()
    reason = _why()
    money_weighted = MoneyWeightedAnswer(allow_null=True)
    hold = ComparedAnswer(allow_null=True)
    bitcoin = ComparedAnswer(allow_null=True)
    risk = RiskAnswer(allow_null=True)
    days_without_valuation = serializers.IntegerField()
    curve = CurvePointAnswer(many=True)


class LotAnswer(serializers.Serializer[Any]):
    lot = serializers.IntegerField()
    asset = serializers.CharField()
    quantity = AmountField()
    acquired_at = _moment()
    cost = _amount()
    basis = serializers.ChoiceField([basis.value for basis in Basis])
    estimated = serializers.BooleanField()
    fee_unvalued = serializers.BooleanField()
    reference = serializers.CharField(allow_blank=True)


class HeldLotAnswer(LotAnswer):
    kind = serializers.ChoiceField([HELD])


class ClosedLotAnswer(LotAnswer):
    disposed_at = serializers.DateTimeField()
    kind = serializers.ChoiceField([kind.value for kind in Kind])
    proceeds = _amount()
    gain = _amount()
    held_days = serializers.IntegerField(allow_null=True)


class TaxLotsAnswer(serializers.Serializer[Any]):
    account = serializers.IntegerField()
    method = serializers.ChoiceField([method.value for method in Method])
    year = serializers.IntegerField(allow_null=True)
    currency = serializers.CharField()
    as_of = _moment()
    breaks = serializers.ListField(child=serializers.DateTimeField())
    unvalued_fees = serializers.IntegerField()
    closed = ClosedLotAnswer(many=True)
    held = HeldLotAnswer(many=True)
