"""Converting small balances to BNB: what the exchange's own "convert small balances" does. Pure.

All that is free of an asset is given for its worth in BNB, digits past the eighth cut off, less a charge of two
percent.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from botbalance.lib.money import exact, wide
from exchanges.paper.engine.draft import Draft
from exchanges.paper.engine.state import ZERO, Account, BnbValue, Entry, Outcome, Refused, floor_amount, no_bnb

BNB, BTC = "BNB", "BTC"
MOST_BTC = Decimal("0.001")
"""What is worth more is no dust."""
CHARGE = Decimal("0.02")


@dataclass(frozen=True, slots=True)
class Dust:
    """A balance that can be converted: all that is free of it, its worth in BTC, and the BNB for it before and after
    the charge.
    """

    asset: str
    amount: Decimal
    btc: Decimal
    bnb: Decimal
    charge: Decimal

    @property
    def received(self) -> Decimal:
        return self.bnb - self.charge


def dust_of(account: Account, bnb_value: BnbValue, now_ms: int) -> list[Dust]:
    """Every balance that can be converted at this moment, by asset."""
    found = []
    for asset in sorted(account.balances):
        dust = _dust(account, asset, bnb_value, now_ms)
        if isinstance(dust, Dust):
            found.append(dust)
    return found


def convert_dust(
    account: Account, assets: Iterable[str], bnb_value: BnbValue, now_ms: int
) -> tuple[Outcome, tuple[Dust, ...]]:
    """Convert all that is free of these assets; `Refused` where one of them cannot be, and nothing is changed."""
    with exact():
        draft = Draft(account, no_bnb)
        converted = []
        for asset in assets:
            dust = _dust(account, asset, bnb_value, now_ms)
            if isinstance(dust, Refused):
                raise dust
            draft.shift(asset, -dust.amount, ZERO)
            draft.shift(BNB, dust.received, ZERO)
            entries = ((asset, "dust", -dust.amount), (BNB, "dust", dust.bnb), (BNB, "dust_charge", -dust.charge))
            draft.entries += [Entry(name, kind, amount, now_ms) for name, kind, amount in entries if amount]
            converted.append(dust)
        return draft.outcome(), tuple(converted)


def _dust(account: Account, asset: str, bnb_value: BnbValue, now_ms: int) -> Dust | Refused:
    free = account.balance(asset).free
    if free <= 0:
        return Refused(-5003, "You don't have this asset.")
    worth, btc_worth = bnb_value(asset, now_ms), bnb_value(BTC, now_ms)
    if asset == BNB or not worth or not btc_worth:
        return Refused(-5001, "Don't allow transfer to micro assets.")
    with exact():
        bnb = floor_amount(free * worth)
        if free * worth > MOST_BTC * btc_worth:
            text = f"The residual balances of the {asset} have exceeded 0.001BTC, Please re-choose."
            return Refused(-5004, text)
        if not bnb:
            return Refused(-5005, f"The residual balances of the {asset} is too low, Please re-choose.")
        charge = floor_amount(bnb * CHARGE)
    with wide():
        btc = floor_amount(free * worth / btc_worth)
    return Dust(asset, free, btc, bnb, charge)
