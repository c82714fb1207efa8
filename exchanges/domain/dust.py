"""Small balances that an exchange converts to BNB."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class DustLine:
    """A balance that can be, or was, converted: what is given of it, the BNB that is received, and the charge that has
    been taken from that already, in BNB.
    """

    asset: str
    amount: Decimal
    received: Decimal
    charge: Decimal


@dataclass(frozen=True, slots=True)
class DustConversion:
    """A conversion as the exchange has made it; `transaction_id` is its number of it."""

    transaction_id: int
    time_ms: int
    lines: tuple[DustLine, ...]
