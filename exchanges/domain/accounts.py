"""An account at an exchange: balances, what trading costs, what its key may do, and where it trades."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from botbalance.lib.money import ZERO
from exchanges.domain.orders import Side


class Venue(StrEnum):
    """Where an adapter talks to. Not what a user picks: that is ExchangeAccount.Venue."""

    PAPER = "paper"
    TESTNET = "testnet"
    MAINNET = "mainnet"


@dataclass(frozen=True, slots=True)
class Balance:
    asset: str
    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        return self.free + self.locked


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """`uid` is the exchange's number of the account; None where it tells none."""

    balances: tuple[Balance, ...]
    can_trade: bool
    maker_rate: Decimal
    taker_rate: Decimal
    uid: int | None = None


@dataclass(frozen=True, slots=True)
class Rates:
    """One kind of commission; what is charged is maker or taker, plus buyer or seller."""

    maker: Decimal = ZERO
    taker: Decimal = ZERO
    buyer: Decimal = ZERO
    seller: Decimal = ZERO

    def maker_rate(self, side: Side) -> Decimal:
        return self.maker + (self.buyer if side == Side.BUY else self.seller)

    def taker_rate(self, side: Side) -> Decimal:
        return self.taker + (self.buyer if side == Side.BUY else self.seller)


@dataclass(frozen=True, slots=True)
class Discount:
    """The reduction of the standard commission when it is paid in `asset`; `factor` as the exchange gives it."""

    enabled_for_account: bool
    enabled_for_symbol: bool
    asset: str
    factor: Decimal


@dataclass(frozen=True, slots=True)
class Commission:
    """What trading a symbol costs. Tax and special commission are added to the standard one, and never discounted."""

    standard: Rates
    special: Rates
    tax: Rates
    discount: Discount

    def maker_rate(self, side: Side) -> Decimal:
        return sum((rates.maker_rate(side) for rates in (self.standard, self.special, self.tax)), ZERO)

    def taker_rate(self, side: Side) -> Decimal:
        return sum((rates.taker_rate(side) for rates in (self.standard, self.special, self.tax)), ZERO)


@dataclass(frozen=True, slots=True)
class KeyRights:
    """What an API key may do, and whether it works from anywhere."""

    is_ip_restricted: bool
    can_read: bool
    can_trade_spot: bool
    can_withdraw: bool
    can_transfer_internally: bool
    created_ms: int


class KeySource(StrEnum):
    """Whose keys sign the requests of an account."""

    OWN = "own"
    SYSTEM = "system"
    PAPER = "paper"


class NoVenue(StrEnum):
    """Why an account cannot trade in this environment."""

    NEVER_CONTACTED = "never_contacted"
    NO_KEYS = "no_keys"


def resolve_venue(
    *, on_paper: bool, has_own_keys: bool, exchange_env: str, has_system_keys: bool
) -> tuple[Venue, KeySource] | NoVenue:
    """The venue table: where an account trades and with whose keys. System keys never reach mainnet."""
    if on_paper:
        return Venue.PAPER, KeySource.PAPER
    if exchange_env == "mock":
        return NoVenue.NEVER_CONTACTED if has_own_keys else (Venue.PAPER, KeySource.PAPER)
    if has_own_keys:
        return (Venue.MAINNET if exchange_env == "mainnet" else Venue.TESTNET), KeySource.OWN
    if exchange_env == "testnet" and has_system_keys:
        return Venue.TESTNET, KeySource.SYSTEM
    return NoVenue.NO_KEYS
