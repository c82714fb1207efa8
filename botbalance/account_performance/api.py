"""/api/me/portfolio/performance and /api/me/portfolio/tax-lots"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from botbalance.account_performance import figures
from botbalance.account_performance.answers import PerformanceAnswer, TaxLotsAnswer
from botbalance.account_performance.exporting import lots_body, lots_csv
from botbalance.account_performance.tax_lots import account_lots
from botbalance.account_performance.words import reason
from botbalance.lib.errors import Invalid
from botbalance.lib.money import plain, quantize
from exchanges import selectors as exchanges
from exchanges.models import ExchangeAccount
from portfolio.api import ACCOUNT, HistoryQuery, account_of_query
from portfolio.performance.figures import Compared, PeriodFigures
from portfolio.performance.lots import Method
from portfolio.performance.profit import AssetProfit
from portfolio.performance.risk import Number
from portfolio.performance.series import thinned

MOST_POINTS = 400


class PerformanceView(APIView):
    """How an account has done between two moments: time- and money-weighted return, against holding and bitcoin, risk,
    and the profit of every asset. Fractions (0.25 is 25 %) and amounts in the account's quote, as strings; null where a
    figure is not known, with the reason beside it. Realised profit is that of the time asked for, unrealised profit
    that of the last valuation. Deposits and withdrawals are no profit.
    """

    @extend_schema(parameters=[HistoryQuery], responses=PerformanceAnswer)
    def get(self, request: Request) -> Response:
        query = HistoryQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        start, end = query.validated_data.get("from"), query.validated_data.get("to")
        if start is not None and end is not None and end < start:
            raise Invalid(_("The end is before the beginning."), fields={"to": [_("This is before “from”.")]})
        account = account_of_query(request)
        return Response(performance_body(account, start, end))


class TaxLotsQuery(serializers.Serializer[Any]):
    account = serializers.IntegerField(required=False, min_value=1, max_value=2**62)
    year = serializers.IntegerField(required=False, min_value=2000, max_value=9998)
    method = serializers.ChoiceField([method.value for method in Method], default=Method.FIFO.value)
    output = serializers.ChoiceField(["json", "csv"], default="json")


class TaxLotsView(APIView):
    """Tax lots of an account, connected or not: what was closed (in a calendar year, UTC, or ever), what it had cost
    and brought, and what is held now. `csv` gives the same as lines of a file; what is held only without a year.
    """

    @extend_schema(
        parameters=[
            ACCOUNT,
            OpenApiParameter("year", int, description="Only what was closed in this year, by UTC."),
            OpenApiParameter("method", str, enum=["fifo", "average"], description="First in first out by default."),
            OpenApiParameter("output", str, enum=["json", "csv"], description="JSON by default."),
        ],
        responses={(200, "application/json"): TaxLotsAnswer, (200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> Response | HttpResponse:
        query = TaxLotsQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted = query.validated_data
        account = _account_ever(request, wanted.get("account"))
        method, year = Method(wanted["method"]), wanted.get("year")
        if wanted["output"] == "csv":
            return csv_answer(account, method, year)
        return Response(
            {"account": account.pk, **lots_body(account_lots(account, method), method, year, account.quote)}
        )


def _account_ever(request: Request, account_id: int | None) -> ExchangeAccount:
    if account_id is None:
        return exchanges.chosen_account(request.user, None)  # type: ignore[arg-type]
    return exchanges.account_ever_of(request.user, account_id)  # type: ignore[arg-type]


def csv_answer(account: ExchangeAccount, method: Method, year: int | None) -> HttpResponse:
    """Tax lots as a file to keep."""
    text = lots_csv(account_lots(account, method), year, account.quote)
    answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
    name = f"tax-lots-{account.pk}-{year or 'all'}-{method.value}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


def performance_body(account: ExchangeAccount, start: datetime | None, end: datetime | None) -> dict[str, Any]:
    """The answer to `GET performance`."""
    found, broken = figures.between(account, start, end)
    lots = account_lots(account, Method.FIFO)
    body: dict[str, Any] = {
        "account": account.pk,
        "quote": account.quote,
        "assets": [_asset(row) for row in figures.profits(lots, start, end)],
        "unvalued_fees": lots.unvalued_fees,
        "unrealised_as_of": lots.as_of,
        "starts_after_unexplained_change": broken,
    }
    return {**body, **(_nothing() if found is None else _period(found))}


def _nothing() -> dict[str, Any]:
    names = ("start_at", "end_at", "start_nav", "end_nav", "put_in", "earned", "time_weighted_return")
    nothing = _("Nothing is recorded in this time.")
    return {**dict.fromkeys(names), "reason": nothing, "money_weighted": None, "hold": None, "bitcoin": None,
            "risk": None, "days_without_valuation": 0, "curve": []}  # fmt: skip


def _period(found: PeriodFigures) -> dict[str, Any]:
    money_weighted, risk = found.money_weighted, found.risk
    return {
        "start_at": found.start_at,
        "end_at": found.end_at,
        "start_nav": amount(found.start_nav),
        "end_nav": amount(found.end_nav),
        "put_in": amount(found.put_in),
        "earned": amount(found.earned),
        "time_weighted_return": ratio(found.time_weighted),
        "reason": reason(found.growth.unknown),
        "money_weighted": {
            "annual": ratio(money_weighted.annual),
            "period": ratio(money_weighted.period),
            "reason": reason(money_weighted.unknown),
        },
        "hold": _compared(found.hold),
        "bitcoin": _compared(found.bitcoin),
        "risk": {
            "volatility": ratio(risk.volatility),
            "sharpe": ratio(risk.sharpe),
            "sortino": ratio(risk.sortino),
            "calmar": ratio(risk.calmar),
            "cagr": ratio(risk.cagr),
            "max_drawdown": ratio(risk.max_drawdown),
            "peak_at": risk.peak_at,
            "trough_at": risk.trough_at,
            "recovered_at": risk.recovered_at,
            "best_day": ratio(risk.best),
            "best_day_at": risk.best_at,
            "worst_day": ratio(risk.worst),
            "worst_day_at": risk.worst_at,
        },
        "days_without_valuation": found.repeated_days,
        "curve": _curve(found),
    }


def _compared(compared: Compared) -> dict[str, Any]:
    return {"time_weighted_return": ratio(compared.time_weighted), "reason": reason(compared.unknown)}


def _curve(found: PeriodFigures) -> list[dict[str, Any]]:
    hold = {point.at: point.after for point in found.hold.benchmark.points}
    bitcoin = {point.at: point.after for point in found.bitcoin.benchmark.points}
    return [
        {
            "at": point.at,
            "growth": ratio(point.factor),
            "hold": None if point.at not in hold else amount(hold[point.at]),
            "bitcoin": None if point.at not in bitcoin else amount(bitcoin[point.at]),
        }
        for point in thinned(found.growth.points, MOST_POINTS)
    ]


def _asset(row: AssetProfit) -> dict[str, Any]:
    return {
        "asset": row.asset,
        "quantity": plain(row.quantity),
        "unknown_cost_quantity": plain(row.unknown_quantity),
        "cost": amount(row.cost),
        "value": None if row.value is None else amount(row.value),
        "unrealised": None if row.unrealised is None else amount(row.unrealised),
        "realised": amount(row.realised),
        "gain_withdrawn": amount(row.moved_gain),
        "unknown_gain_quantity": plain(row.unknown_gone),
        "fees": amount(row.fees),
        "estimated": row.is_estimated,
    }


def amount(value: Decimal) -> str:
    return plain(quantize(value, 8))


def ratio(value: Number | None) -> str | None:
    """A fraction or a ratio on the wire: 8 decimals."""
    return None if value is None else plain(quantize(Decimal(value), 8))
