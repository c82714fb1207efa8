"""GET /api/me/status: is my money all right?"""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from botbalance.status import selectors, words
from botbalance.status.domain import Level, Standstill, Switch
from botbalance.status.words import Bar
from exchanges.models import ExchangeAccount
from orders.standings import standings_of

LEVELS = [level.value for level in Level]


class FindingBody(serializers.Serializer[Any]):
    code = serializers.CharField()
    level = serializers.ChoiceField(choices=LEVELS)
    message = serializers.CharField()
    remedy = serializers.CharField()
    link = serializers.CharField(allow_blank=True)


class StatusAccount(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]
    venue = serializers.CharField(allow_blank=True, help_text="PAPER, TESTNET or LIVE; empty: it can trade nowhere.")
    status = serializers.ChoiceField(choices=ExchangeAccount.Status.choices)
    run = serializers.IntegerField(allow_null=True)


class StatusAutopilot(serializers.Serializer[Any]):
    strategy = serializers.IntegerField()
    name = serializers.CharField()
    account = serializers.CharField()
    state = serializers.ChoiceField(choices=[switch.value for switch in Switch])
    reason = serializers.CharField(allow_blank=True)
    is_late = serializers.BooleanField()
    failures_in_a_row = serializers.IntegerField()
    last_look_at = serializers.DateTimeField(allow_null=True)
    next_look_at = serializers.DateTimeField(allow_null=True)


class StandstillBody(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=[kind.value for kind in Standstill])
    until = serializers.DateTimeField(allow_null=True)


class StatusBody(serializers.Serializer[Any]):
    """`level` is that of the worst finding; `sentence` says it. `run` of an account: the rebalance under way."""

    level = serializers.ChoiceField(choices=LEVELS)
    sentence = serializers.CharField()
    findings = FindingBody(many=True)
    venue = serializers.CharField(help_text="This server's: PAPER, TESTNET or LIVE.")
    trading_enabled = serializers.BooleanField()
    is_suspended = serializers.BooleanField()
    standstill = StandstillBody(allow_null=True)
    accounts = StatusAccount(many=True)
    autopilots = StatusAutopilot(many=True)
    last_look_at = serializers.DateTimeField(allow_null=True)
    next_look_at = serializers.DateTimeField(allow_null=True)
    prices_at = serializers.DictField(child=serializers.DateTimeField())


class StatusView(APIView):
    """Is my money all right? What the status bar of every page says."""

    @extend_schema(responses=StatusBody)
    def get(self, request: Request) -> Response:
        user: User = request.user  # type: ignore[assignment]
        facts = selectors.facts_of(user, selectors.server_facts(), standings_of(user))
        return Response(body_of(words.bar_of(facts)))


def body_of(bar: Bar) -> dict[str, Any]:
    """The bar as the API shows it. Sentences are in the language of the request."""
    facts, server = bar.facts, bar.facts.server
    return {
        "level": bar.level.value,
        "sentence": bar.sentence,
        "findings": [
            {"code": one.code, "level": one.level.value, "message": one.text, "remedy": one.remedy, "link": one.address}
            for one in bar.said
        ],
        "venue": server.venue,
        "trading_enabled": server.trading_enabled,
        "is_suspended": facts.is_suspended,
        "standstill": server.standstill and {"kind": server.standstill.value, "until": server.standstill_until},
        "accounts": [
            {
                "id": one.id,
                "label": one.label,
                "venue": one.venue,
                "status": one.state,
                "run": one.run if one.run_is_active else None,
            }
            for one in facts.accounts
        ],
        "autopilots": [
            {
                "strategy": one.strategy,
                "name": one.name,
                "account": one.account,
                "state": one.switch.value,
                "reason": words.why(one),
                "is_late": one.is_late,
                "failures_in_a_row": one.failures_in_a_row,
                "last_look_at": one.last_look_at,
                "next_look_at": one.next_look_at,
            }
            for one in facts.autopilots
        ],
        "last_look_at": facts.last_look_at,
        "next_look_at": facts.next_look_at,
        "prices_at": dict(server.prices_at),
    }
