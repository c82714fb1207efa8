"""/api/me/backtests/"""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from botbalance.lib.api import AmountField
from botbalance.lib.lists import PAGE, IdField, asked, list_of, page
from exchanges import selectors as exchanges
from strategies import selectors as strategies
from strategies.api import AssetField
from strategies.backtest import services, tasks
from strategies.backtest.domain import moment_of
from strategies.backtest.engine.scenario import FillMode, Reach
from strategies.backtest.models import BacktestRun
from strategies.backtest.selectors import runs as selectors
from strategies.backtest.services import reports
from strategies.backtest.services.reading import LIMIT_FIELDS, MODEL_FIELDS
from strategies.models import Strategy

MOST_TRADES_A_PAGE = 1000
MOST_UNKNOWN = 20  # fields that are named in an answer
KEY_FIGURES = ("end_value", "time_weighted_return", "cagr", "max_drawdown", "sharpe", "turnover", "fees")


class TargetSerializer(serializers.Serializer[Any]):
    asset = AssetField()
    weight_pct = serializers.DecimalField(
        max_digits=8, decimal_places=4, required=False, help_text="With a target model: what holds until it answers."
    )
    keep = AmountField(required=False, help_text="A quantity that is never sold.")
    market_cap = AmountField(required=False, help_text="For the model market_cap, at all times the same.")


class FlowSerializer(serializers.Serializer[Any]):
    """A payment in (above 0) or out: `every` so often (day, week, month, quarter, 14d, 12h), or once `at` a moment."""

    amount = AmountField()
    asset = AssetField(required=False, help_text="The quote when left out.")
    every = serializers.CharField(required=False, max_length=20)
    at = serializers.DateTimeField(required=False)


class NewRunSerializer(serializers.ModelSerializer[Strategy]):
    """What is left out is the strategy's, its target model included; without one it has its default. `target_model`
    fixed holds the weights. Percentages and amounts are strings.
    """

    strategy = serializers.IntegerField(required=False, min_value=1, max_value=2**62, help_text="One of yours.")
    account = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**62,
        help_text="Whose symbol rules count; the strategy's when left out.",
    )
    with_holdings = serializers.BooleanField(
        required=False, default=False, help_text="Begin with what the account holds now, in place of cash."
    )
    name = serializers.CharField(required=False, max_length=80)
    quote = AssetField(required=False)
    targets = TargetSerializer(many=True, required=False)
    interval = serializers.CharField(required=False, max_length=5, help_text="Of the candles: 1h when left out.")
    start_cash = AmountField(required=False, help_text="In the quote; 10,000 when left out.")
    start_holdings = serializers.DictField(child=AmountField(), required=False, help_text="Amounts by asset.")
    fill_mode = serializers.ChoiceField(required=False, choices=[one.value for one in FillMode])
    fill_reach = serializers.ChoiceField(required=False, choices=[one.value for one in Reach])
    participation_pct = AmountField(
        required=False, allow_null=True, help_text="Largest share of a candle's volume; null for any."
    )
    spread_pct = AmountField(required=False)
    maker_fee_pct = AmountField(required=False)
    taker_fee_pct = AmountField(required=False)
    fees_in_bnb = serializers.BooleanField(required=False)
    max_order_nav_pct = AmountField(
        required=False,
        allow_null=True,
        help_text="Largest order, of the account; the server's when left out.",
    )
    flows = FlowSerializer(many=True, required=False)
    begins_by_hand = serializers.BooleanField(
        required=False, help_text="Whether its owner rebalances once at the first candle."
    )

    class Meta:
        model = Strategy
        fields = [
            "strategy", "account", "with_holdings", "name", "quote", "targets", *LIMIT_FIELDS, *MODEL_FIELDS,
            "interval", "start_cash", "start_holdings", "fill_mode", "fill_reach", "participation_pct", "spread_pct",
            "maker_fee_pct", "taker_fee_pct", "fees_in_bnb", "max_order_nav_pct", "flows", "begins_by_hand",
        ]  # fmt: skip
        extra_kwargs = {name: {"required": False} for name in (*LIMIT_FIELDS, *MODEL_FIELDS)}
        validators: list[Any] = []

    def to_internal_value(self, data: Any) -> Any:
        """What is misspelt would have its default, and nobody would be told."""
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, Mapping) else []
        if unknown:
            said = [_("There is no such setting.")]
            raise serializers.ValidationError(dict.fromkeys(unknown[:MOST_UNKNOWN], said))
        return super().to_internal_value(data)

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of the language and cannot be written as a class attribute.
        text = "A date, or a date and time in UTC. Left out: the time of which there are candles of all targets."
        times = {name: serializers.CharField(required=False, max_length=40, help_text=text) for name in ("from", "to")}
        return {**super().get_fields(), **times}


class BacktestRunSerializer(serializers.ModelSerializer[BacktestRun]):
    """A back-test in a list. `figures` are the most telling of its summary, null until it is done."""

    strategy = serializers.IntegerField(source="strategy_id", allow_null=True)
    account = serializers.IntegerField(source="account_id", allow_null=True)
    progress_pct = serializers.IntegerField()
    figures = serializers.SerializerMethodField()

    class Meta:
        model = BacktestRun
        fields = [
            "id", "name", "strategy", "account", "interval", "state", "progress_pct", "cancel_requested", "problem",
            "created_at", "started_at", "finished_at", "figures",
        ]  # fmt: skip

    def get_fields(self) -> dict[str, Any]:
        times = {"from": serializers.DateTimeField(source="from_at"), "to": serializers.DateTimeField(source="to_at")}
        return {**super().get_fields(), **times}

    def get_figures(self, run: BacktestRun) -> dict[str, Any] | None:
        return {name: run.summary[name] for name in KEY_FIGURES} if run.summary else None


class BacktestRunDetailSerializer(BacktestRunSerializer):
    """With what was asked for and all figures: amounts and ratios are strings, ratios are fractions, null where one is
    not known.
    """

    class Meta(BacktestRunSerializer.Meta):
        fields = [*BacktestRunSerializer.Meta.fields, "settings", "summary"]


class BacktestRunWithSeriesSerializer(BacktestRunDetailSerializer):
    series = serializers.DictField(
        allow_null=True, help_text="Curves to draw, as plain numbers, thinned; null until it is done."
    )

    class Meta(BacktestRunDetailSerializer.Meta):
        fields = [*BacktestRunDetailSerializer.Meta.fields, "series"]


class NameSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)


class KeySerializer(serializers.Serializer[Any]):
    """The header `Idempotency-Key`: it ends up in the database, so it is text that can stand there."""

    idempotency_key = serializers.CharField(allow_blank=True, max_length=100)


class TradeSerializer(serializers.Serializer[Any]):
    at = serializers.SerializerMethodField()
    order = serializers.IntegerField()
    symbol = serializers.CharField()
    side = serializers.CharField()
    price = serializers.CharField()
    quantity = serializers.CharField()
    notional = serializers.CharField()
    fee = serializers.CharField()
    fee_asset = serializers.CharField()
    counter = serializers.CharField(help_text="The coin it was traded for, which the price is in; empty for the quote.")
    is_maker = serializers.BooleanField()

    def get_at(self, trade: selectors.StoredTrade) -> str:
        return moment_of(trade.at_ms).isoformat().replace("+00:00", "Z")


class TradePageSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    results = TradeSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class TradeQuery(serializers.Serializer[Any]):
    offset = serializers.IntegerField(
        required=False, default=0, min_value=0, max_value=10**9, help_text="How many rows to leave out first."
    )
    limit = serializers.IntegerField(
        required=False,
        default=200,
        min_value=1,
        max_value=MOST_TRADES_A_PAGE,
        help_text="Rows a page; 200 when left out.",
    )


class BacktestFilter(serializers.Serializer[Any]):
    strategy = IdField(required=False, help_text="Only those made of this strategy.")
    state = serializers.ChoiceField(required=False, choices=BacktestRun.State.choices)


class BacktestList(APIView):
    @extend_schema(parameters=[BacktestFilter, PAGE], responses=list_of(BacktestRunSerializer))
    def get(self, request: Request) -> Response:
        """Your back-tests, the newest first."""
        wanted, user = asked(BacktestFilter, request), request.user
        rows = selectors.runs_of(user).defer("settings")  # type: ignore[arg-type]
        if "strategy" in wanted:
            rows = rows.filter(strategy=strategies.strategy_ever_of(user, wanted["strategy"]))  # type: ignore[arg-type]
        if "state" in wanted:
            rows = rows.filter(state=wanted["state"])
        return page(request, rows, BacktestRunSerializer)

    @extend_schema(
        request=NewRunSerializer,
        responses={200: BacktestRunDetailSerializer, 201: BacktestRunDetailSerializer},
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
    )
    def post(self, request: Request) -> Response:
        """Begin a back-test. `Idempotency-Key`: the same key gives the same back-test."""
        serializer = NewRunSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        key = KeySerializer(data={"idempotency_key": request.headers.get("Idempotency-Key", "")})
        key.is_valid(raise_exception=True)
        values = dict(serializer.validated_data)
        user: Any = request.user
        strategy_id, account_id = values.pop("strategy", None), values.pop("account", None)
        made = services.create_run(
            user,
            {name: value for name, value in values.items() if name not in ("name", "with_holdings")},
            strategy=None if strategy_id is None else strategies.strategy_of(user, strategy_id),
            account=None if account_id is None else exchanges.account_of(user, account_id),
            with_holdings=values["with_holdings"],
            name=values.get("name", ""),
            idempotency_key=key.validated_data["idempotency_key"],
        )
        if made.created:
            tasks.begin_soon(made.run.pk)
        return Response(BacktestRunDetailSerializer(made.run).data, status=201 if made.created else 200)


class BacktestDetailView(APIView):
    @extend_schema(responses=BacktestRunWithSeriesSerializer)
    def get(self, request: Request, backtest_id: int) -> Response:
        """A back-test: how far it is, or what came out."""
        run = _run(request, backtest_id)
        return Response({**BacktestRunDetailSerializer(run).data, "series": selectors.series_of(run) or None})

    @extend_schema(request=NameSerializer, responses=BacktestRunDetailSerializer)
    def patch(self, request: Request, backtest_id: int) -> Response:
        """Call it something else."""
        run = _run(request, backtest_id)
        body = NameSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(BacktestRunDetailSerializer(services.rename_run(run, body.validated_data["name"])).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, backtest_id: int) -> Response:
        """Delete it with its outcome. One that runs is ended by that."""
        services.delete_run(_run(request, backtest_id))
        return Response(status=204)


class BacktestCancel(APIView):
    @extend_schema(request=None, responses=BacktestRunDetailSerializer)
    def post(self, request: Request, backtest_id: int) -> Response:
        """End a back-test that waits or runs. One that runs ends within a second."""
        return Response(BacktestRunDetailSerializer(services.cancel_run(_run(request, backtest_id))).data)


class BacktestAgain(APIView):
    @extend_schema(request=None, responses={201: BacktestRunDetailSerializer})
    def post(self, request: Request, backtest_id: int) -> Response:
        """The same settings once more, on the candles there are now."""
        run = services.run_again(_run(request, backtest_id))
        tasks.begin_soon(run.pk)
        return Response(BacktestRunDetailSerializer(run).data, status=201)


class BacktestTrades(APIView):
    @extend_schema(parameters=[TradeQuery], responses=TradePageSerializer)
    def get(self, request: Request, backtest_id: int) -> Response:
        """The fills of a back-test that is done, oldest first, in pages."""
        run = selectors.done_run_of(request.user, backtest_id)  # type: ignore[arg-type]
        query = TradeQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        offset, limit = query.validated_data["offset"], query.validated_data["limit"]
        trades = selectors.trades_of(run)
        following = offset + limit
        url = request.build_absolute_uri(f"{request.path}?offset={following}&limit={limit}")
        page = {"count": len(trades), "results": trades[offset:following]}
        return Response(TradePageSerializer({**page, "next": url if following < len(trades) else None}).data)


def _download(kind: str, content_type: str, make: Callable[[BacktestRun], str]) -> type[APIView]:
    """A view that answers with a file of a done back-test."""

    class Download(APIView):
        @extend_schema(
            operation_id=f"me_backtests_{kind.replace('.', '_')}", responses={(200, content_type): OpenApiTypes.STR}
        )
        def get(self, request: Request, backtest_id: int) -> HttpResponse:
            """A file to keep."""
            run = selectors.done_run_of(request.user, backtest_id)  # type: ignore[arg-type]
            answer = HttpResponse(make(run), content_type=f"{content_type}; charset=utf-8")
            answer["Content-Disposition"] = f'attachment; filename="backtest-{run.pk}-{kind}"'
            return answer

    return Download


BacktestReport = _download(
    "report.html", "text/html", lambda run: reports.html_report(reports.report_of(run), timezone.now())
)
BacktestTradesFile = _download("trades.csv", "text/csv", lambda run: reports.trades_csv(selectors.trades_of(run)))
BacktestEquityFile = _download("equity.csv", "text/csv", lambda run: reports.equity_csv(selectors.series_of(run)))


def _run(request: Request, backtest_id: int) -> BacktestRun:
    return selectors.run_of(request.user, backtest_id)  # type: ignore[arg-type]
