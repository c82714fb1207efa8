"""Realised and unrealised profit of every asset, from its tax lots. Exact decimals, pure.

Fees are in these figures already (in costs and proceeds, see `lots`) and are shown apart only to be seen. Of a history
whose every cost and value is known, everything adds up: what the account is worth, less what was put in, is the sum of
realised, unrealised and moved gains.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from botbalance.lib.money import ZERO, exact, quantize, wide
from portfolio.performance.lots import PLACES, ClosedLot, Kind, OpenLot


@dataclass(frozen=True, slots=True)
class AssetProfit:
    """One asset, in the currency of account.

    Held now: `quantity`, of it `unknown_quantity` without a known cost; `cost` and `value` are those of the rest, the
    value None without a price, and `unrealised` is the value less the cost. Gone: `realised` is what sales and fees
    paid in this asset gained, `moved_gain` how much more than they had cost withdrawn coins were worth; both of what is
    known, and `unknown_gone` is the quantity whose gain is not. `fees`: commissions of trades in this asset.
    `is_estimated`: a market value stands somewhere in place of a price that was paid, or a fee could not be valued.
    """

    asset: str
    quantity: Decimal
    unknown_quantity: Decimal
    cost: Decimal
    value: Decimal | None
    unrealised: Decimal | None
    realised: Decimal
    moved_gain: Decimal
    unknown_gone: Decimal
    fees: Decimal
    is_estimated: bool


def profit_by_asset(
    closed: Iterable[ClosedLot],
    open_lots: Iterable[OpenLot],
    prices: Mapping[str, Decimal],
    fees: Mapping[str, Decimal] | None = None,
) -> tuple[AssetProfit, ...]:
    """The profit of every asset that has or had lots, or cost fees, by name. `prices`: what one of an asset is worth
    now, in the currency of account; an asset without a price is missing there.
    """
    sums: dict[str, _Sums] = {}
    with exact():
        for line in closed:
            sums.setdefault(line.asset, _Sums()).close(line)
        for lot in open_lots:
            sums.setdefault(lot.asset, _Sums()).keep(lot)
    for asset in fees or {}:
        sums.setdefault(asset, _Sums())
    return tuple(
        row.result(asset, prices.get(asset), (fees or {}).get(asset, ZERO)) for asset, row in sorted(sums.items())
    )


@dataclass(slots=True)
class _Sums:
    quantity: Decimal = ZERO
    unknown_quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    moved_gain: Decimal = ZERO
    unknown_gone: Decimal = ZERO
    is_estimated: bool = False

    def close(self, line: ClosedLot) -> None:
        value = line.moved_value if line.kind == Kind.MOVED else line.proceeds
        if value is None or line.cost is None:
            self.unknown_gone += line.quantity
        elif line.kind == Kind.MOVED:
            self.moved_gain += value - line.cost
        else:
            self.realised += value - line.cost
        self.is_estimated |= line.is_estimated

    def keep(self, lot: OpenLot) -> None:
        self.quantity += lot.quantity
        if lot.cost is None:
            self.unknown_quantity += lot.quantity
        else:
            self.cost += lot.cost
        self.is_estimated |= lot.is_estimated

    def result(self, asset: str, price: Decimal | None, fees: Decimal) -> AssetProfit:
        value = unrealised = None
        if price is not None:
            with wide():
                value = quantize((self.quantity - self.unknown_quantity) * price, PLACES)
            with exact():
                unrealised = value - self.cost
        elif self.quantity == self.unknown_quantity:
            value = unrealised = ZERO
        return AssetProfit(
            asset,
            self.quantity,
            self.unknown_quantity,
            self.cost,
            value,
            unrealised,
            self.realised,
            self.moved_gain,
            self.unknown_gone,
            fees,
            self.is_estimated,
        )
