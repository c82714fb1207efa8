"""What an exchangeInfo entry demands of an order, as numbers. The entry is what clients read, so that what they are
told and what is enforced cannot differ. A step, tick or bound of a range that is 0 is off; an absent filter is None.

Source: Binance Spot REST documentation, "Filters".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from botbalance.lib.money import is_multiple

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, on the grid of `step`."""

    low: Decimal = ZERO
    high: Decimal = ZERO
    step: Decimal = ZERO

    def holds(self, value: Decimal) -> bool:
        return self.low <= value and (not self.high or value <= self.high) and is_multiple(value, self.step)


@dataclass(frozen=True, slots=True)
class Percent:
    """PERCENT_PRICE or PERCENT_PRICE_BY_SIDE: bounds of a price as multiples of the reference price, by side."""

    name: str
    buy: Range
    sell: Range


@dataclass(frozen=True, slots=True)
class Notional:
    """MIN_NOTIONAL or NOTIONAL: bounds of price x quantity, in quote, and which of them MARKET orders meet."""

    name: str
    bounds: Range
    market: Range


@dataclass(frozen=True, slots=True)
class Rules:
    """One symbol. `lot_unit` is the unit in which its market counts volume, and the grid of amounts where LOT_SIZE has
    none.
    """

    symbol: str
    base: str
    quote: str
    lot_unit: Decimal
    price: Range = Range()
    lot: Range = Range()
    market_lot: Range = Range()
    percents: tuple[Percent, ...] = ()
    notionals: tuple[Notional, ...] = ()
    order_types: frozenset[str] = frozenset({"LIMIT", "LIMIT_MAKER", "MARKET"})
    stp_modes: frozenset[str] = frozenset({"NONE", "EXPIRE_MAKER"})
    spot_allowed: bool = True
    iceberg_allowed: bool = True
    quote_market_allowed: bool = True
    amend_allowed: bool = True
    cancel_replace_allowed: bool = True
    iceberg_parts: int | None = None
    max_orders: int | None = None
    max_iceberg_orders: int | None = None
    max_amendments: int | None = None
    max_position: Decimal | None = None
    exchange_max_orders: int | None = None
    exchange_max_iceberg_orders: int | None = None

    @classmethod
    def of(
        cls, entry: Mapping[str, Any], lot_unit: Decimal, exchange_filters: Iterable[Mapping[str, Any]] = ()
    ) -> "Rules":
        """The rules of one entry of exchangeInfo's `symbols`, under the account-wide `exchangeFilters`."""
        given = {row["filterType"]: row for row in (*entry["filters"], *exchange_filters)}

        def number(name: str, field: str) -> Decimal:
            return Decimal(str(given.get(name, {}).get(field, 0)))

        def count(name: str, field: str) -> int | None:
            return int(given[name][field]) if name in given else None

        def lot(name: str) -> Range:
            return Range(number(name, "minQty"), number(name, "maxQty"), number(name, "stepSize"))

        return cls(
            symbol=entry["symbol"],
            base=entry["baseAsset"],
            quote=entry["quoteAsset"],
            lot_unit=lot_unit,
            price=Range(*(number("PRICE_FILTER", field) for field in ("minPrice", "maxPrice", "tickSize"))),
            lot=lot("LOT_SIZE"),
            market_lot=lot("MARKET_LOT_SIZE"),
            percents=tuple(_percents(given)),
            notionals=tuple(_notionals(given)),
            order_types=frozenset(entry["orderTypes"]),
            stp_modes=frozenset(entry.get("allowedSelfTradePreventionModes", ())),
            spot_allowed=bool(entry["isSpotTradingAllowed"]),
            iceberg_allowed=bool(entry["icebergAllowed"]),
            quote_market_allowed=bool(entry["quoteOrderQtyMarketAllowed"]),
            amend_allowed=bool(entry.get("amendAllowed", False)),
            cancel_replace_allowed=bool(entry.get("cancelReplaceAllowed", False)),
            iceberg_parts=count("ICEBERG_PARTS", "limit"),
            max_orders=count("MAX_NUM_ORDERS", "maxNumOrders"),
            max_iceberg_orders=count("MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders"),
            max_amendments=count("MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends"),
            max_position=number("MAX_POSITION", "maxPosition") if "MAX_POSITION" in given else None,
            exchange_max_orders=count("EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders"),
            exchange_max_iceberg_orders=count("EXCHANGE_MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders"),
        )


def _percents(given: Mapping[str, Mapping[str, Any]]) -> Iterable[Percent]:
    both = given.get("PERCENT_PRICE")
    if both:
        bounds = Range(Decimal(both["multiplierDown"]), Decimal(both["multiplierUp"]))
        yield Percent("PERCENT_PRICE", bounds, bounds)
    sides = given.get("PERCENT_PRICE_BY_SIDE")
    if sides:
        bid, ask = (
            Range(Decimal(sides[f"{side}MultiplierDown"]), Decimal(sides[f"{side}MultiplierUp"]))
            for side in ("bid", "ask")
        )
        yield Percent("PERCENT_PRICE_BY_SIDE", bid, ask)


def _notionals(given: Mapping[str, Mapping[str, Any]]) -> Iterable[Notional]:
    least = given.get("MIN_NOTIONAL")
    if least:
        bounds = Range(Decimal(least["minNotional"]))
        yield Notional("MIN_NOTIONAL", bounds, bounds if least.get("applyToMarket") else Range())
    between = given.get("NOTIONAL")
    if between:
        low, high = Decimal(between["minNotional"]), Decimal(between["maxNotional"])
        market = Range(low if between["applyMinToMarket"] else ZERO, high if between["applyMaxToMarket"] else ZERO)
        yield Notional("NOTIONAL", Range(low, high), market)
