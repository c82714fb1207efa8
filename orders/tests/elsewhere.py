"""What happens at an account without BotBalance, and what BotBalance asks of the exchange."""

import re
from decimal import Decimal

import pytest

from botbalance.lib.clock import now_ms
from exchanges import services as exchanges
from exchanges.domain import NewOrder, OrderReport, Side
from exchanges.models import ExchangeAccount
from orders.domain import client_order_id
from orders.models import Round

_CALL = re.compile(r"exchange_call \S+ method=(\S+) route=(\S+) weight=(\d+) ")


def place(
    account: ExchangeAccount,
    symbol: str = "BTCUSDT",
    side: Side = Side.BUY,
    *,
    client_id: str = "web_1",
    away_pct: str = "5",
    value: str = "200",
) -> OrderReport:
    """Place an order with the account's own key, `away_pct` percent from the market (negative: it trades at once)."""
    market = exchanges.market_for(account, trading=True)
    rules, price = market.info.rules[symbol], market.prices.prices[symbol].value
    share = Decimal(away_pct) / 100
    limit = rules.floor_price(price * (1 - share if side == Side.BUY else 1 + share))
    quantity = rules.floor_quantity(Decimal(value) / limit)
    order = NewOrder(symbol, side, limit, quantity, client_id)
    return exchanges.adapter_for(account).place_order(order, now_ms())


def lose_row(round_: Round, index: int, symbol: str = "BTCUSDT", side: Side = Side.BUY) -> OrderReport:
    """An order that a round has sent and of which there is no row."""
    client_id = client_order_id(round_.user_id, symbol, side.value, round_.tick_ts, index)
    return place(round_.run.account, symbol, side, client_id=client_id)


def calls(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The signed requests that were made, as "GET openOrders 6", oldest first; forgets them."""
    found = [_CALL.match(record.getMessage()) for record in caplog.records]
    caplog.clear()
    rows = [(match[1], match[2].removeprefix("/api/v3/"), match[3]) for match in found if match]
    public = ("ticker/", "klines", "exchangeInfo", "time")
    return [" ".join(row) for row in rows if not row[1].startswith(public)]
