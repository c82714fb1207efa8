"""Markets, portfolios and ideal fills for the planner's tests. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from botbalance.lib.money import ONE, ZERO, is_multiple
from exchanges.domain import Balance, ExchangeInfo, Price, PriceSnapshot, Side, SymbolRules
from portfolio.domain import Valuation, value_portfolio
from strategies.domain import Leg, Limits, OpenOrder, Plan, Target
from strategies.planner import plan_rebalance

D = Decimal
QUOTE = "USDT"


def rules_of(asset: str, *, tick: str = "0.01", step: str = "0.00001", minimum: str = "5", **more: Any) -> SymbolRules:
    return SymbolRules(
        symbol=f"{asset}{QUOTE}",
        base=asset,
        quote=QUOTE,
        tick_size=D(tick),
        min_price=D(tick),
        step_size=D(step),
        min_quantity=D(step),
        max_quantity=D(9_000_000_000),
        min_notional=D(minimum),
        **more,
    )


@dataclass(frozen=True)
class Scene:
    """A market and what is held in it: everything a plan is made of."""

    info: ExchangeInfo
    prices: PriceSnapshot
    held: Mapping[str, Decimal]
    targets: tuple[Target, ...]
    limits: Limits
    locked: Mapping[str, Decimal]
    open_orders: tuple[OpenOrder, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        prices: Mapping[str, Any],
        held: Mapping[str, Any],
        targets: Mapping[str, Any],
        rules: Mapping[str, SymbolRules] | None = None,
        open_orders: tuple[OpenOrder, ...] = (),
        locked: Mapping[str, Any] | None = None,
        problems: Mapping[str, str] | None = None,
        **limits: Any,
    ) -> "Scene":
        known = {asset: (rules or {}).get(asset, rules_of(asset)) for asset in prices}
        rows = {}
        for asset, price in prices.items():
            symbol, value = known[asset].symbol, D(price)
            rows[symbol] = Price(symbol, value, value, value, (problems or {}).get(asset, "" if value else "empty"))
        return cls(
            info=ExchangeInfo.of({rule.symbol: rule for rule in known.values()}),
            prices=PriceSnapshot("paper", "mid", 0, rows),
            held={asset: D(amount) for asset, amount in held.items()},
            targets=tuple(Target(asset, D(weight)) for asset, weight in targets.items()),
            limits=Limits(**{name: D(value) if type(value) is str else value for name, value in limits.items()}),
            locked={asset: D(amount) for asset, amount in (locked or {}).items()},
            open_orders=open_orders,
        )

    def valuation(self) -> Valuation:
        assets = sorted({*self.held, *self.locked})
        balances = [Balance(asset, self.held.get(asset, ZERO), self.locked.get(asset, ZERO)) for asset in assets]
        return value_portfolio(balances, QUOTE, self.prices, self.info)

    def plan(self) -> Plan:
        return plan_rebalance(self.valuation(), self.targets, self.limits, self.info, self.prices, self.open_orders)

    def after(self, legs: tuple[Leg, ...]) -> "Scene":
        """The scene once every leg has filled at its limit price, commission on the received asset."""
        held = dict(self.held)
        kept = ONE - self.limits.fee_rate
        for leg in legs:
            if leg.side == Side.BUY:
                held[QUOTE] = held.get(QUOTE, ZERO) - leg.notional
                held[leg.asset] = held.get(leg.asset, ZERO) + leg.quantity * kept
            else:
                held[leg.asset] = held.get(leg.asset, ZERO) - leg.quantity
                held[QUOTE] = held.get(QUOTE, ZERO) + leg.notional * kept
        return Scene(self.info, self.prices, held, self.targets, self.limits, self.locked, self.open_orders)


def raw_filter_failures(
    symbol: Mapping[str, Any], price: Decimal, quantity: Decimal, mid: Decimal, side: Side
) -> list[str]:
    """Filters of an exchangeInfo symbol that an order fails, read from the JSON itself and not through SymbolRules."""
    failed = []
    filters = {row["filterType"]: row for row in symbol["filters"]}
    grid = filters["PRICE_FILTER"]
    low, high = D(grid["minPrice"]), D(grid["maxPrice"])
    if price < low or (high and price > high) or not is_multiple(price, D(grid["tickSize"])):
        failed.append("PRICE_FILTER")
    lot = filters["LOT_SIZE"]
    if not D(lot["minQty"]) <= quantity <= D(lot["maxQty"]) or not is_multiple(quantity, D(lot["stepSize"])):
        failed.append("LOT_SIZE")
    notional = filters["NOTIONAL"]
    if not D(notional["minNotional"]) <= price * quantity <= D(notional["maxNotional"]):
        failed.append("NOTIONAL")
    band = filters["PERCENT_PRICE_BY_SIDE"]
    name = "bid" if side == Side.BUY else "ask"
    if not mid * D(band[f"{name}MultiplierDown"]) <= price <= mid * D(band[f"{name}MultiplierUp"]):
        failed.append("PERCENT_PRICE_BY_SIDE")
    return failed
