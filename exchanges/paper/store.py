"""Rows to engine and back, under one lock per account.

Everything of an account changes inside one transaction that holds the account's row (on SQLite: the database's write
lock, which BEGIN IMMEDIATE takes). The market acts lazily: whoever opens an account first lets it walk up to now.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.db import transaction

from botbalance.lib.clock import now_ms
from botbalance.lib.money import exact, plain, quantize, wide
from exchanges.paper import engine, order_counts
from exchanges.paper.engine import Account, Balance, Order, Outcome, Rules, Sequence
from exchanges.paper.engine.dust import Dust, convert_dust, dust_of
from exchanges.paper.listing import rules_of
from exchanges.paper.market import Control, ControlledMarket, Market
from exchanges.paper.models import (
    OPEN_STATUSES,
    PaperAccount,
    PaperBalance,
    PaperDust,
    PaperLedger,
    PaperOrder,
    PaperSequence,
    PaperTrade,
    SymbolControl,
)
from exchanges.paper.symbols import SYMBOLS

ALIAS = "paper"
_CHUNK_MS = 6 * 3_600_000  # the market walks in stretches, so that a long absence needs little memory
_BNB_PLACES = 18  # decimals of what an asset is worth in BNB
_REMEMBER_MS = 60_000  # an uneventful walk is written down this often; until then it is simply walked again


def controlled(market: Market) -> ControlledMarket:
    """The market under the operator's controls, as they are now."""
    rows = SymbolControl.objects.using(ALIAS).order_by("since_ms", "id")
    return ControlledMarket(
        market, [Control(row.symbol, row.since_ms, row.status, row.price, row.filters) for row in rows]
    )


class OpenAccount:
    """An account in hand: its row is locked, its state is of the moment `now_ms`. Only `apply` changes it.

    `clock_ms` is when the lock was had; deadlines are held against it.
    """

    def __init__(
        self, row: PaperAccount, market: ControlledMarket, state: Account, clock_ms: int, market_ms: int
    ) -> None:
        self.row = row
        self.market = market
        self.state = state
        self.clock_ms = clock_ms
        self.now_ms = max(market_ms, row.advanced_ms)
        self._dirty = False

    def rules(self, symbol: str) -> Rules:
        market, now = self.market, self.now_ms
        return rules_of(symbol, market.symbols, market.filters(symbol, now), market.exchange_filters(now))

    def reference(self, symbol: str) -> Decimal:
        """The average price that filters compare with."""
        return self.market.average(symbol, self.now_ms)

    def check(self, request: engine.Request) -> None:
        """Raise `Refused` for what keeps an order from the matching engine, without placing it."""
        with exact():
            engine.check(request, self.rules(request.symbol), self.reference(request.symbol))

    def place(self, request: engine.Request) -> Outcome:
        """Place an order at this moment; `Refused` leaves everything as it was."""
        symbol = request.symbol
        depth = self.market.depth(symbol, self.now_ms)
        book = engine.Book(depth.step, depth.bids, depth.asks)
        outcome = engine.place(
            self.state, request, self.rules(symbol), book, self.reference(symbol), self.now_ms, self._bnb_value
        )
        self.apply(outcome)
        return outcome

    def amend(self, symbol: str, order_id: int, quantity: Decimal, client_order_id: str) -> Order:
        """Make an open order smaller; `Refused` leaves everything as it was."""
        outcome = engine.amend(self.state, symbol, order_id, quantity, client_order_id, self.rules(symbol), self.now_ms)
        self.apply(outcome)
        return outcome.orders[0]

    def _bnb_value(self, asset: str, time_ms: int) -> Decimal:
        """What one unit of `asset` is worth in BNB by the last prices against USDT; 0 where one of them is missing."""
        if asset == "BNB":
            return Decimal(1)
        worth = Decimal(1) if asset == "USDT" else self._last(f"{asset}USDT", time_ms)
        bnb = self._last("BNBUSDT", time_ms)
        with wide():
            return quantize(worth / bnb, _BNB_PLACES) if bnb else Decimal(0)

    def _last(self, symbol: str, time_ms: int) -> Decimal:
        return self.market.quote(symbol, time_ms).last if symbol in self.market.symbols else Decimal(0)

    def cancel(self, symbol: str, order_id: int) -> Order:
        outcome = engine.cancel(self.state, symbol, order_id, self.rules(symbol), self.now_ms)
        self.apply(outcome)
        return outcome.orders[0]

    def dust(self) -> list[Dust]:
        """Small balances that can be converted to BNB now."""
        return dust_of(self.state, self._bnb_value, self.now_ms)

    def convert_dust(self, assets: list[str]) -> list[PaperDust]:
        """Convert all that is free of these; `Refused` leaves everything as it was."""
        outcome, converted = convert_dust(self.state, assets, self._bnb_value, self.now_ms)
        done = PaperDust.objects.using(ALIAS).filter(account=self.row)
        number = self.state.identity(done.values("transaction_id").distinct().count() + 1)
        self.apply(outcome)
        rows = [
            PaperDust(
                account=self.row,
                transaction_id=number,
                asset=dust.asset,
                amount=dust.amount,
                received=dust.received,
                charge=dust.charge,
                time_ms=self.now_ms,
            )
            for dust in converted
        ]
        return PaperDust.objects.using(ALIAS).bulk_create(rows)

    def move(self, asset: str, amount: Decimal, kind: str) -> None:
        self.apply(engine.move(self.state, asset, amount, kind, self.now_ms))

    def apply(self, outcome: Outcome) -> None:
        """Write what the outcome changed, and nothing else."""
        before, after, row = self.state, outcome.account, self.row
        balances = [
            PaperBalance(account=row, asset=asset, free=balance.free, locked=balance.locked)
            for asset, balance in after.balances.items()
            if before.balances.get(asset) != balance
        ]
        sequences = [
            PaperSequence(account=row, symbol=symbol, **_columns(sequence, _SEQUENCE_COLUMNS))
            for symbol, sequence in after.sequences.items()
            if before.sequences.get(symbol) != sequence
        ]
        orders = [PaperOrder(account=row, **_columns(order, _ORDER_COLUMNS)) for order in outcome.orders]
        _upsert(PaperBalance, balances, ["account", "asset"], ["free", "locked"])
        _upsert(PaperSequence, sequences, ["account", "symbol"], _SEQUENCE_COLUMNS)
        _upsert(
            PaperOrder,
            orders,
            ["account", "symbol", "order_id"],
            _CHANGING_COLUMNS,
        )
        PaperTrade.objects.using(ALIAS).bulk_create(
            [PaperTrade(account=row, **_columns(trade, _TRADE_COLUMNS)) for trade in outcome.trades]
        )
        PaperLedger.objects.using(ALIAS).bulk_create(
            [PaperLedger(account=row, **_columns(entry, _ENTRY_COLUMNS)) for entry in outcome.entries]
        )
        order_counts.refund(row, before, outcome)
        self.state = after
        if outcome.orders or outcome.entries:
            row.updated_ms = max(row.updated_ms, *(order.update_ms for order in outcome.orders), *_times(outcome))
            self._dirty = True

    def touch(self) -> None:
        """The row itself was changed by its holder: write it at the end."""
        self._dirty = True

    def _walk(self) -> None:
        """Let the market act on the open orders up to now."""
        at = self.row.advanced_ms
        while at < self.now_ms and self.state.open_orders:
            until = min(self.now_ms, at + _CHUNK_MS)
            symbols = {symbol for symbol, _ in self.state.open_orders if symbol in self.market.symbols}
            delisted = {symbol: self.market.delisted_ms(symbol, at, until) for symbol in symbols}
            until = min([until, *(moment for moment in delisted.values() if moment is not None)])
            paths = {symbol: self.market.path(symbol, at, until) for symbol in symbols}
            rules = {symbol: self.rules(symbol) for symbol in symbols}
            outcome = engine.advance(self.state, paths, rules, self._bnb_value)
            if outcome.orders:
                self.apply(outcome)
            for symbol, order_id in list(self.state.open_orders):
                if delisted.get(symbol) == until:
                    self.apply(engine.expire(self.state, symbol, order_id, rules[symbol], until))
            at = until
        # Without open orders there is nothing to remember: the next order starts at its own moment.
        self._dirty |= bool(self.state.open_orders) and self.now_ms - self.row.advanced_ms >= _REMEMBER_MS
        self.row.advanced_ms = self.now_ms

    def _save(self) -> None:
        if self._dirty:
            # All but the keys: a secret is written once, when the account is opened.
            self.row.save(using=ALIAS, update_fields=_ROW_COLUMNS)


@contextmanager
def opened(account_id: int, market: Market, symbol: str = "") -> Iterator[OpenAccount]:
    """Lock an account, bring it up to date, and write what its holder changes; all or nothing.

    `symbol` is what the holder is about to trade, if anything.
    """
    fetched_ms = _fetch_ahead(account_id, market, symbol) if market.is_remote else None
    with transaction.atomic(using=ALIAS):
        row = PaperAccount.objects.using(ALIAS).select_for_update().get(pk=account_id)
        # Read the clock under the lock: the time of an account's events never runs backwards. What has been fetched is
        # of its own moment; who held the lock in between was later, and then so is this account.
        clock = now_ms()
        held = OpenAccount(row, controlled(market), _load(row), clock, fetched_ms or clock)
        held._walk()
        yield held
        held._save()


def _fetch_ahead(account_id: int, market: Market, symbol: str) -> int:
    """Ask a remote market, before any lock is held, for what the account will need; the moment it was asked about.

    A lock must not be held over a network: on SQLite it is everybody's.
    """
    clock = now_ms()
    ahead = controlled(market)
    row = PaperAccount.objects.using(ALIAS).get(pk=account_id)
    waiting = PaperOrder.objects.using(ALIAS).filter(account=row, status__in=OPEN_STATUSES)
    for each in {*waiting.values_list("symbol", flat=True)} & ahead.symbols.keys():
        # In the very pieces that the walk asks for.
        at = row.advanced_ms
        while at < clock:
            ahead.path(each, at, min(clock, at + _CHUNK_MS))
            at += _CHUNK_MS
    if symbol in ahead.symbols:
        ahead.depth(symbol, clock)
        ahead.average(symbol, clock)
    return clock


def _load(row: PaperAccount) -> Account:
    balances = PaperBalance.objects.using(ALIAS).filter(account=row)
    sequences = PaperSequence.objects.using(ALIAS).filter(account=row)
    orders = PaperOrder.objects.using(ALIAS).filter(account=row, status__in=OPEN_STATUSES).order_by("id")
    return Account(
        number=row.pk,
        balances={each.asset: Balance(each.free, each.locked) for each in balances},
        open_orders={(each.symbol, each.order_id): order_of(each) for each in orders},
        sequences={
            each.symbol: Sequence(each.orders, each.trades, each.book_step, each.bought, each.sold)
            for each in sequences
        },
        maker_rate=row.maker_rate,
        taker_rate=row.taker_rate,
        burns_bnb=row.burns_bnb,
    )


def order_of(row: PaperOrder) -> Order:
    """The engine's order of a row."""
    return Order(**_columns(row, _ORDER_COLUMNS))


def audit(account_id: int) -> list[str]:
    """Differences between the balances and what ledger, open orders and trades say they must be; empty when right."""
    found: list[str] = []
    with transaction.atomic(using=ALIAS), exact():
        row = PaperAccount.objects.using(ALIAS).select_for_update().get(pk=account_id)
        state = _load(row)
        sums: dict[str, Decimal] = {}
        for asset, amount in PaperLedger.objects.using(ALIAS).filter(account=row).values_list("asset", "amount"):
            sums[asset] = sums.get(asset, Decimal(0)) + amount
        rules = {symbol: rules_of(symbol, SYMBOLS) for symbol, _ in state.open_orders}
        locks = engine.required_locks(state.open_orders.values(), rules)
        for asset in sorted({*sums, *state.balances, *locks}):
            balance = state.balance(asset)
            _compare(found, f"{asset} total", balance.total, sums.get(asset, Decimal(0)))
            _compare(found, f"{asset} locked", balance.locked, locks.get(asset, Decimal(0)))
            if balance.free < 0 or balance.locked < 0:
                found.append(f"{asset} is negative: free {plain(balance.free)}, locked {plain(balance.locked)}")
        traded: dict[tuple[str, int], tuple[Decimal, Decimal]] = {}
        for trade in PaperTrade.objects.using(ALIAS).filter(account=row):
            key = (trade.symbol, trade.order_id)
            base, quote = traded.get(key, (Decimal(0), Decimal(0)))
            traded[key] = (base + trade.quantity, quote + trade.quote_quantity)
        for order in PaperOrder.objects.using(ALIAS).filter(account=row):
            base, quote = traded.pop((order.symbol, order.order_id), (Decimal(0), Decimal(0)))
            _compare(found, f"{order.symbol} order {order.order_id} executed", order.executed, base)
            _compare(found, f"{order.symbol} order {order.order_id} quote", order.quote_executed, quote)
        found.extend(f"{symbol} trades of an unknown order {order_id}" for symbol, order_id in traded)
    return found


def _compare(found: list[str], what: str, kept: Decimal, computed: Decimal) -> None:
    if kept != computed:
        found.append(f"{what}: kept {plain(kept)}, computed {plain(computed)}")


_ROW_COLUMNS = [
    "is_closed", "updated_ms", "advanced_ms", "window_10s", "orders_10s", "window_1d", "orders_1d",
]  # fmt: skip
_SEQUENCE_COLUMNS = ["orders", "trades", "book_step", "bought", "sold"]
_ORDER_COLUMNS = [
    "symbol", "order_id", "client_order_id", "side", "type", "time_in_force", "stp_mode", "price", "quantity",
    "iceberg_quantity", "quote_order_quantity", "strategy_id", "strategy_type", "executed", "quote_executed",
    "amendments", "expiry_reason", "status", "time_ms", "update_ms",
]  # fmt: skip
_CHANGING_COLUMNS = [
    "client_order_id", "quantity", "iceberg_quantity", "executed", "quote_executed", "amendments", "expiry_reason",
    "status", "update_ms",
]  # fmt: skip
_TRADE_COLUMNS = [
    "symbol", "trade_id", "order_id", "price", "quantity", "quote_quantity", "commission", "commission_asset",
    "time_ms", "is_buyer", "is_maker",
]  # fmt: skip
_ENTRY_COLUMNS = ["asset", "kind", "amount", "time_ms", "symbol", "trade_id"]


def _columns(source: object, names: list[str]) -> dict[str, Any]:
    return {name: getattr(source, name) for name in names}


def _times(outcome: Outcome) -> list[int]:
    return [entry.time_ms for entry in outcome.entries]


def _upsert(model: type[Any], rows: list[Any], unique: list[str], update: list[str]) -> None:
    if rows:
        model.objects.using(ALIAS).bulk_create(rows, update_conflicts=True, unique_fields=unique, update_fields=update)
