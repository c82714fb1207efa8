"""The matching engine without a database: accounts, books and paths as plain values, for its tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from exchanges.paper import engine
from exchanges.paper.engine import Account, Balance, BnbValue, Book, Outcome, Request, Rules, no_bnb
from exchanges.paper.listing import rules_of
from exchanges.paper.symbols import SYMBOLS

D = Decimal
RULES = {
    symbol: rules_of(symbol, SYMBOLS) for symbol in ("BTCUSDT", "ETHUSDT", "ETHBTC", "XRPBTC", "BNBUSDT", "SOLBNB")
}
PRICES = {
    "BTCUSDT": D("50000"), "ETHUSDT": D("2500"), "ETHBTC": D("0.05"), "XRPBTC": D("0.00002251"),
    "BNBUSDT": D("1000"), "SOLBNB": D("0.15"),
}  # fmt: skip
RULES = {symbol: rules_of(symbol, SYMBOLS) for symbol in PRICES}


@dataclass(frozen=True)
class Tick:
    time_ms: int
    price: Decimal
    lots: int


class ListPath:
    """A path that is a plain list, the simplest thing that can be walked along."""

    def __init__(self, ticks: Sequence[Tick]) -> None:
        self.ticks = ticks

    def at(self, index: int) -> Tick:
        return self.ticks[index]

    def next_touch(self, start: int, buy: Decimal | None, sell: Decimal | None, min_lots: int) -> int | None:
        for index in range(start, len(self.ticks)):
            tick = self.ticks[index]
            reached = (buy is not None and tick.price <= buy) or (sell is not None and tick.price >= sell)
            if reached and tick.lots >= min_lots:
                return index
        return None


def account(*, burns_bnb: bool = False, **balances: str) -> Account:
    amounts = {asset: Balance(D(amount)) for asset, amount in balances.items()}
    return Account(number=7, balances=amounts, burns_bnb=burns_bnb)


def request(
    side: str, quantity: str, price: str, symbol: str = "BTCUSDT", client_id: str = "a", **more: Any
) -> Request:
    return Request(symbol, side, D(quantity), D(price), client_id, **more)


def market(side: str, quantity: str = "0", *, quote: str = "0", client_id: str = "m") -> Request:
    """A MARKET order for a quantity, or for an amount of quote."""
    return request(side, quantity, "0", client_id=client_id, type="MARKET", quote_order_quantity=D(quote))


def book(*, bids: Sequence[tuple[str, str]] = (), asks: Sequence[tuple[str, str]] = (), step: int = 1) -> Book:
    def levels(rows: Sequence[tuple[str, str]]) -> tuple[tuple[Decimal, Decimal], ...]:
        return tuple((D(price), D(quantity)) for price, quantity in rows)

    return Book(step, levels(bids), levels(asks))


def place(
    given_account: Account,
    wanted: Request,
    offered: Book | None = None,
    now_ms: int = 1000,
    *,
    rules: Rules | None = None,
    bnb_value: BnbValue = no_bnb,
) -> Outcome:
    reference = PRICES[wanted.symbol]
    return engine.place(
        given_account, wanted, rules or RULES[wanted.symbol], offered or book(), reference, now_ms, bnb_value
    )


def walk(given_account: Account, prices: Sequence[str], lots: int = 10**9, begin: int = 2000) -> Outcome:
    path = ListPath([Tick(begin + 1000 * i, D(price), lots) for i, price in enumerate(prices)])
    return engine.advance(given_account, {"BTCUSDT": path}, RULES)
