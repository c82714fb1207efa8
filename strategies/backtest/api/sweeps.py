"""/api/me/sweeps/"""

from numbers import Number
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from botbalance.lib.api import OldestLast
from botbalance.lib.errors import Invalid
from botbalance.lib.lists import PAGE, list_of
from exchanges import selectors as exchanges
from strategies import selectors as strategies
from strategies.backtest import services, sweep_tasks, sweep_text
from strategies.backtest.api.runs import KeySerializer, NewRunSerializer
from strategies.backtest.domain import RunSettings
from strategies.backtest.models import Sweep
from strategies.backtest.selectors import runs
from strategies.backtest.selectors import sweeps as selectors
from strategies.backtest.services import sweeps
from strategies.backtest.sweep_meaning import meanings
from strategies.backtest.sweeping.judging import Objective
from strategies.backtest.sweeping.parameters import Parameter, Space, SpaceError, read_parameter, values_of
from strategies.backtest.sweeping.spaces import Search

MOST_A_PAGE = 1000
OWN_FIELDS = ("backtest", "vary", "count", "objective", "held_out_pct", "windows", "paths", "seed")


class NewSweepSerializer(NewRunSerializer):
    """A back-test whose settings are varied: all fields of a back-test, or an earlier one, and what is varied of it."""

    backtest = serializers.IntegerField(
        required=False, min_value=1, max_value=2**62, help_text="One of yours whose settings it begins from."
    )
    vary = serializers.DictField(
        child=serializers.JSONField(),
        help_text='By parameter: a list of values, or text like "2:20:0.5" (a range with its step).',
    )
    count = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, help_text="So many settings at random; all when left out."
    )
    objective = serializers.ChoiceField(required=False, choices=[one.value for one in Objective])
    held_out_pct = serializers.IntegerField(required=False, help_text="Of the time, in no choice; 20 when left out.")
    windows = serializers.IntegerField(required=False, help_text="Of the walk forward; 0 for none.")
    paths = serializers.IntegerField(required=False, help_text="Other pasts the best is tried on; 0 for none.")
    seed = serializers.IntegerField(required=False)

    class Meta(NewRunSerializer.Meta):
        fields = [*NewRunSerializer.Meta.fields, *OWN_FIELDS]


class ProgressSerializer(serializers.Serializer[Any]):
    percent = serializers.IntegerField()
    settings_done = serializers.IntegerField()
    settings_total = serializers.IntegerField()
    paths_done = serializers.IntegerField()
    paths_total = serializers.IntegerField()
    seconds_left = serializers.IntegerField(allow_null=True)


class SweepSerializer(serializers.Serializer[Any]):
    """A sweep; `result` is null until it is done. Amounts and ratios are strings, ratios are fractions."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    strategy = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(choices=Sweep.State.choices)
    problem = serializers.CharField()
    vary = serializers.DictField(child=serializers.ListField())
    count = serializers.IntegerField(allow_null=True)
    objective = serializers.CharField()
    held_out_from = serializers.DateTimeField(help_text="What ends later is in no choice.")
    windows = serializers.IntegerField()
    paths = serializers.IntegerField()
    seed = serializers.IntegerField()
    progress = ProgressSerializer()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    result = serializers.DictField(allow_null=True, required=False)
    meaning = serializers.ListField(child=serializers.CharField(), required=False)


class EstimateSerializer(serializers.Serializer[Any]):
    settings = serializers.IntegerField()
    seconds = serializers.IntegerField()
    processes = serializers.IntegerField()
    rows = serializers.IntegerField(help_text="Candles of every asset, without what is held out.")


class SettingSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    key = serializers.CharField()
    rank = serializers.IntegerField()
    setting = serializers.DictField()
    end_value = serializers.CharField()
    fees = serializers.CharField()
    turnover = serializers.CharField()
    trades = serializers.IntegerField()
    withdrawals_not_paid = serializers.CharField()
    total_return = serializers.CharField(allow_null=True)
    volatility = serializers.CharField(allow_null=True)
    sharpe = serializers.CharField(allow_null=True)
    calmar = serializers.CharField(allow_null=True)
    max_drawdown = serializers.CharField(allow_null=True)


class SettingPageSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    results = SettingSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class SettingQuery(serializers.Serializer[Any]):
    offset = serializers.IntegerField(
        required=False, default=0, min_value=0, max_value=10**9, help_text="How many rows to leave out first."
    )
    limit = serializers.IntegerField(
        required=False, default=100, min_value=1, max_value=MOST_A_PAGE, help_text="Rows a page; 100 when left out."
    )


class SweepList(APIView):
    @extend_schema(parameters=[PAGE], responses=list_of(SweepSerializer))
    def get(self, request: Request) -> Response:
        """Your sweeps, the newest first."""
        paginator = OldestLast()
        page = paginator.paginate_queryset(selectors.sweeps_of(request.user), request, view=self)  # type: ignore[arg-type]
        shown = list(page or [])
        progress = selectors.progress_of_all(shown, timezone.now())
        rows = [sweep_text.sweep_body(sweep, progress[sweep.pk]) for sweep in shown]
        return Response({"results": rows, "next": paginator.get_next_link()})

    @extend_schema(
        request=NewSweepSerializer,
        responses={200: SweepSerializer, 201: SweepSerializer},
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
    )
    def post(self, request: Request) -> Response:
        """Begin a sweep. `Idempotency-Key`: the same key gives the same sweep."""
        key = KeySerializer(data={"idempotency_key": request.headers.get("Idempotency-Key", "")})
        key.is_valid(raise_exception=True)
        settings, plan, more = _wanted(request)
        made = sweeps.create_sweep(
            request.user,  # type: ignore[arg-type]
            settings,
            plan,
            idempotency_key=key.validated_data["idempotency_key"],
            **more,
        )
        if made.created:
            sweep_tasks.begin_soon()
        return Response(_body(made.sweep), status=201 if made.created else 200)


class SweepEstimate(APIView):
    @extend_schema(request=NewSweepSerializer, responses=EstimateSerializer)
    def post(self, request: Request) -> Response:
        """How many settings that would be, and how long it would take. Nothing is begun."""
        settings, plan, _more = _wanted(request)
        return Response(EstimateSerializer(sweeps.estimate(settings, plan)).data)


class SweepDetail(APIView):
    @extend_schema(responses=SweepSerializer)
    def get(self, request: Request, sweep_id: int) -> Response:
        """A sweep: how far it is, or what came out."""
        return Response(_whole(_sweep(request, sweep_id)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, sweep_id: int) -> Response:
        """Delete it with all it has found. One that runs is ended by that."""
        sweeps.delete_sweep(_sweep(request, sweep_id))
        return Response(status=204)


class SweepCancel(APIView):
    @extend_schema(request=None, responses=SweepSerializer)
    def post(self, request: Request, sweep_id: int) -> Response:
        """End a sweep that waits or runs. Its workers stop within two seconds."""
        return Response(_whole(sweeps.cancel_sweep(_sweep(request, sweep_id))))


class SweepSettings(APIView):
    @extend_schema(parameters=[SettingQuery], responses=SettingPageSerializer)
    def get(self, request: Request, sweep_id: int) -> Response:
        """Every setting of a sweep that is done with its figures, the best first, in pages."""
        table = selectors.tried_of(_sweep(request, sweep_id))
        query = SettingQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        offset, limit = query.validated_data["offset"], query.validated_data["limit"]
        following = offset + limit
        url = request.build_absolute_uri(f"{request.path}?offset={following}&limit={limit}")
        rows = [sweep_text.tried_body(row) for row in table[offset:following]]
        return Response({"count": len(table), "results": rows, "next": url if following < len(table) else None})


def _sweep(request: Request, sweep_id: int) -> Sweep:
    return selectors.sweep_of(request.user, sweep_id)  # type: ignore[arg-type]


def _body(sweep: Sweep) -> dict[str, Any]:
    return sweep_text.sweep_body(sweep, selectors.progress_of(sweep, timezone.now()))


def _whole(sweep: Sweep) -> dict[str, Any]:
    body = _body(sweep)
    if sweep.state != Sweep.State.DONE:
        return {**body, "result": None, "meaning": []}
    best = selectors.tried_of(sweep)[0]
    return {**body, "result": sweep_text.result_body(sweep, best), "meaning": meanings(sweep)}


def _wanted(request: Request) -> tuple[RunSettings, sweeps.Plan, dict[str, Any]]:
    """What is asked for: settings, plan, and what else a sweep is created with."""
    serializer = NewSweepSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    given = dict(serializer.validated_data)
    user: Any = request.user
    own = {name: given.pop(name) for name in OWN_FIELDS if name in given}
    name, with_holdings = given.pop("name", ""), given.pop("with_holdings")
    strategy_id, account_id = given.pop("strategy", None), given.pop("account", None)
    strategy = None if strategy_id is None else strategies.strategy_of(user, strategy_id)
    account = None if account_id is None else exchanges.account_of(user, account_id)
    base: dict[str, Any] = {}
    if "backtest" in own:
        run = runs.run_of(user, own.pop("backtest"))
        base, strategy, account = (
            services.values_of(runs.settings_of(run)),
            strategy or run.strategy,
            account or run.account,
        )
    if with_holdings:
        holder = account or (strategy.account if strategy is not None else None)
        if holder is None:
            text = _("Choose the account whose holdings it begins with.")
            raise Invalid(_("Some fields need your attention."), fields={"account": [text]})
        given |= services.holdings_of(holder, str(given.get("quote") or base.get("quote") or holder.quote))
    search = _search(own.pop("vary"), own.pop("count", None), own.get("seed", 1))
    plan = sweeps.Plan(search, **{**own, "objective": Objective(own.get("objective", Objective.SHARPE))})
    settings = services.read({**base, **given}, strategy)
    return settings, plan, {"name": name, "strategy": strategy, "account": account}


def _search(vary: dict[str, Any], count: int | None, seed: int) -> Search:
    try:
        return Search(Space(tuple(_parameter(name, given) for name, given in vary.items())), count, seed)
    except SpaceError as error:
        raise sweeps.space_problem(error) from None


def _parameter(name: str, given: Any) -> Parameter:
    """Of a list of numbers and words, or of text as people write it."""
    if isinstance(given, str):
        return read_parameter(name, given)
    if not isinstance(given, list) or not all(_is_plain(value) for value in given):
        text = _("Give a list of values, or a range with its step.")
        raise Invalid(_("Some fields need your attention."), fields={name: [text]})
    return values_of(name, [str(value) for value in given])


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | Number) and not isinstance(value, bool)
