"""What people and programs ask for, made into settings; whatever is wrong is said per field."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import DecimalField
from django.utils.translation import gettext as _

from botbalance.lib import system_settings
from botbalance.lib.errors import Invalid
from botbalance.lib.money import HUNDRED, ZERO, plain
from botbalance.lib.numbers import amount, count
from exchanges.candles import store
from exchanges.candles.intervals import LENGTHS_MS
from strategies import concerns
from strategies import services as strategies
from strategies.backtest import quotas
from strategies.backtest.domain import (
    MOST_FLOWS,
    Limit,
    PlannedFlow,
    RunSettings,
    every_of,
    every_text,
    fraction_of,
    moment_of,
    percent_of,
    total_weight,
)
from strategies.backtest.engine.scenario import Fees, FillMode, Fills, Reach
from strategies.backtest.services import coverage
from strategies.backtest.services.parsing import Parser
from strategies.domain import MAX_TARGETS, Target
from strategies.models import Strategy
from strategies.services import Entry
from strategies.target_models import READS_CLOSES, ModelKind

LIMIT_FIELDS = tuple(
    name
    for name in strategies.FIELDS
    if name not in ("name", "quote", "target_model") and not name.startswith("model_")
)
"""Fields of a Strategy that a back-test takes over: what a Strategy gains is taken over as well."""

MODEL_FIELDS = ("target_model", *(name for name in concerns.ALL if name != "model_auto_apply"))
"""Fields of its target model. There is nobody to be asked in a back-test: new weights are applied."""

MOST_ASSETS_HELD = 200
DEFAULT_START_CASH = Decimal(10_000)
_LARGEST_FIGURE = Decimal(10) ** 28
_ASSET = re.compile(r"[A-Z0-9]{1,20}")


def defaults(strategy: Strategy | None = None) -> dict[str, Any]:
    """What `read` takes where nothing else is given, by its names; the limits and targets are those of the strategy."""
    source = strategy or Strategy()
    return {
        "quote": source.quote,
        "targets": [] if strategy is None else strategies.entries_of(strategy),
        **{name: getattr(source, name) for name in (*LIMIT_FIELDS, *MODEL_FIELDS)},
        "interval": "1h",
        "from": None,
        "to": None,
        "start_cash": DEFAULT_START_CASH,
        "start_holdings": {},
        **_fill_values(Fills(), Fees()),
        "max_order_nav_pct": system_settings.current().max_order_nav_pct,
        "flows": [],
        "begins_by_hand": True,
    }


def values_of(settings: RunSettings) -> dict[str, Any]:
    """Settings as the values `read` makes them of: to fill in a form, or to change something and try again."""
    return {
        "quote": settings.quote,
        "targets": [
            Entry(one.asset, one.weight_pct, settings.market_caps.get(one.asset), keep=one.keep)
            for one in settings.targets
        ],
        **settings.limits,
        "target_model": ModelKind.FIXED.value,
        **settings.model,
        "interval": settings.interval,
        "from": settings.begins,
        "to": settings.ends,
        "start_cash": settings.start.get(settings.quote, ZERO),
        "start_holdings": {asset: amount for asset, amount in settings.start.items() if asset != settings.quote},
        **_fill_values(settings.fills, settings.fees),
        "max_order_nav_pct": settings.max_order_nav_pct,
        "flows": [
            {
                "asset": flow.asset,
                "amount": flow.amount,
                "every": "" if flow.every is None else every_text(flow.every),
                "at": flow.at,
            }
            for flow in settings.flows
        ],
        "begins_by_hand": settings.begins_by_hand,
    }


def _fill_values(fills: Fills, fees: Fees) -> dict[str, Any]:
    return {
        "fill_mode": fills.mode.value,
        "fill_reach": fills.reach.value,
        "participation_pct": fills.participation_pct,
        "spread_pct": fills.spread_pct,
        "maker_fee_pct": percent_of(fees.maker),
        "taker_fee_pct": percent_of(fees.taker),
        "fees_in_bnb": fees.in_bnb,
    }


def read(values: Mapping[str, Any], strategy: Strategy | None = None) -> RunSettings:
    """Settings of `values`; what they leave out is the strategy's, else the default. Numbers and moments may be texts.

    `from` and `to` left out: the time of which there are candles of all targets. Raises Invalid with field messages.
    """
    reader = _Reader({**defaults(strategy), **values})
    unknown = sorted(set(values) - set(defaults()))
    for name in unknown:
        reader.refuse(name, _("There is no such setting."))
    if reader.values["target_model"] in list(ModelKind):
        shown = concerns.fields_of(ModelKind(reader.values["target_model"]))
        for name in sorted({*values} & {*MODEL_FIELDS[1:]} - {*shown}):
            reader.refuse(name, _("This is no setting of this target model."))
    return reader.settings()


class _Reader(Parser):
    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.market_caps: dict[str, Decimal] = {}

    def settings(self) -> RunSettings:
        quote = str(self.values["quote"] or "").strip().upper()
        if not _ASSET.fullmatch(quote):
            self.refuse("quote", _("Name the quote stablecoin, like USDT."))
        targets = self.targets(quote)
        limits, model = self.limits(), self.model(len(targets))
        start = self.start(quote)
        fills, fees = self.fills(), self.fees()
        interval = self.interval(model)
        flows = self.flows(quote, {quote, *(target.asset for target in targets), *start})
        self.stop_if_wrong()
        from_ms, to_ms = self.period(quote, targets, interval)
        self.stop_if_wrong()
        settings = RunSettings(
            quote=quote,
            targets=targets,
            limits=limits,
            start=start,
            interval=interval,
            from_ms=from_ms,
            to_ms=to_ms,
            fills=fills,
            fees=fees,
            flows=flows,
            begins_by_hand=self.flag("begins_by_hand"),
            model=model,
            market_caps=self.market_caps if model.get("target_model") == ModelKind.MARKET_CAP else {},
            max_order_nav_pct=self.optional("max_order_nav_pct", Decimal("0.1"), HUNDRED),
        )
        try:
            payments = settings.planned_flows()
        except ValueError:
            text = _("That makes more than %(most)s payments. Choose a longer interval.") % {"most": count(MOST_FLOWS)}
            self.refuse("flows", text)
            payments = ()
        if not any(amount > 0 for amount in start.values()) and not any(flow.amount > 0 for flow in payments):
            self.refuse("start_cash", _("There is nothing to begin with: give cash, holdings or a deposit."))
        self.stop_if_wrong()
        return settings

    # --- groups ----------------------------------------------------------------------------------------------

    def targets(self, quote: str) -> tuple[Target, ...]:
        rows: list[Target] = []
        given = list(self.rows("targets"))
        if len(given) > MAX_TARGETS:  # before anything else: each is compared with all others
            text = _("%(count)s assets are too many; the most is %(most)s.")
            self.refuse("targets", text % {"count": len(given), "most": MAX_TARGETS})
            return ()
        for row in given:
            asset, weight, keep, figure = _target(row)
            asset = asset.strip().upper()
            if weight in (None, "") and self.values["target_model"] != ModelKind.FIXED:
                weight = 0  # until the model answers
            if isinstance(row, Mapping) and "market_cap" in row and self.values["target_model"] != ModelKind.MARKET_CAP:
                self.refuse("targets", _("%(asset)s: only the model market_cap reads it.") % {"asset": asset[:40]})
            if not _ASSET.fullmatch(asset):
                self.refuse("targets", _("%(asset)r is no asset.") % {"asset": asset[:40]})
                continue
            number, kept = self.decimal("targets", weight, 4), self.decimal("targets", keep)
            if number is not None and not ZERO <= number <= HUNDRED:
                self.refuse("targets", _("%(asset)s: a weight is between 0 and 100%%.") % {"asset": asset})
            elif kept is not None and kept < 0:
                self.refuse(
                    "targets", _("%(asset)s: what is never sold cannot be less than nothing.") % {"asset": asset}
                )
            elif number is not None and kept is not None:
                rows.append(Target(asset, number, kept))
                self.read_figure(asset, figure)
        assets = [row.asset for row in rows]
        for asset in sorted({asset for asset in assets if assets.count(asset) > 1}):
            self.refuse("targets", _("%(asset)s is in the list twice.") % {"asset": asset})
        if quote in assets:
            text = _("%(asset)s is the quote: it gets what the other targets leave, so it has no target of its own.")
            self.refuse("targets", text % {"asset": quote})
        if total_weight(tuple(rows)) > HUNDRED:
            text = _("The weights add up to %(total)s%%; the most is 100%%.")
            self.refuse("targets", text % {"total": amount(total_weight(tuple(rows)))})
        if not rows and "targets" not in self.wrong:
            self.refuse("targets", _("Add at least one asset."))
        return tuple(rows)

    def read_figure(self, asset: str, value: Any) -> None:
        """Keep a market capitalisation that was typed."""
        figure = None if value in (None, "") else self.decimal("targets", value, 2, largest=_LARGEST_FIGURE)
        if figure is not None and figure <= 0:
            self.refuse("targets", _("%(asset)s: a market capitalisation is more than 0.") % {"asset": asset})
        elif figure is not None:
            self.market_caps[asset] = figure

    def model(self, count: int) -> dict[str, Limit]:
        """The target model and what concerns it, for so many assets; nothing where the weights are held."""
        strategy = self.strategy(MODEL_FIELDS)
        if strategy is None or strategy.target_model == ModelKind.FIXED:
            return {}
        for name, texts in strategies.model_problems(strategy, count).items():
            for text in texts:
                self.refuse(name, text)
        shown = concerns.fields_of(ModelKind(strategy.target_model))
        names = [name for name in MODEL_FIELDS if name == "target_model" or name in shown]
        return {name: _plain_limit(strategy, name) for name in names}

    def strategy(self, names: tuple[str, ...]) -> Strategy | None:
        """A strategy with these fields, judged by the fields themselves; None where one of them is refused."""
        strategy = Strategy(**{name: self.values[name] for name in names})
        try:
            strategy.clean_fields(exclude=[one.name for one in Strategy._meta.fields if one.name not in names])
        except ValidationError as error:
            for name, texts in error.message_dict.items():
                for text in texts:
                    self.refuse(name, text)
            return None
        return strategy

    def limits(self) -> dict[str, Limit]:
        strategy = self.strategy(LIMIT_FIELDS)
        if strategy is None:
            return {}
        distance = strategy.reprice_distance_pct
        if distance is not None and distance <= strategy.order_step_pct:
            text = _("Orders are placed %(step)s%% from the middle; this must be more.")
            self.refuse("reprice_distance_pct", text % {"step": amount(strategy.order_step_pct)})
        return {name: _plain_limit(strategy, name) for name in LIMIT_FIELDS}

    def start(self, quote: str) -> dict[str, Decimal]:
        holdings = self.values["start_holdings"]
        if not isinstance(holdings, Mapping) or len(holdings) > MOST_ASSETS_HELD:
            text = _("Give amounts by asset, of at most %(most)s assets.") % {"most": MOST_ASSETS_HELD}
            self.refuse("start_holdings", text)
            holdings = {}
        found: dict[str, Decimal] = {}
        cash = self.decimal("start_cash", self.values["start_cash"])
        if cash is not None and cash < 0:
            self.refuse("start_cash", _("It cannot be less than nothing."))
        elif cash:
            found[quote] = cash
        for asset, value in holdings.items():
            name = str(asset).strip().upper()
            amount = self.decimal("start_holdings", value)
            if not _ASSET.fullmatch(name) or name in found:
                self.refuse("start_holdings", _("%(asset)r is no asset, or there twice.") % {"asset": name[:40]})
            elif amount is not None and amount < 0:
                self.refuse("start_holdings", _("%(asset)s: less than nothing.") % {"asset": name})
            elif amount:
                found[name] = amount
        return found

    def fills(self) -> Fills:
        return Fills(
            mode=self.word("fill_mode", FillMode),
            reach=self.word("fill_reach", Reach),
            participation_pct=self.optional("participation_pct", Decimal("0.0001"), HUNDRED),
            spread_pct=self.number("spread_pct", ZERO, Decimal(20)),
        )

    def fees(self) -> Fees:
        return Fees(
            fraction_of(self.number("maker_fee_pct", ZERO, Decimal(5))),
            fraction_of(self.number("taker_fee_pct", ZERO, Decimal(5))),
            self.flag("fees_in_bnb"),
        )

    def interval(self, model: Mapping[str, Limit]) -> str:
        try:
            interval = store.checked_interval(str(self.values["interval"]))
            if LENGTHS_MS[interval] > LENGTHS_MS["1d"] and model.get("target_model") in READS_CLOSES:
                self.refuse(
                    "interval", _("This model reads the price at the end of every day: choose shorter candles.")
                )
            return interval
        except Invalid as error:
            for text in error.fields["interval"]:
                self.refuse("interval", text)
            return "1h"

    def flows(self, quote: str, known: set[str]) -> tuple[PlannedFlow, ...]:
        found = []
        for row in self.rows("flows"):
            if not isinstance(row, Mapping):
                self.refuse("flows", _("A payment is an amount with `every` or `at`."))
                continue
            asset = str(row.get("asset") or quote).strip().upper()
            amount = self.decimal("flows", row.get("amount"))
            every, at = row.get("every") or None, row.get("at") or None
            if asset not in known:
                text = _("%(asset)s can neither be paid in nor out: it is neither a target nor held.")
                self.refuse("flows", text % {"asset": asset[:40]})
            elif amount is not None and (every is None) == (at is None):
                self.refuse("flows", _("A payment is either `every` so often, or once `at` a moment."))
            elif amount and every is not None:
                try:
                    turn = every_of(str(every))
                except ValueError:
                    text = _("%(every)r is no schedule; say day, week, month, quarter, or 14d.")
                    self.refuse("flows", text % {"every": str(every)[:40]})
                    continue
                if isinstance(turn, timedelta) and turn < timedelta(minutes=1):
                    continue
                found.append(PlannedFlow(asset, amount, every=turn))
            elif amount:
                ms = self.moment("flows", at)
                if ms is not None:
                    found.append(PlannedFlow(asset, amount, at=moment_of(ms)))
            elif amount is not None:
                self.refuse("flows", _("A payment of nothing is none."))
        return tuple(found)

    def rows(self, name: str) -> Iterable[Any]:
        value = self.values[name]
        if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
            self.refuse(name, _("Give a list."))
            return []
        return value

    def period(self, quote: str, targets: tuple[Target, ...], interval: str) -> tuple[int, int]:
        begins = None if self.values["from"] in (None, "") else self.moment("from", self.values["from"])
        ends = None if self.values["to"] in (None, "") else self.moment("to", self.values["to"])
        if self.wrong:
            return 0, 0
        symbols = [f"{target.asset}{quote}" for target in targets]
        try:
            from_ms, to_ms = coverage.period(symbols, interval, begins, ends)
        except coverage.NotCovered as error:
            self.refuse(error.field, error.text)
            return 0, 0
        most = quotas.most_candles()
        cells = (to_ms - from_ms) // LENGTHS_MS[interval] * len(symbols)
        if cells > most:
            text = _("That is %(cells)s candles; at most %(most)s are tried. Choose longer candles or a shorter time.")
            self.refuse("interval", text % {"cells": count(cells), "most": count(most)})
        return from_ms, to_ms


def _target(row: Any) -> tuple[str, Any, Any, Any]:
    """Asset, weight, what is never sold and the market capitalisation of a target, however it was given."""
    if isinstance(row, Entry):
        return row.asset, row.weight_pct, row.keep or 0, row.market_cap
    if isinstance(row, Target):
        return row.asset, row.weight_pct, row.keep, None
    if isinstance(row, Mapping):
        return str(row.get("asset", "")), row.get("weight_pct"), row.get("keep") or 0, row.get("market_cap")
    if isinstance(row, tuple | list) and len(row) == 2:
        return str(row[0]), row[1], 0, None
    return str(row), None, 0, None


def _plain_limit(strategy: Strategy, name: str) -> Limit:
    value = getattr(strategy, name)
    if isinstance(Strategy._meta.get_field(name), DecimalField) and value is not None:
        return Decimal(plain(Decimal(value)))
    return value
