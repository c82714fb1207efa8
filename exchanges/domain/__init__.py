"""Values of an exchange as frozen Decimal types. Pure: no Django, no clock, no network.

Units: prices in the symbol's quote asset per one base asset, quantities in the base asset, notional in the quote
asset, times in UTC milliseconds since 1970, commission rates as fractions (0.001 is 0.1 %).
"""

from exchanges.domain.accounts import (
    AccountInfo,
    Balance,
    Commission,
    Discount,
    KeyRights,
    KeySource,
    NoVenue,
    Rates,
    Venue,
    resolve_venue,
)
from exchanges.domain.dust import DustConversion, DustLine
from exchanges.domain.orders import (
    CancelReplaceMode,
    CancelReplaceReport,
    NewOrder,
    OrderFacts,
    OrderReport,
    RateLimitMode,
    Side,
    Step,
    StepResult,
    TradeReport,
)
from exchanges.domain.prices import BookLevel, BookTicker, Candle, Depth, Price, PriceSnapshot
from exchanges.domain.rules import ExchangeInfo, RateLimit, SymbolRules

STABLECOINS = ("USDT", "USDC", "FDUSD", "TUSD", "DAI", "BUSD", "USDP", "USD1")

__all__ = [
    "STABLECOINS",
    "AccountInfo",
    "Balance",
    "BookLevel",
    "BookTicker",
    "CancelReplaceMode",
    "CancelReplaceReport",
    "Candle",
    "Commission",
    "Depth",
    "Discount",
    "DustConversion",
    "DustLine",
    "ExchangeInfo",
    "KeyRights",
    "KeySource",
    "NewOrder",
    "NoVenue",
    "OrderFacts",
    "OrderReport",
    "Price",
    "PriceSnapshot",
    "RateLimit",
    "RateLimitMode",
    "Rates",
    "Side",
    "Step",
    "StepResult",
    "SymbolRules",
    "TradeReport",
    "Venue",
    "resolve_venue",
]
