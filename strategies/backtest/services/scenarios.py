"""Settings, candles and symbol rules, put together as what the engine walks through.

The one place where a strategy's settings become a scenario: whoever adds a setting to the planner adds it here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.conf import settings as server
from django.utils.translation import gettext as _

from botbalance.lib.errors import AppError, Invalid
from botbalance.lib.money import ZERO
from exchanges import services as exchanges
from exchanges.candles import store
from exchanges.candles.columns import CandleColumns
from exchanges.candles.store import CandlesMissing
from exchanges.domain import ExchangeInfo, SymbolRules, Venue
from exchanges.models import ExchangeAccount
from strategies import selectors
from strategies import services as strategies
from strategies.backtest.domain import Notes, RunSettings, default_rules, rules_for_the_past
from strategies.backtest.engine.history import History
from strategies.backtest.engine.scenario import Scenario, TargetModel
from strategies.backtest.services import direct_pairs
from strategies.backtest.services.reading import LIMIT_FIELDS, MODEL_FIELDS
from strategies.domain import BNB, Limits, Trigger
from strategies.models import Strategy
from strategies.schedules import Every
from strategies.target_models import ModelKind

BITCOIN = "BTC"
_VENUES = {"mock": Venue.PAPER, "testnet": Venue.TESTNET, "mainnet": Venue.MAINNET}


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything a back-test is made of. `bitcoin`: BTC's candles in the quote for the benchmark, None without any."""

    history: History
    scenario: Scenario
    bitcoin: CandleColumns | None
    notes: Notes


@dataclass(frozen=True, slots=True)
class Planning:
    """How a strategy is planned and when: what of a Scenario comes from its settings."""

    limits: Limits
    trigger: Trigger
    every: Every
    whole_portfolio: bool
    deploy_deposits: bool
    order_lifetime_seconds: int
    reprice_distance_pct: Any
    max_turnover_pct: Any


@dataclass(frozen=True, slots=True)
class KnownRules:
    """Symbol rules as an exchange has them now; `source` is "" where they could not be read, for `problem`."""

    info: ExchangeInfo
    source: str
    problem: str = ""


def prepare(settings: RunSettings, account: ExchangeAccount | None = None) -> Inputs:
    """Load candles and rules for these settings; the rules are those of the account's venue, else of the server's.

    Raises an AppError where candles are missing or cannot be read.
    """
    columns, unvalued = _columns(settings)
    known = known_rules(account)
    direct = direct_pairs.load(settings, columns, known.info)
    history = History.of(settings.quote, columns, direct.columns)
    info, notes = past_info(columns, settings.quote, known)
    info = ExchangeInfo.of({**info.rules, **{rules.symbol: rules for rules in direct.rules}})
    bitcoin = _bitcoin(settings, columns)
    symbols = {column.symbol for column in (*columns.values(), *direct.columns.values())}
    sources = {
        one.symbol: one.source for one in store.available() if one.source != store.MARKET and one.symbol in symbols
    }
    lacking = assets_without_figures(settings)
    scenario = scenario_of(settings, info)
    notes = replace(
        notes,
        unvalued=unvalued,
        candle_sources=sources,
        without_figures=lacking,
        figures_of_today=scenario.model is not None and bool(scenario.model.figures),
    )
    if settings.direct_pairs:
        notes = replace(notes, direct_pairs=direct.symbols, direct_missing=direct.missing)
    return Inputs(history, scenario, bitcoin, notes)


def history_of(settings: RunSettings, info: ExchangeInfo) -> History:
    """The candles of these settings again, with those of direct pairs that `info` has rules of. Raises as `prepare`."""
    columns, _unvalued = _columns(settings)
    return History.of(settings.quote, columns, direct_pairs.load(settings, columns, info).columns)


def scenario_of(settings: RunSettings, info: ExchangeInfo) -> Scenario:
    """The scenario of these settings under these symbol rules, for any history that has candles of the targets."""
    planning = planning_of(settings)
    return Scenario(
        quote=settings.quote,
        targets=settings.targets,
        limits=planning.limits,
        info=info,
        start=dict(settings.start),
        trigger=planning.trigger,
        every=planning.every,
        whole_portfolio=planning.whole_portfolio,
        fills=settings.fills,
        fees=settings.fees,
        flows=settings.planned_flows(),
        deploy_deposits=planning.deploy_deposits,
        order_lifetime_seconds=planning.order_lifetime_seconds,
        reprice_distance_pct=planning.reprice_distance_pct,
        max_turnover_pct=planning.max_turnover_pct,
        begins_by_hand=settings.begins_by_hand,
        model=target_model_of(settings),
    )


def target_model_of(settings: RunSettings) -> TargetModel | None:
    """The model as the strategy's owner has set it; None where the weights are held.

    What coins were worth in the past is not known here, and to weigh the past by what they are worth now would be to
    know the future: market capitalisations count only where all were typed, as they do in live trading.
    """
    strategy = _strategy(settings.model, MODEL_FIELDS)
    weighs = selectors.model_of(strategy)
    if weighs is None or assets_without_figures(settings):
        return None
    figures = sorted(settings.market_caps.items()) if weighs.kind == ModelKind.MARKET_CAP else []
    return TargetModel(weighs, timedelta(days=strategy.model_refresh_days), tuple(figures))


def assets_without_figures(settings: RunSettings) -> tuple[str, ...]:
    """Assets whose market capitalisation is wanted and was not typed."""
    if settings.model.get("target_model") != ModelKind.MARKET_CAP:
        return ()
    return tuple(asset for asset in settings.assets if asset not in settings.market_caps)


def planning_of(settings: RunSettings) -> Planning:
    """The planner's limits exactly as the autopilot makes them of a Strategy with these fields."""
    strategy = _strategy(settings.limits, LIMIT_FIELDS, pays_in_bnb=settings.fees.in_bnb)
    limits = strategies.limits_of(strategy, max(settings.fees.maker, settings.fees.taker), ZERO, ZERO)
    return Planning(
        limits=replace(
            limits,
            turnover_left=None,  # by what has been traded, while it runs
            max_order_nav_pct=settings.max_order_nav_pct,
            maker_rate=settings.fees.maker,
        ),
        trigger=Trigger(strategy.trigger_mode),
        every=selectors.every_of(strategy),
        whole_portfolio=strategy.whole_portfolio,
        deploy_deposits=strategy.deploy_deposits,
        order_lifetime_seconds=strategy.order_lifetime_seconds,
        reprice_distance_pct=strategy.reprice_distance_pct,
        max_turnover_pct=strategy.max_turnover_pct,
    )


def _strategy(values: Mapping[str, Any], names: tuple[str, ...], *, pays_in_bnb: bool = False) -> Strategy:
    """A strategy that is never saved, nor is its account. Fields that were added since the settings were written have
    their defaults.
    """
    known = {name: values[name] for name in names if name in values}
    fields = {field.name: field for field in Strategy._meta.fields}
    account = ExchangeAccount(pays_in_bnb=pays_in_bnb)
    return Strategy(account=account, **{name: fields[name].to_python(value) for name, value in known.items()})


# --- symbol rules --------------------------------------------------------------------------------------------


def known_rules(account: ExchangeAccount | None) -> KnownRules:
    """The rules of the account's venue, or where there is none, or it cannot be asked, of the venue the server uses."""
    problem = ""
    if account is not None and account.archived_at is None:
        try:
            return KnownRules(exchanges.exchange_info_for(account), exchanges.venue_of(account)[0].value)
        except AppError as error:
            problem = error.message
    venue = _VENUES[server.EXCHANGE_ENV]
    try:
        return KnownRules(exchanges.shared_market(venue).info, venue.value, problem)
    except AppError as error:
        return KnownRules(ExchangeInfo.of({}), "", error.message)


def past_info(columns: Mapping[str, CandleColumns], quote: str, known: KnownRules) -> tuple[ExchangeInfo, Notes]:
    """Rules of every symbol with candles, as they can be used on old ones, and which of them are not the exchange's."""
    rules: dict[str, SymbolRules] = {}
    by_default, finer = [], []
    for asset, column in columns.items():
        today = known.info.pair(asset, quote)
        if today is None:
            first = column.price(int(column.close[0])) if len(column) else ZERO
            made = default_rules(asset, quote, column.price_places, column.volume_places, first)
            by_default.append(made.symbol)
        else:
            made = rules_for_the_past(today, column.price_places)
            if made.tick_size != today.tick_size:
                finer.append(made.symbol)
        rules[made.symbol] = made
    notes = Notes(
        rules_source=known.source,
        rules_problem=known.problem,
        default_rules=tuple(sorted(by_default)),
        finer_ticks=tuple(sorted(finer)),
    )
    return ExchangeInfo.of(rules), notes


# --- candles -------------------------------------------------------------------------------------------------


def _columns(settings: RunSettings) -> tuple[dict[str, CandleColumns], tuple[str, ...]]:
    """Candles by asset: of all targets, and of what is held or paid in, or needed for fees, where there are any; and
    what is held without.
    """
    quote = settings.quote
    symbols = {f"{asset}{quote}": asset for asset in settings.assets}
    found = store.load(symbols, settings.interval, settings.from_ms, settings.to_ms)
    columns = {symbols[symbol]: column for symbol, column in found.items()}
    others = {*settings.start, *(flow.asset for flow in settings.flows)} - {quote, *columns}
    if settings.fees.in_bnb and BNB not in columns:
        others.add(BNB)
    unvalued = []
    for asset in sorted(others):
        column = _load_if_there(asset, settings)
        if column is not None:
            columns[asset] = column
        elif settings.start.get(asset):
            unvalued.append(asset)
        elif any(flow.asset == asset for flow in settings.flows):
            raise CandlesMissing(_("There are no candles of %(asset)s, which is paid in.") % {"asset": asset})
    return columns, tuple(unvalued)


def _bitcoin(settings: RunSettings, columns: Mapping[str, CandleColumns]) -> CandleColumns | None:
    if BITCOIN in columns:
        return columns[BITCOIN]
    return None if settings.quote == BITCOIN else _load_if_there(BITCOIN, settings)


def _load_if_there(asset: str, settings: RunSettings) -> CandleColumns | None:
    try:
        found = store.load([f"{asset}{settings.quote}"], settings.interval, settings.from_ms, settings.to_ms)
    except (CandlesMissing, Invalid):
        return None
    return next(iter(found.values()))
