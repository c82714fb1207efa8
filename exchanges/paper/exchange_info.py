"""exchangeInfo as the exchange prints it, built from the table of symbols."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from exchanges.paper.symbols import SymbolSpec

Json = dict[str, Any]

REQUEST_WEIGHT_PER_MINUTE = 6000
ORDERS_PER_10_SECONDS = 100
ORDERS_PER_DAY = 200_000

RATE_LIMITS: tuple[Json, ...] = (
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": REQUEST_WEIGHT_PER_MINUTE},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": ORDERS_PER_10_SECONDS},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": ORDERS_PER_DAY},
    {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 300_000},
)
ORDER_TYPES = ("LIMIT", "LIMIT_MAKER", "MARKET")
"""What every symbol allows. Conditional, pegged and listed orders are not simulated, and so not allowed."""
STP_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")
"""All there are."""
ALLOWED_STP_MODES = ("EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
"""What every symbol allows; the others are not simulated."""


def eight(value: Decimal) -> str:
    """A number as the exchange prints amounts: always eight decimals."""
    return f"{value:.8f}"


def filters(spec: SymbolSpec) -> list[Json]:
    """The filters of one symbol, in the order the exchange lists them."""
    up, down = f"{spec.multiplier_up.normalize():f}", f"{spec.multiplier_down.normalize():f}"
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": eight(spec.tick),
            "maxPrice": eight(spec.max_price),
            "tickSize": eight(spec.tick),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": eight(spec.step),
            "maxQty": eight(spec.max_quantity),
            "stepSize": eight(spec.step),
        },
        {"filterType": "ICEBERG_PARTS", "limit": 100},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": eight(Decimal(0)),
            "maxQty": eight(spec.max_quantity / 100),
            "stepSize": eight(Decimal(0)),
        },
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": 10,
            "maxTrailingAboveDelta": 2000,
            "minTrailingBelowDelta": 10,
            "maxTrailingBelowDelta": 2000,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": up,
            "bidMultiplierDown": down,
            "askMultiplierUp": up,
            "askMultiplierDown": down,
            "avgPriceMins": spec.average_minutes,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": eight(spec.min_notional),
            "applyMinToMarket": True,
            "maxNotional": eight(spec.max_notional),
            "applyMaxToMarket": False,
            "avgPriceMins": spec.average_minutes,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": spec.max_orders},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
    ]


def changed_filters(spec: SymbolSpec, changes: Mapping[str, Mapping[str, str]]) -> list[Json]:
    """The filters of one symbol where `changes` say something else, as {"LOT_SIZE": {"stepSize": "0.001"}}.

    A filter the symbol does not have is added as it is given.
    """
    rows = [{**row, **changes.get(row["filterType"], {})} for row in filters(spec)]
    known = {row["filterType"] for row in rows}
    return rows + [{"filterType": name, **fields} for name, fields in changes.items() if name not in known]


def symbol_info(
    spec: SymbolSpec,
    status: str,
    *,
    changes: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    show_permission_sets: bool = True,
) -> Json:
    """One entry of `symbols`; `changes` as for `changed_filters`."""
    info: Json = {
        "symbol": spec.symbol,
        "status": status,
        "baseAsset": spec.base,
        "baseAssetPrecision": 8,
        "quoteAsset": spec.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": list(ORDER_TYPES),
        "icebergAllowed": True,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": changed_filters(spec, changes),
        "permissions": [],
        "permissionSets": [["SPOT"]] if show_permission_sets else [],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": list(ALLOWED_STP_MODES),
    }
    return info


def exchange_info(
    symbols: Sequence[Json],
    exchange_filters: Sequence[Json],
    now_ms: int,
    weight_per_minute: int = REQUEST_WEIGHT_PER_MINUTE,
) -> Json:
    """The whole body; `symbols` are entries made by `symbol_info`."""
    weight, *others = RATE_LIMITS
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": [{**weight, "limit": weight_per_minute}, *(dict(limit) for limit in others)],
        "exchangeFilters": list(exchange_filters),
        "symbols": list(symbols),
    }
