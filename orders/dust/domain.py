"""Balances that are too small to be traded, and why. Pure.

Amounts are quantities of the asset, worth in the account's quote.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from botbalance.lib.money import ZERO, plain, quantize
from exchanges.domain import DustConversion, ExchangeInfo
from portfolio.domain import Holding, Valuation
from strategies.domain import BNB


@dataclass(frozen=True, slots=True)
class DustRow:
    """A balance that cannot be sold by itself. `code` and `values` are a sentence of DUST_REASONS. `is_wanted`: the
    account's active strategy has a target for it, so it may become larger.
    """

    asset: str
    free: Decimal
    locked: Decimal
    worth: Decimal | None
    code: str
    values: Mapping[str, str] = field(default_factory=dict)
    is_wanted: bool = False

    @property
    def total(self) -> Decimal:
        return self.free + self.locked


def dust_of(valuation: Valuation, info: ExchangeInfo, wanted: Collection[str], kept: Collection[str]) -> list[DustRow]:
    """Every balance too small to be sold, the one of the largest worth first. `kept` are those that are to be small."""
    rows = []
    for holding in valuation.holdings:
        if holding.asset == valuation.quote or holding.asset in kept:
            continue
        found = _why(holding, valuation.quote, info)
        if found is not None:
            code, values = found
            is_wanted = holding.asset in wanted
            rows.append(
                DustRow(holding.asset, holding.free, holding.locked, holding.value, code, values, is_wanted=is_wanted)
            )
    return rows


def _why(holding: Holding, quote: str, info: ExchangeInfo) -> tuple[str, dict[str, str]] | None:
    """Why all there is of it cannot be sold; None where it can, or where its price is not known."""
    rules = info.pair(holding.asset, quote)
    if rules is None:
        return "no_pair", {"asset": holding.asset, "quote": quote}
    lot = rules.ceil_quantity(ZERO)
    if holding.total < lot:
        return "below_lot", {"symbol": rules.symbol, "asset": holding.asset, "minimum": plain(lot)}
    if holding.price is None:
        return None
    sellable = rules.floor_quantity(holding.total) * holding.price
    if sellable < rules.min_notional:
        shown = plain(quantize(sellable, 2))
        return "below_min_notional", {
            "symbol": rules.symbol,
            "quote": quote,
            "worth": shown,
            "minimum": plain(rules.min_notional),
        }
    return None


def effect_of(lines: Iterable[Mapping[str, str]]) -> dict[str, Decimal]:
    """What a conversion did to each asset, of its lines as they are stored."""
    effect: dict[str, Decimal] = {BNB: ZERO}
    for line in lines:
        effect[line["asset"]] = effect.get(line["asset"], ZERO) - Decimal(line["amount"])
        effect[BNB] += Decimal(line["received"])
    return effect


def matching(
    found: Iterable[DustConversion], assets: Collection[str], since_ms: int, known: Collection[int]
) -> DustConversion | None:
    """Of what the exchange tells of the time since a conversion was sent, the one that it must be: of these assets and
    no others, and none that is `known` already by its number. None where there is none.
    """
    wanted = set(assets)
    for conversion in sorted(found, key=lambda one: one.time_ms):
        told = {line.asset for line in conversion.lines}
        if conversion.time_ms >= since_ms and told and told <= wanted and conversion.transaction_id not in known:
            return conversion
    return None


def _(sentence: str) -> str:
    """Mark a sentence for translation; it is translated where it is shown, since a pure module knows no language."""
    return sentence


DUST_REASONS: dict[str, str] = {
    "no_pair": _("There is no {asset}/{quote} pair on this exchange."),
    "below_lot": _("Less than the smallest quantity of {symbol}, {minimum} {asset}."),
    "below_min_notional": _(
        "What of it makes whole lots is worth {worth} {quote}; the smallest {symbol} order is {minimum} {quote}."
    ),
}
