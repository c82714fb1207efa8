"""What a back-test is asked to do, typed, and as JSON with decimals as strings. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import takewhile
from typing import Any

from botbalance.lib.money import HUNDRED, ONE, ZERO, plain, wide
from exchanges.domain import SymbolRules
from strategies.backtest.engine.scenario import Fees, FillMode, Fills, Flow, Reach
from strategies.domain import Target
from strategies.schedules import Calendar, Every, next_time

Json = dict[str, Any]
Limit = Decimal | int | str | bool | None

SHAPE = 1
"""The version of the JSON that `to_json` writes."""
MOST_FLOWS = 5000
AMOUNTS = frozenset({"bnb_for_fees"})
"""Limits in the quote, beside those in percent."""
DEFAULT_MIN_NOTIONAL = Decimal(5)
_LONGEST_TURN_MINUTES = 100 * 365 * 1440

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PlannedFlow:
    """What is paid in (above 0) or out (below 0): once, `at` a moment (UTC), or `every` so often, the first time after
    one turn. Exactly one of the two is given.
    """

    asset: str
    amount: Decimal
    every: Every | None = None
    at: datetime | None = None

    def __post_init__(self) -> None:
        if (self.every is None) == (self.at is None):
            raise ValueError("a flow is either once at a moment, or every so often")

    def moments(self, begins: datetime, ends: datetime) -> Iterator[datetime]:
        """When it is due after `begins` and before `ends`; once also at `begins` itself."""
        if self.at is not None:
            return iter([self.at] if begins <= self.at < ends else [])
        return takewhile(lambda moment: moment < ends, self._turns(begins))

    def _turns(self, moment: datetime) -> Iterator[datetime]:
        assert self.every is not None
        while True:
            moment = next_time(moment, self.every)
            yield moment

    def to_json(self) -> Json:
        return {
            "asset": self.asset,
            "amount": plain(self.amount),
            "every": None if self.every is None else every_text(self.every),
            "at": None if self.at is None else self.at.isoformat(),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "PlannedFlow":
        at = body["at"]
        return cls(
            body["asset"],
            Decimal(body["amount"]),
            None if body["every"] is None else every_of(body["every"]),
            None if at is None else datetime.fromisoformat(at),
        )


@dataclass(frozen=True, slots=True)
class RunSettings:
    """One back-test as its owner wants it.

    `limits` are fields of a Strategy by name, the planner's and the autopilot's. `model` are those of its target model,
    `target_model` and what concerns it; empty where the weights are held. `market_caps`: typed figures by asset.
    `start` is what is held before the first candle. Candles open in [from_ms, to_ms), UTC milliseconds.
    `max_order_nav_pct` is the server's largest order, in percent of the account; None for no such limit.
    """

    quote: str
    targets: tuple[Target, ...]
    limits: Mapping[str, Limit]
    start: Mapping[str, Decimal]
    interval: str
    from_ms: int
    to_ms: int
    fills: Fills = field(default_factory=Fills)
    fees: Fees = field(default_factory=Fees)
    flows: tuple[PlannedFlow, ...] = ()
    begins_by_hand: bool = True
    model: Mapping[str, Limit] = field(default_factory=dict)
    market_caps: Mapping[str, Decimal] = field(default_factory=dict)
    max_order_nav_pct: Decimal | None = None

    @property
    def assets(self) -> tuple[str, ...]:
        """Assets whose candles are needed: the targets, by name."""
        return tuple(sorted(target.asset for target in self.targets))

    @property
    def calendar(self) -> Calendar | None:
        """The calendar its schedule follows; None where its interval counts."""
        turn = self.limits.get("calendar")
        return Calendar(str(turn)) if turn else None

    @property
    def whole_portfolio(self) -> bool:
        """Whether everything goes to its target once one weight is outside its band."""
        return bool(self.limits.get("whole_portfolio"))

    @property
    def direct_pairs(self) -> bool:
        """Whether two coins are traded for each other where that is cheaper."""
        return bool(self.limits.get("direct_pairs"))

    @property
    def begins(self) -> datetime:
        return moment_of(self.from_ms)

    @property
    def ends(self) -> datetime:
        return moment_of(self.to_ms)

    def with_limits(self, changes: Mapping[str, Limit]) -> "RunSettings":
        """The same with other limits, by their names. A given `interval_minutes` stands in place of the calendar.
        KeyError for a name that is none.
        """
        for name in changes:
            self.limits[name]
        calendar = {"calendar": ""} if "interval_minutes" in changes and self.calendar is not None else {}
        return replace(self, limits={**self.limits, **calendar, **changes})

    def planned_flows(self) -> tuple[Flow, ...]:
        """Every payment of the time asked for, oldest first. ValueError where there are more than MOST_FLOWS."""
        found: list[Flow] = []
        for planned in self.flows:
            for moment in planned.moments(self.begins, self.ends):
                found.append(Flow(ms_of(moment), planned.asset, planned.amount))
                if len(found) > MOST_FLOWS:
                    raise ValueError(f"there are more than {MOST_FLOWS} payments")
        return tuple(sorted(found))

    def to_json(self) -> Json:
        """JSON from which `from_json` makes the same settings."""
        return {
            "shape": SHAPE,
            "quote": self.quote,
            "targets": [
                {"asset": one.asset, "weight_pct": plain(one.weight_pct), "keep": plain(one.keep)}
                for one in self.targets
            ],
            "limits": {name: _written(value) for name, value in self.limits.items()},
            "start": {asset: plain(amount) for asset, amount in self.start.items()},
            "interval": self.interval,
            "from_ms": self.from_ms,
            "to_ms": self.to_ms,
            "fills": {one.name: _written(getattr(self.fills, one.name)) for one in fields(Fills)},
            "fees": {one.name: _written(getattr(self.fees, one.name)) for one in fields(Fees)},
            "flows": [flow.to_json() for flow in self.flows],
            "begins_by_hand": self.begins_by_hand,
            "model": {name: _written(value) for name, value in self.model.items()},
            "market_caps": {asset: plain(figure) for asset, figure in self.market_caps.items()},
            "max_order_nav_pct": None if self.max_order_nav_pct is None else plain(self.max_order_nav_pct),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "RunSettings":
        """What `to_json` has written, also before there were models. ValueError for another version of it."""
        if body.get("shape") != SHAPE:
            raise ValueError(f"settings of the version {body.get('shape')} cannot be read")
        fills, fees = body["fills"], body["fees"]
        share, largest = fills["participation_pct"], body.get("max_order_nav_pct")
        return cls(
            quote=body["quote"],
            targets=tuple(
                Target(row["asset"], Decimal(row["weight_pct"]), Decimal(row["keep"])) for row in body["targets"]
            ),
            limits={name: _read(name, value) for name, value in body["limits"].items()},
            start={asset: Decimal(amount) for asset, amount in body["start"].items()},
            interval=body["interval"],
            from_ms=body["from_ms"],
            to_ms=body["to_ms"],
            fills=Fills(
                FillMode(fills["mode"]),
                Reach(fills["reach"]),
                None if share is None else Decimal(share),
                Decimal(fills["spread_pct"]),
            ),
            fees=Fees(Decimal(fees["maker"]), Decimal(fees["taker"]), fees["in_bnb"]),
            flows=tuple(PlannedFlow.from_json(flow) for flow in body["flows"]),
            begins_by_hand=body["begins_by_hand"],
            model={name: _read(name, value) for name, value in body.get("model", {}).items()},
            market_caps={asset: Decimal(figure) for asset, figure in body.get("market_caps", {}).items()},
            max_order_nav_pct=None if largest is None else Decimal(largest),
        )


@dataclass(frozen=True, slots=True)
class Notes:
    """What a reader must know of how a back-test was made.

    `rules_source`: whose symbol rules were used ("" where none could be read, with the reason in `rules_problem`).
    `default_rules`: symbols that source does not know, traded by the default rules. `finer_ticks`: symbols whose
    candles have more decimals than today's tick. `unvalued`: what was held and had no candles, so that it counts
    nothing. `candle_sources`: where candles are from that are not the market's, by symbol. `direct_pairs`: symbols on
    which two coins could be traded for each other, None where that was not wanted; `direct_missing`: such as had no
    candles. `without_figures`: assets whose market capitalisation was not typed, so that the weights
    were held; `figures_of_today`: typed ones were used for all of the past.
    """

    rules_source: str = ""
    rules_problem: str = ""
    default_rules: tuple[str, ...] = ()
    finer_ticks: tuple[str, ...] = ()
    unvalued: tuple[str, ...] = ()
    candle_sources: Mapping[str, str] = field(default_factory=dict)
    direct_pairs: tuple[str, ...] | None = None
    direct_missing: tuple[str, ...] = ()
    without_figures: tuple[str, ...] = ()
    figures_of_today: bool = False

    def to_json(self) -> Json:
        return {
            "rules_source": self.rules_source,
            "rules_problem": self.rules_problem,
            "default_rules": list(self.default_rules),
            "finer_ticks": list(self.finer_ticks),
            "unvalued": list(self.unvalued),
            "candle_sources": dict(self.candle_sources),
            "direct_pairs": None if self.direct_pairs is None else list(self.direct_pairs),
            "direct_missing": list(self.direct_missing),
            "without_figures": list(self.without_figures),
            "figures_of_today": self.figures_of_today,
        }


def default_rules(asset: str, quote: str, price_places: int, volume_places: int, first_price: Decimal) -> SymbolRules:
    """Rules of a symbol the exchange does not know: a tick and a step of as many decimals as its candles have, the step
    worth no more than a hundredth of the quote at the first price, orders of 5 in the quote and more.

    Files that round volumes to whole coins say nothing of how finely coins trade; whole bitcoins would never trade.
    """
    tick, step = ONE.scaleb(-price_places), ONE.scaleb(-volume_places)
    if first_price > 0:
        step = min(step, ONE.scaleb(-2 - max(first_price.adjusted() + 1, -2)))
    return SymbolRules(
        symbol=f"{asset}{quote}",
        base=asset,
        quote=quote,
        tick_size=tick,
        min_price=tick,
        step_size=step,
        min_quantity=step,
        min_notional=DEFAULT_MIN_NOTIONAL,
    )


def rules_for_the_past(rules: SymbolRules, price_places: int) -> SymbolRules:
    """Today's rules as they can be used on old candles: the symbol trades, and its tick is as fine as its prices were.

    A coin that cost a hundredth of today's price had a finer tick; by today's its orders would be rounded by percents.
    """
    unit = ONE.scaleb(-price_places)
    tick = min(rules.tick_size, unit) if rules.tick_size else rules.tick_size
    return replace(
        rules, status="TRADING", limit_orders_allowed=True, tick_size=tick, min_price=min(rules.min_price, tick or unit)
    )


def every_text(every: Every) -> str:
    """A schedule as people write it: "month", or "12h", "30d", "45m"."""
    if isinstance(every, Calendar):
        return every.value
    minutes = every // timedelta(minutes=1)
    for unit, length in (("d", 1440), ("h", 60)):
        if minutes % length == 0:
            return f"{minutes // length}{unit}"
    return f"{minutes}m"


def every_of(text: str) -> Every:
    """A schedule as people write it; ValueError for what is none."""
    text = text.strip().lower()
    if text in list(Calendar):
        return Calendar(text)
    lengths = {"m": 1, "h": 60, "d": 1440, "w": 10_080}
    number, unit = text[:-1], text[-1:]
    if unit not in lengths or not (number.isascii() and number.isdigit()):
        raise ValueError(f"{text!r} is no schedule")
    minutes = int(number) * lengths[unit]
    if not 0 < minutes <= _LONGEST_TURN_MINUTES:
        raise ValueError(f"{text!r} is no schedule")
    return timedelta(minutes=minutes)


def fraction_of(percent: Decimal) -> Decimal:
    with wide():
        return percent / HUNDRED


def percent_of(fraction: Decimal) -> Decimal:
    with wide():
        return fraction * HUNDRED


def moment_of(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


def ms_of(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def total_weight(targets: tuple[Target, ...]) -> Decimal:
    return sum((target.weight_pct for target in targets), ZERO)


def _written(value: Limit) -> Limit:
    return plain(value) if isinstance(value, Decimal) else value


def _read(name: str, value: Limit) -> Limit:
    """Percentages and amounts are decimals; all else is what JSON makes of it."""
    is_decimal = name.endswith("_pct") or name in AMOUNTS
    return Decimal(value) if is_decimal and isinstance(value, str) else value
