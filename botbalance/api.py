"""/api/me/: what needs several floors at once."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.idempotency.api import idempotent
from botbalance import selectors
from botbalance.lib.api import AmountField
from botbalance.lib.money import plain, quantize
from exchanges import api as exchanges_api
from exchanges import selectors as exchanges
from exchanges.models import ExchangeAccount
from orders import selectors as orders_reads
from orders import services as orders
from portfolio import api as portfolio_api
from portfolio.api import ACCOUNT, REFRESH, account_of_query, wants_fresh


class AccountDetail(exchanges_api.AccountDetail):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, account_id: int) -> Response:
        """Disconnect: open orders are cancelled, the keys erased, the history kept."""
        orders.disconnect_account(exchanges.account_of(request.user, account_id))  # type: ignore[arg-type]
        return Response(status=204)


class BalancesView(portfolio_api.BalancesView):
    def changed_ms(self, account: ExchangeAccount) -> int:
        return orders_reads.newest_order_change_ms(account)


class PaperReset(APIView):
    @extend_schema(request=None, responses={204: None})
    @idempotent
    def post(self, request: Request, account_id: int) -> Response:
        """Start a paper account afresh with the start balance."""
        orders.reset_paper_account(exchanges.account_of(request.user, account_id))  # type: ignore[arg-type]
        return Response(status=204)


class SummaryAssetAnswer(serializers.Serializer[Any]):
    asset = serializers.CharField()
    free = AmountField()
    locked = AmountField(help_text="In open orders.")
    price = AmountField(allow_null=True, help_text="In the quote; null where there is none.")
    value = AmountField(allow_null=True, help_text="In the quote.")
    weight_pct = AmountField(allow_null=True, help_text="Percent of the NAV.")
    target_pct = AmountField(allow_null=True, help_text="Percent; null where there is no target.")
    drift_pct = AmountField(allow_null=True, help_text="Percentage points above (or below) the target.")


class SummaryAnswer(serializers.Serializer[Any]):
    account = serializers.IntegerField()
    nav = AmountField(help_text="Value of everything that has a price, in the quote.")
    quote = serializers.CharField()
    as_of = serializers.DateTimeField(help_text="When the balances were read.")
    price_source = serializers.CharField()
    prices_at_ms = serializers.IntegerField(help_text="Time of the oldest price, UTC milliseconds.")
    problem = serializers.CharField(allow_blank=True)
    strategy = serializers.IntegerField(allow_null=True, help_text="The active one.")
    assets = SummaryAssetAnswer(many=True)
    unpriced = serializers.ListField(child=serializers.CharField(), help_text="Held, and without a price.")


class SummaryView(APIView):
    """NAV, holdings, weights and the active strategy's targets."""

    @extend_schema(parameters=[ACCOUNT, REFRESH], responses=SummaryAnswer)
    def get(self, request: Request) -> Response:
        account = account_of_query(request)
        summary = selectors.summarise(account, fresh=wants_fresh(request))
        valuation = summary.valuation
        return Response(
            {
                "account": account.pk,
                "nav": plain(quantize(valuation.nav, 8)),
                "quote": valuation.quote,
                "as_of": summary.balances.as_of,
                "price_source": valuation.price_source,
                "prices_at_ms": valuation.at_ms,
                "problem": summary.balances.problem,
                "strategy": summary.strategy.pk if summary.strategy else None,
                "assets": [
                    {
                        "asset": row.asset,
                        "free": plain(row.free),
                        "locked": plain(row.locked),
                        "price": None if row.price is None else plain(quantize(row.price, 12)),
                        "value": None if row.value is None else plain(quantize(row.value, 8)),
                        "weight_pct": None if row.weight_pct is None else plain(quantize(row.weight_pct, 4)),
                        "target_pct": None if row.target_pct is None else plain(row.target_pct),
                        "drift_pct": None if row.drift_pct is None else plain(quantize(row.drift_pct, 4)),
                    }
                    for row in summary.rows
                ],
                "unpriced": list(valuation.unpriced),
            }
        )
