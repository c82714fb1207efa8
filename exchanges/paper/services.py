"""The doors of the paper exchange for the rest of the product. Trading itself goes over the wire, as on a real one."""

import functools
import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.db import connections, transaction
from django.db.migrations.executor import MigrationExecutor

from botbalance.lib.clock import now_ms
from botbalance.lib.errors import Invalid, NotFound
from botbalance.lib.money import is_multiple
from exchanges.ledger import services as ledger
from exchanges.paper import store
from exchanges.paper.controls import exchange_filter_changes, filter_changes
from exchanges.paper.exchange_info import Json
from exchanges.paper.keys import load as load_public_key
from exchanges.paper.listing import entry_at
from exchanges.paper.market import Control, LiveMarket, Market, ReplayMarket, WalkMarket
from exchanges.paper.market.controlled import DELISTED, EXCHANGE
from exchanges.paper.models import PaperAccount, SymbolControl
from exchanges.paper.symbols import ASSETS

BASE_URL = "https://paper.botbalance.invalid"
"""Where a client finds the paper exchange: a transport is mounted there, nothing goes over the network."""

COMMISSION = Decimal("0.001")
STATUSES = ("TRADING", "END_OF_DAY", "HALT", "BREAK", "CANCEL_ONLY", DELISTED)
_ALPHABET = string.ascii_letters + string.digits
_MAX_AMOUNT = Decimal(10) ** 18


@dataclass(frozen=True, slots=True)
class PaperKeys:
    """An API key and its secret, 64 letters and digits each."""

    api_key: str
    api_secret: str

    def __repr__(self) -> str:
        return f"PaperKeys(…{self.api_key[-4:]})"


def open_account(
    label: str,
    balances: Mapping[str, Decimal],
    *,
    keys: PaperKeys | None = None,
    public_key: str = "",
    burns_bnb: bool = False,
) -> PaperKeys:
    """A new account with these free balances. `keys` fixes the key pair; otherwise it is drawn at random. With a
    `public_key` (PEM, RSA or Ed25519) its requests are signed with that key, and there is no secret. `burns_bnb`:
    commission is taken in BNB while there is enough of it.

    Raises Invalid for an unknown asset, an amount that is negative, not finite, too much, or finer than eight decimals,
    or a text that is no such key.
    """
    amounts = _amounts(balances)
    keys = keys or PaperKeys(_token(), "" if public_key else _token())
    if public_key:
        try:
            load_public_key(public_key)
        except ValueError as error:
            text = str(error)
            raise Invalid(f"The public key cannot be used: {text}.", fields={"public_key": [text]}) from None
    now = now_ms()
    with transaction.atomic(using=store.ALIAS):
        row = PaperAccount.objects.using(store.ALIAS).create(
            label=label[:200],
            api_key=keys.api_key,
            api_secret=keys.api_secret,
            public_key=public_key,
            burns_bnb=burns_bnb,
            maker_rate=COMMISSION,
            taker_rate=COMMISSION,
            created_ms=now,
            updated_ms=now,
            advanced_ms=now,
        )
        with store.opened(row.pk, default_market()) as account:
            for asset, amount in amounts.items():
                if amount:
                    account.move(asset, amount, "deposit")
    return keys


def reset_account(api_key: str, balances: Mapping[str, Decimal]) -> None:
    """Cancel the open orders and set the balances; assets not named are emptied. Ledger, orders and trades are kept."""
    amounts = _amounts(balances)
    with store.opened(_account(api_key).pk, default_market()) as account:
        for symbol, order_id in list(account.state.open_orders):
            account.cancel(symbol, order_id)
        for asset in sorted({*account.state.balances, *amounts}):
            difference = amounts.get(asset, Decimal(0)) - account.state.balance(asset).free
            if difference:
                account.move(asset, difference, "reset")


def deposit(api_key: str, asset: str, amount: Decimal) -> None:
    """Add to what is free."""
    (amount,) = _amounts({asset: amount}).values()
    if not amount:
        raise Invalid("A deposit must be greater than 0.", fields={"amount": ["Must be greater than 0."]})
    with store.opened(_account(api_key).pk, default_market()) as account:
        account.move(asset, amount, "deposit")


def withdraw(api_key: str, asset: str, amount: Decimal) -> None:
    """Take from what is free; Invalid when it is not there."""
    (amount,) = _amounts({asset: amount}).values()
    if not amount:
        raise Invalid("A withdrawal must be greater than 0.", fields={"amount": ["Must be greater than 0."]})
    with store.opened(_account(api_key).pk, default_market()) as account:
        if account.state.balance(asset).free < amount:
            raise Invalid(f"Less than {amount:f} {asset} is free.", fields={"amount": ["More than is free."]})
        account.move(asset, -amount, "withdrawal")


def close_account(api_key: str) -> None:
    """Cancel the open orders and refuse the key from now on. The books are kept."""
    with store.opened(_account(api_key).pk, default_market()) as account:
        for symbol, order_id in list(account.state.open_orders):
            account.cancel(symbol, order_id)
        account.row.is_closed = True
        account.touch()


def audit_account(api_key: str) -> list[str]:
    """Differences between the balances and the ledger, the open orders and the trades; empty when all is right."""
    return store.audit(_account(api_key, closed=True).pk)


def symbol_control(
    symbol: str,
    *,
    status: str = "TRADING",
    price: Decimal | None = None,
    filters: Mapping[str, Mapping[str, object]] | None = None,
) -> None:
    """From now on `symbol` has this status, is held at `price` (0: it has none; None: the market's own), and its
    filters say what `filters` does instead of their own, as {"LOT_SIZE": {"stepSize": "0.001"}}.

    Without arguments it is given back to the market. DELISTED takes it out of every list. The symbol * is the whole
    exchange, which has filters only. Raises Invalid for a symbol, status, price, filter or field that does not exist.
    """
    if symbol == EXCHANGE:
        if status != "TRADING" or price is not None:
            raise Invalid("The whole exchange has filters only.", fields={"status": ["A symbol is needed."]})
        _control(symbol, status, price, lambda: exchange_filter_changes(filters or {}))
        return
    if symbol not in default_market().symbols:
        raise Invalid(f"{symbol} does not trade here.", fields={"symbol": ["Unknown symbol."]})
    if status not in STATUSES:
        raise Invalid(f"{status} is no status.", fields={"status": [f"One of {', '.join(STATUSES)}."]})
    highest = default_market().symbols[symbol].max_price
    if price is not None and not (price.is_finite() and 0 <= price <= highest):
        text = f"The price must be from 0 to {highest:f}."
        raise Invalid(text, fields={"price": [text]})
    _control(symbol, status, price, lambda: filter_changes(default_market().symbols[symbol], filters or {}))


def _control(
    symbol: str, status: str, price: Decimal | None, changes: Callable[[], Mapping[str, Mapping[str, object]]]
) -> None:
    try:
        checked = changes()
    except ValueError as error:
        raise Invalid(str(error), fields={"filters": [str(error)]}) from None
    SymbolControl.objects.using(store.ALIAS).create(
        symbol=symbol, since_ms=now_ms(), status=status, price=price, filters=checked
    )


def control_of(symbol: str) -> Control:
    """What an operator has last said of a symbol, or of * (the whole exchange); NotFound where it does not trade."""
    if symbol != EXCHANGE and symbol not in default_market().symbols:
        raise NotFound(f"{symbol} does not trade here.")
    row = SymbolControl.objects.using(store.ALIAS).filter(symbol=symbol).order_by("since_ms", "id").last()
    return Control(symbol, row.since_ms, row.status, row.price, row.filters) if row else Control(symbol, 0, "TRADING")


@dataclass(frozen=True, slots=True)
class SymbolState:
    """A symbol as it is now: its status, its last price, and its filters as exchangeInfo lists them."""

    status: str
    last: Decimal
    filters: list[Json]


def exchange_filters() -> list[Json]:
    """The filters of the whole exchange, as exchangeInfo lists them."""
    return store.controlled(default_market()).exchange_filters(now_ms())


def symbol_state(symbol: str) -> SymbolState:
    """What clients see of a symbol that trades here."""
    market, now = store.controlled(default_market()), now_ms()
    entry = entry_at(market, symbol, now)
    return SymbolState(market.status(symbol, now), market.quote(symbol, now).last, entry["filters"])


def tables_are_missing() -> bool:
    """Whether the paper exchange's database has yet to be made or brought up to date (manage.py prepare)."""
    executor = MigrationExecutor(connections[store.ALIAS])
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes("paper")))


def market_description() -> str:
    """For people: which market the paper exchange trades at."""
    return default_market().description


def default_market() -> Market:
    """The market of the settings: one per process, and a new one when the settings are others."""
    return _market(
        settings.PAPER_MARKET,
        settings.PAPER_SEED,
        settings.PAPER_SPEED,
        settings.PAPER_REPLAY_START,
        settings.PAPER_REPLAY_EPOCH,
        settings.PAPER_LIVE_URL,
    )


@functools.lru_cache(maxsize=4)
def _market(kind: str, seed: int, speed: Decimal, start: str, epoch: str, live_url: str) -> Market:
    if kind == "walk":
        return WalkMarket(seed, speed)
    if kind.startswith("replay:"):
        return ReplayMarket(
            Path(kind.removeprefix("replay:")),
            epoch_ms=_milliseconds(epoch),
            start_ms=_milliseconds(start) if start else None,
            speed=speed,
        )
    if kind == "live":
        return LiveMarket(live_url, seed, cache, now_ms, ledger.current)
    raise ValueError(f"PAPER_MARKET is {kind!r}; it must be walk, live or replay:DIRECTORY")


def _milliseconds(text: str) -> int:
    """ISO 8601 to milliseconds; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return round(moment.timestamp() * 1000)


def _account(api_key: str, *, closed: bool = False) -> PaperAccount:
    row = PaperAccount.objects.using(store.ALIAS).filter(api_key=api_key).first()
    if row is None or (row.is_closed and not closed):
        raise NotFound("There is no such paper account.")
    return row


def _amounts(balances: Mapping[str, Decimal]) -> dict[str, Decimal]:
    known = {*ASSETS, *(code for spec in default_market().symbols.values() for code in (spec.base, spec.quote))}
    problems: dict[str, list[str]] = {}
    for asset, amount in balances.items():
        if asset not in known:
            problems[asset] = ["This asset does not trade on the paper exchange."]
        elif not amount.is_finite() or amount < 0:
            problems[asset] = ["The amount must be 0 or more."]
        elif amount >= _MAX_AMOUNT:
            problems[asset] = [f"This is too much: the amount must be less than {_MAX_AMOUNT:,f}."]
        elif not is_multiple(amount, Decimal(1).scaleb(-8)):
            problems[asset] = ["At most eight decimals."]
    if problems:
        raise Invalid("These balances cannot be set.", fields=problems)
    return dict(balances)


def _token() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(64))
