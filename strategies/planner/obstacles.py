"""Whether an asset can be traded at the moment, and why not. Pure."""

from typing import TYPE_CHECKING

from botbalance.lib.money import plain, quantize
from exchanges.domain import Price
from strategies.domain import Skip
from strategies.planner.wants import Row

if TYPE_CHECKING:
    from strategies.planner.rounds import Round


def is_usable(round_: "Round", row: Row, price: Price) -> bool:
    """Whether an asset can be traded on its price. The loop over all assets asks the same, without the call."""
    return not price.problem and row.is_trading and price.value > 0 and row.symbol not in round_.limits.jumps


def why_unusable(round_: "Round", row: Row, price: Price | None) -> Skip:
    """Why an asset cannot be traded now."""
    asset, symbol, rules, limits = row.asset, row.symbol, row.rules, round_.limits
    if rules is None:
        return Skip(asset, "no_pair", {"asset": asset, "quote": round_.quote})
    if not row.is_trading:
        return Skip(asset, "not_trading", {"symbol": symbol, "status": rules.status})
    if price is None or price.problem == "empty" or price.value <= 0:
        return Skip(asset, "no_price", {"symbol": symbol})
    if price.problem:
        return Skip(asset, "crossed_price", {"symbol": symbol})
    if symbol in limits.jumps:
        pct, minutes = plain(quantize(limits.jumps[symbol], 2)), str(limits.jump_minutes)
        return Skip(asset, "price_jump", {"symbol": symbol, "pct": pct, "minutes": minutes})
    return Skip(asset, "nothing_to_manage", {"quote": round_.quote})
