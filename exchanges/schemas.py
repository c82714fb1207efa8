"""Binance's JSON into our types, parsed here and nowhere else. Pure. Numbers arrive as strings and become Decimal;
unknown enum values and unknown filters are kept or passed over, never an error.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from botbalance.lib.money import ZERO
from exchanges.domain import AccountInfo, Balance, BookTicker, ExchangeInfo, OrderReport, SymbolRules, TradeReport

# No amount, id or time of an exchange has more digits before the point; a bigger one would only exhaust memory later.
MOST_DIGITS = 30


class MalformedAnswer(ValueError):
    """The body is JSON, but not the answer that was asked for."""


def decimal(value: Any) -> Decimal:
    """A finite Decimal from a wire number (string, or integer)."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise MalformedAnswer(f"not a number: {value!r}")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise MalformedAnswer(f"not a number: {value!r}") from None
    if not number.is_finite():
        raise MalformedAnswer(f"not a finite number: {value!r}")
    if number.adjusted() >= MOST_DIGITS:
        raise MalformedAnswer("not an amount: more than 30 digits before the point")
    return number


def integer(value: Any) -> int:
    """A whole wire number: ids, times, counts."""
    number = decimal(value)
    if number != number.to_integral_value():
        raise MalformedAnswer(f"not a whole number: {value!r}")
    return int(number)


def _mapping(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise MalformedAnswer(f"expected an object, got {type(body).__name__}")
    return body


def _rows(body: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(body, list):
        raise MalformedAnswer(f"expected a list, got {type(body).__name__}")
    return [_mapping(row) for row in body]


def _field(row: Mapping[str, Any], name: str) -> Any:
    try:
        return row[name]
    except KeyError:
        raise MalformedAnswer(f"field {name} is missing") from None


def _text(row: Mapping[str, Any], name: str) -> str:
    value = _field(row, name)
    if not isinstance(value, str):
        raise MalformedAnswer(f"field {name} is not text")
    return value


def server_time(body: Any) -> int:
    return integer(_field(_mapping(body), "serverTime"))


def book_tickers(body: Any) -> list[BookTicker]:
    rows = _rows(body) if isinstance(body, list) else [_mapping(body)]
    return [
        BookTicker(_text(row, "symbol"), decimal(_field(row, "bidPrice")), decimal(_field(row, "askPrice")))
        for row in rows
    ]


def ticker_prices(body: Any) -> dict[str, Decimal]:
    rows = _rows(body) if isinstance(body, list) else [_mapping(body)]
    return {_text(row, "symbol"): decimal(_field(row, "price")) for row in rows}


def account(body: Any) -> AccountInfo:
    """GET account. Rates come from commissionRates, or from the older integer fields in basis points."""
    row = _mapping(body)
    rates = row.get("commissionRates")
    if isinstance(rates, Mapping):
        maker, taker = decimal(_field(rates, "maker")), decimal(_field(rates, "taker"))
    else:
        maker = decimal(row.get("makerCommission", 0)) / 10_000
        taker = decimal(row.get("takerCommission", 0)) / 10_000
    balances = [
        Balance(_text(item, "asset"), decimal(_field(item, "free")), decimal(_field(item, "locked")))
        for item in _rows(_field(row, "balances"))
    ]
    return AccountInfo(
        balances=tuple(balance for balance in balances if balance.total != 0),
        can_trade=bool(row.get("canTrade", False)),
        maker_rate=maker,
        taker_rate=taker,
    )


def order(body: Any) -> OrderReport:
    """An order as POST (RESULT or FULL), GET order and GET openOrders give it, and as DELETE gives it.

    A cancel's answer carries the cancel's own id in clientOrderId and the order's in origClientOrderId.
    """
    row = _mapping(body)
    return OrderReport(
        symbol=_text(row, "symbol"),
        exchange_order_id=integer(_field(row, "orderId")),
        client_order_id=str(row.get("origClientOrderId") or _field(row, "clientOrderId")),
        side=_text(row, "side"),
        type=_text(row, "type"),
        status=_text(row, "status"),
        price=decimal(_field(row, "price")),
        quantity=decimal(_field(row, "origQty")),
        executed_quantity=decimal(_field(row, "executedQty")),
        cumulative_quote=decimal(_field(row, "cummulativeQuoteQty")),
        time_ms=integer(row.get("time") or row.get("transactTime") or 0),
    )


def orders(body: Any) -> list[OrderReport]:
    """A list of orders; order lists (OCO and the like), which we never place, are passed over."""
    return [order(row) for row in _rows(body) if "orderId" in row]


def trades(body: Any) -> list[TradeReport]:
    return [
        TradeReport(
            trade_id=integer(_field(row, "id")),
            exchange_order_id=integer(_field(row, "orderId")),
            symbol=_text(row, "symbol"),
            price=decimal(_field(row, "price")),
            quantity=decimal(_field(row, "qty")),
            quote_quantity=decimal(_field(row, "quoteQty")),
            commission=decimal(_field(row, "commission")),
            commission_asset=_text(row, "commissionAsset"),
            time_ms=integer(_field(row, "time")),
            is_buyer=bool(_field(row, "isBuyer")),
            is_maker=bool(_field(row, "isMaker")),
        )
        for row in _rows(body)
    ]


def exchange_info(body: Any) -> ExchangeInfo:
    rules = (symbol_rules(row) for row in _rows(_field(_mapping(body), "symbols")))
    return ExchangeInfo.of({rule.symbol: rule for rule in rules})


def symbol_rules(row: Mapping[str, Any]) -> SymbolRules:
    """One symbol of exchangeInfo. Filters we do not know are passed over: the exchange still checks them."""
    filters = {_text(item, "filterType"): item for item in _rows(_field(row, "filters"))}

    def number(filter_name: str, name: str) -> Decimal:
        return decimal(filters.get(filter_name, {}).get(name, 0))

    price, lot = "PRICE_FILTER", "LOT_SIZE"
    sides, both = "PERCENT_PRICE_BY_SIDE", "PERCENT_PRICE"
    notional = "NOTIONAL"
    return SymbolRules(
        symbol=_text(row, "symbol"),
        base=_text(row, "baseAsset"),
        quote=_text(row, "quoteAsset"),
        status=_text(row, "status"),
        tick_size=number(price, "tickSize"),
        min_price=number(price, "minPrice"),
        max_price=number(price, "maxPrice"),
        step_size=number(lot, "stepSize"),
        min_quantity=number(lot, "minQty"),
        max_quantity=number(lot, "maxQty"),
        min_notional=max(number(notional, "minNotional"), number("MIN_NOTIONAL", "minNotional")),
        max_notional=number(notional, "maxNotional"),
        bid_multiplier_up=_tighter(number(sides, "bidMultiplierUp"), number(both, "multiplierUp")),
        bid_multiplier_down=max(number(sides, "bidMultiplierDown"), number(both, "multiplierDown")),
        ask_multiplier_up=_tighter(number(sides, "askMultiplierUp"), number(both, "multiplierUp")),
        ask_multiplier_down=max(number(sides, "askMultiplierDown"), number(both, "multiplierDown")),
        max_open_orders=integer(filters.get("MAX_NUM_ORDERS", {}).get("maxNumOrders", 0)),
        max_position=number("MAX_POSITION", "maxPosition"),
        base_precision=integer(row.get("baseAssetPrecision", 8)),
        quote_precision=integer(row.get("quoteAssetPrecision", 8)),
        limit_orders_allowed="LIMIT" in row.get("orderTypes", ["LIMIT"])
        and bool(row.get("isSpotTradingAllowed", True)),
    )


def _tighter(first: Decimal, second: Decimal) -> Decimal:
    """The smaller of two upper limits, where 0 means none."""
    if first == ZERO or second == ZERO:
        return max(first, second)
    return min(first, second)
