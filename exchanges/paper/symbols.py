"""What trades on the paper exchange, as data: assets with what their market is like, symbols with their rules.

Tick, lot step and minimum notional are those of the real symbols in August 2026. Price, volatility and correlation to
the market come from a year of daily candles up to 2026-01-02, as does the volume of the USDT pairs (median of 90 days);
volumes of the other pairs are estimates. Pure data and lookups: no clock, no I/O.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Asset:
    """One asset: `usd` its base price in USDT, `volatility` in percent a year, `correlation` to the market in percent.

    An asset that `follows` another one moves with it, and the two numbers describe only what it adds of its own.
    """

    code: str
    usd: Decimal
    volatility: int
    correlation: int
    follows: str = ""


@dataclass(frozen=True, slots=True)
class SymbolSpec:
    """One symbol and the numbers of its filters. Prices and notionals in `quote`, quantities in `base`."""

    base: str
    quote: str
    tick: Decimal
    step: Decimal
    min_notional: Decimal
    max_price: Decimal
    max_quantity: Decimal
    daily_usd: int
    """Usual volume of a day, in USDT: how much can be traded without waiting."""
    multiplier_up: Decimal = Decimal(5)
    multiplier_down: Decimal = Decimal("0.2")
    max_notional: Decimal = Decimal(9_000_000)
    max_orders: int = 200
    average_minutes: int = 5

    @property
    def symbol(self) -> str:
        return self.base + self.quote


# code, price in USDT, volatility and correlation in percent, followed asset
_ASSETS: tuple[tuple[str, str, int, int, str], ...] = (
    ("USDT", "1", 0, 0, ""),
    ("USDC", "0.9998", 0, 0, "USDT"),
    ("FDUSD", "0.9985", 0, 0, "USDT"),
    ("BTC", "89902.17", 42, 89, ""),
    ("ETH", "3123.8", 74, 91, ""),
    ("BNB", "882.1", 52, 79, ""),
    ("SOL", "132.14", 86, 89, ""),
    ("XRP", "2.0084", 81, 87, ""),
    ("ADA", "0.3948", 103, 89, ""),
    ("DOGE", "0.14242", 94, 94, ""),
    ("LINK", "13.29", 91, 93, ""),
    ("LTC", "81.88", 80, 82, ""),
    ("DOT", "2.155", 87, 91, ""),
    ("AVAX", "13.79", 94, 91, ""),
    ("0G", "0.985", 171, 32, ""),
    ("2Z", "0.12842", 132, 65, ""),
    ("AAVE", "165.02", 97, 83, ""),
    ("ALGO", "0.1274", 94, 90, ""),
    ("APT", "1.906", 92, 84, ""),
    ("ARB", "0.2085", 109, 89, ""),
    ("ASTER", "0.754", 153, 65, ""),
    ("ATOM", "2.165", 84, 86, ""),
    ("BARD", "0.7924", 134, 20, ""),
    ("BCH", "607.6", 74, 70, ""),
    ("BNSOL", "144.3", 1, 0, "SOL"),
    ("ETC", "12.52", 80, 88, ""),
    ("FF", "0.09609", 188, 64, ""),
    ("FIL", "1.504", 112, 74, ""),
    ("HBAR", "0.12174", 92, 83, ""),
    ("ICP", "3.155", 105, 71, ""),
    ("KITE", "0.0946", 131, 43, ""),
    ("MORPHO", "1.128", 106, 76, ""),
    ("NEAR", "1.69", 100, 87, ""),
    ("PAXG", "4343.3", 20, 4, ""),
    ("PEPE", "0.00000601", 116, 88, ""),
    ("POL", "0.1133", 82, 88, ""),
    ("PUMP", "0.002267", 152, 74, ""),
    ("QNT", "79.14", 83, 70, ""),
    ("SHIB", "0.00000813", 77, 91, ""),
    ("SUI", "1.6073", 104, 86, ""),
    ("TAO", "249.2", 107, 75, ""),
    ("TON", "1.8", 75, 76, ""),
    ("TRUMP", "5.051", 122, 66, ""),
    ("TRX", "0.2887", 39, 55, ""),
    ("UNI", "6.045", 109, 79, ""),
    ("VET", "0.0117", 90, 93, ""),
    ("WBETH", "3395.43", 1, 0, "ETH"),
    ("WBTC", "89798.71", 1, 0, "BTC"),
    ("WLFI", "0.154", 122, 67, ""),
    ("XLM", "0.2192", 81, 84, ""),
    ("XPL", "0.1953", 182, 60, ""),
    ("ZEC", "489.18", 133, 39, ""),
    ("ZKC", "0.1185", 171, 46, ""),
)

# base, quote, tick, lot step, minimum notional, highest price, largest quantity, usual volume of a day in USDT
_SYMBOLS: tuple[tuple[str, str, str, str, str, str, str, int], ...] = (
    ("BTC", "USDT", "0.01", "0.00001", "5", "1000000", "9000", 1_800_000_000),
    ("ETH", "USDT", "0.01", "0.0001", "5", "1000000", "9000", 1_700_000_000),
    ("BNB", "USDT", "0.01", "0.001", "5", "100000", "900000", 260_000_000),
    ("SOL", "USDT", "0.01", "0.001", "5", "10000", "90000", 570_000_000),
    ("XRP", "USDT", "0.0001", "0.1", "5", "10000", "9222449", 260_000_000),
    ("ADA", "USDT", "0.0001", "0.1", "5", "1000", "900000", 61_000_000),
    ("DOGE", "USDT", "0.00001", "1", "1", "1000", "9000000", 150_000_000),
    ("LINK", "USDT", "0.001", "0.01", "5", "10000", "90000", 58_000_000),
    ("LTC", "USDT", "0.01", "0.001", "5", "100000", "90000", 40_000_000),
    ("DOT", "USDT", "0.001", "0.01", "5", "10000", "90000", 17_000_000),
    ("AVAX", "USDT", "0.001", "0.01", "5", "10000", "90000", 47_000_000),
    ("0G", "USDT", "0.0001", "0.01", "5", "1000", "922327", 5_900_000),
    ("2Z", "USDT", "0.00001", "1", "5", "1000", "922327", 4_100_000),
    ("AAVE", "USDT", "0.01", "0.001", "5", "100000", "900000", 26_000_000),
    ("ALGO", "USDT", "0.0001", "1", "5", "100000", "922327", 4_300_000),
    ("APT", "USDT", "0.001", "0.01", "5", "1000", "92141578", 16_000_000),
    ("ARB", "USDT", "0.0001", "0.1", "5", "1000", "92141578", 17_000_000),
    ("ASTER", "USDT", "0.001", "0.01", "5", "1000", "922327", 140_000_000),
    ("ATOM", "USDT", "0.001", "0.01", "5", "10000", "90000", 4_900_000),
    ("BARD", "USDT", "0.0001", "0.1", "5", "1000", "922327", 2_700_000),
    ("BCH", "USDT", "0.1", "0.001", "5", "100000", "90000", 29_000_000),
    ("BNSOL", "USDT", "0.1", "0.001", "5", "10000", "922327", 1_800_000),
    ("ETC", "USDT", "0.01", "0.01", "5", "10000", "90000", 7_100_000),
    ("FF", "USDT", "0.00001", "0.1", "5", "1000", "922327", 8_800_000),
    ("FIL", "USDT", "0.0001", "0.01", "5", "10000", "9222449", 17_000_000),
    ("HBAR", "USDT", "0.00001", "1", "5", "1000", "9000000", 27_000_000),
    ("ICP", "USDT", "0.001", "0.01", "5", "100000", "922327", 14_000_000),
    ("KITE", "USDT", "0.0001", "0.1", "5", "1000", "922327", 7_700_000),
    ("MORPHO", "USDT", "0.001", "0.01", "5", "1000", "922327", 2_900_000),
    ("NEAR", "USDT", "0.001", "0.1", "5", "1000", "900000", 29_000_000),
    ("PAXG", "USDT", "0.01", "0.0001", "5", "1000000", "9000", 39_000_000),
    ("PEPE", "USDT", "0.00000001", "1", "1", "0.1", "92233720368", 48_000_000),
    ("POL", "USDT", "0.00001", "0.1", "5", "1000", "922327", 7_900_000),
    ("PUMP", "USDT", "0.000001", "1", "5", "1000", "92233720", 40_000_000),
    ("QNT", "USDT", "0.01", "0.001", "5", "100000", "922327", 2_500_000),
    ("SHIB", "USDT", "0.00000001", "1", "1", "1", "46116860414", 10_000_000),
    ("SUI", "USDT", "0.0001", "0.1", "5", "1000", "92141578", 87_000_000),
    ("TAO", "USDT", "0.1", "0.0001", "5", "100000", "922327", 41_000_000),
    ("TON", "USDT", "0.001", "0.01", "5", "1000", "92141578", 12_000_000),
    ("TRUMP", "USDT", "0.001", "0.001", "1", "1000", "922327", 19_000_000),
    ("TRX", "USDT", "0.0001", "0.1", "5", "1000", "9000000", 74_000_000),
    ("UNI", "USDT", "0.001", "0.01", "5", "10000", "90000", 27_000_000),
    ("VET", "USDT", "0.000001", "0.1", "5", "1000", "9000000", 3_700_000),
    ("WBETH", "USDT", "0.01", "0.0001", "5", "999996", "92233", 2_600_000),
    ("WBTC", "USDT", "0.01", "0.00001", "5", "1000000", "9000", 7_500_000),
    ("WLFI", "USDT", "0.0001", "0.1", "5", "1000", "922327", 20_000_000),
    ("XLM", "USDT", "0.0001", "1", "5", "1000", "9000000", 13_000_000),
    ("XPL", "USDT", "0.00001", "0.1", "5", "1000", "922327", 48_000_000),
    ("ZEC", "USDT", "0.01", "0.001", "5", "100000", "90000", 240_000_000),
    ("ZKC", "USDT", "0.0001", "0.1", "5", "1000", "922327", 3_000_000),
    ("BTC", "USDC", "0.01", "0.00001", "5", "1000000", "9000", 400_000_000),
    ("ETH", "USDC", "0.01", "0.0001", "5", "1000000", "9000", 350_000_000),
    ("BNB", "USDC", "0.01", "0.001", "5", "100000", "900000", 30_000_000),
    ("SOL", "USDC", "0.01", "0.001", "5", "10000", "90000", 80_000_000),
    ("BTC", "FDUSD", "0.01", "0.00001", "5", "1000000", "9000", 300_000_000),
    ("ETH", "FDUSD", "0.01", "0.0001", "5", "1000000", "9000", 150_000_000),
    ("BNB", "FDUSD", "0.01", "0.001", "5", "100000", "900000", 15_000_000),
    ("SOL", "FDUSD", "0.01", "0.001", "5", "10000", "90000", 20_000_000),
    ("USDC", "USDT", "0.00001", "1", "5", "1000", "10000000", 1_200_000_000),
    ("FDUSD", "USDT", "0.0001", "1", "5", "1000", "10000000", 150_000_000),
    ("ETH", "BTC", "0.00001", "0.0001", "0.0001", "922327", "100000", 60_000_000),
    ("BNB", "BTC", "0.000001", "0.001", "0.0001", "100000", "100000", 15_000_000),
    ("SOL", "BTC", "0.0000001", "0.001", "0.0001", "1000", "90000000", 15_000_000),
    ("XRP", "BTC", "0.00000001", "0.1", "0.0001", "1000", "90000000", 10_000_000),
    ("LTC", "BTC", "0.000001", "0.001", "0.0001", "100000", "100000", 3_000_000),
    ("ADA", "BTC", "0.00000001", "0.1", "0.0001", "1000", "90000000", 3_000_000),
    ("LINK", "BTC", "0.0000001", "0.01", "0.0001", "1000", "90000000", 3_000_000),
    ("DOGE", "BTC", "0.00000001", "1", "0.0001", "1000", "90000000", 5_000_000),
    ("DOT", "BTC", "0.00000001", "0.01", "0.0001", "1000", "90000000", 1_000_000),
    ("AVAX", "BTC", "0.0000001", "0.01", "0.0001", "1000", "90000000", 2_000_000),
    ("BNB", "ETH", "0.0001", "0.001", "0.001", "1000", "9000000", 2_000_000),
    ("SOL", "ETH", "0.00001", "0.001", "0.001", "1000", "92141578", 2_000_000),
    ("ADA", "ETH", "0.0000001", "0.1", "0.001", "1000", "90000000", 1_000_000),
    ("XRP", "ETH", "0.0000001", "0.1", "0.001", "1000", "90000000", 1_000_000),
    ("LINK", "ETH", "0.000001", "0.01", "0.001", "1000", "92141578", 1_000_000),
    ("LTC", "ETH", "0.00001", "0.001", "0.001", "1000", "9000000", 1_000_000),
    ("SOL", "BNB", "0.0001", "0.001", "0.01", "1000", "9000000", 1_000_000),
    ("XRP", "BNB", "0.0000001", "0.1", "0.01", "1000", "9000000", 1_000_000),
    ("ADA", "BNB", "0.000001", "0.1", "0.01", "1000", "9000000", 1_000_000),
    ("LTC", "BNB", "0.0001", "0.001", "0.01", "1000", "900000", 1_000_000),
)

# A stablecoin against a stablecoin is held to a narrower band than the rest.
_STABLE = frozenset({"USDT", "USDC", "FDUSD"})


def _spec(row: tuple[str, str, str, str, str, str, str, int]) -> SymbolSpec:
    base, quote, tick, step, min_notional, max_price, max_quantity, daily_usd = row
    narrow = base in _STABLE and quote in _STABLE
    return SymbolSpec(
        base=base,
        quote=quote,
        tick=Decimal(tick),
        step=Decimal(step),
        min_notional=Decimal(min_notional),
        max_price=Decimal(max_price),
        max_quantity=Decimal(max_quantity),
        daily_usd=daily_usd,
        multiplier_up=Decimal("1.2") if narrow else Decimal(5),
        multiplier_down=Decimal("0.8") if narrow else Decimal("0.2"),
    )


ASSETS: Mapping[str, Asset] = MappingProxyType(
    {code: Asset(code, Decimal(usd), vol, corr, follows) for code, usd, vol, corr, follows in _ASSETS}
)
SYMBOLS: Mapping[str, SymbolSpec] = MappingProxyType({spec.symbol: spec for spec in map(_spec, _SYMBOLS)})

QUOTES = ("USDT", "USDC", "FDUSD", "BTC", "ETH", "BNB")


def split_symbol(symbol: str) -> tuple[str, str] | None:
    """Base and quote of a symbol by the known quote assets; None when it ends in none of them."""
    for quote in QUOTES:
        if symbol.endswith(quote) and symbol != quote:
            return symbol[: -len(quote)], quote
    return None
