"""Binance's JSON into our types, parsed here and nowhere else. Pure. Numbers arrive as strings and become Decimal;
unknown enum values and unknown filters are kept or passed over, never an error.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from botbalance.lib.money import ZERO
from exchanges.domain import (
    AccountInfo,
    Balance,
    BookLevel,
    BookTicker,
    CancelReplaceReport,
    Candle,
    Commission,
    Depth,
    Discount,
    ExchangeInfo,
    KeyRights,
    OrderReport,
    RateLimit,
    Rates,
    Step,
    StepResult,
    SymbolRules,
    TradeReport,
)

T = TypeVar("T")

# No amount, id or time of an exchange has more digits before the point, or after it; more would only exhaust memory
# later.
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
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -MOST_DIGITS:
        raise MalformedAnswer("not an amount: more than 30 digits after the point")
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


def _flag(row: Mapping[str, Any], name: str) -> bool:
    value = _field(row, name)
    if not isinstance(value, bool):
        raise MalformedAnswer(f"field {name} is neither true nor false")
    return value


def _columns(body: Any, least: int) -> Sequence[Sequence[Any]]:
    """A list of lists, each with at least so many values."""
    if not isinstance(body, list) or not all(isinstance(row, list) and len(row) >= least for row in body):
        raise MalformedAnswer(f"expected lists of {least} values")
    return body


def _text(row: Mapping[str, Any], name: str) -> str:
    value = _field(row, name)
    if not isinstance(value, str):
        raise MalformedAnswer(f"field {name} is not text")
    return value


def nothing(body: Any) -> None:
    """An answer that says no more than that all is well: an object, mostly an empty one."""
    _mapping(body)


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


def candles(body: Any) -> list[Candle]:
    return [
        Candle(
            open_time_ms=integer(row[0]),
            open=decimal(row[1]),
            high=decimal(row[2]),
            low=decimal(row[3]),
            close=decimal(row[4]),
            volume=decimal(row[5]),
            close_time_ms=integer(row[6]),
            quote_volume=decimal(row[7]),
            trades=integer(row[8]),
        )
        for row in _columns(body, 9)
    ]


def depth(body: Any) -> Depth:
    row = _mapping(body)

    def side(name: str) -> tuple[BookLevel, ...]:
        return tuple(BookLevel(decimal(level[0]), decimal(level[1])) for level in _columns(_field(row, name), 2))

    return Depth(integer(_field(row, "lastUpdateId")), side("bids"), side("asks"))


def key_rights(body: Any) -> KeyRights:
    """GET apiRestrictions. A right that is not spoken of is none; the two that decide must be there."""
    row = _mapping(body)
    return KeyRights(
        is_ip_restricted=_flag(row, "ipRestrict"),
        can_read=row.get("enableReading") is True,
        can_trade_spot=_flag(row, "enableSpotAndMarginTrading"),
        can_withdraw=_flag(row, "enableWithdrawals"),
        can_transfer_internally=row.get("enableInternalTransfer") is True,
        created_ms=integer(row.get("createTime", 0)),
    )


def commission(body: Any) -> Commission:
    """GET account/commission, and POST order/test with rates, whose names end in ForOrder."""
    row = _mapping(body)

    def rates(name: str, *, needed: bool = True) -> Rates:
        given = row.get(name, row.get(f"{name}ForOrder"))
        if given is None and not needed:
            return Rates()
        if given is None:
            raise MalformedAnswer(f"field {name} is missing")
        found = _mapping(given)
        numbers = {key: decimal(found.get(key, 0)) for key in ("buyer", "seller")}
        return Rates(maker=decimal(_field(found, "maker")), taker=decimal(_field(found, "taker")), **numbers)

    discount = _mapping(_field(row, "discount"))
    return Commission(
        standard=rates("standardCommission"),
        special=rates("specialCommission", needed=False),
        tax=rates("taxCommission", needed=False),
        discount=Discount(
            enabled_for_account=_flag(discount, "enabledForAccount"),
            enabled_for_symbol=_flag(discount, "enabledForSymbol"),
            asset=str(discount.get("discountAsset") or ""),
            factor=decimal(discount.get("discount", 1)),
        ),
    )


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
        can_trade="canTrade" in row and _flag(row, "canTrade"),
        maker_rate=maker,
        taker_rate=taker,
        uid=integer(row["uid"]) if row.get("uid") is not None else None,
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


def cancel_replace(body: Any) -> CancelReplaceReport:
    """POST order/cancelReplace: a success as it is, a failure with both halves inside `data`."""
    row = _mapping(body)
    halves = _mapping(_field(row, "data")) if "data" in row else row
    return CancelReplaceReport(_step(halves, "cancel"), _step(halves, "newOrder"))


def _step(halves: Mapping[str, Any], name: str) -> Step:
    try:
        result = StepResult(_text(halves, f"{name}Result"))
    except ValueError:
        raise MalformedAnswer(f"field {name}Result is not one we know") from None
    if result == StepResult.NOT_ATTEMPTED:
        return Step(result)
    response = _mapping(_field(halves, f"{name}Response"))
    if result == StepResult.SUCCESS:
        return Step(result, order(response))
    return Step(result, None, integer(_field(response, "code")), str(response.get("msg", "")))


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
            is_buyer=_flag(row, "isBuyer"),
            is_maker=_flag(row, "isMaker"),
        )
        for row in _rows(body)
    ]


def exchange_info(body: Any) -> ExchangeInfo:
    """GET exchangeInfo. A symbol or a limit that cannot be read is passed over: the others are as good as ever."""
    row = _mapping(body)
    passed_over: list[str] = []
    listed = _rows(_field(row, "symbols"))
    rules = {rule.symbol: rule for rule in _readable(listed, symbol_rules, "symbol", passed_over)}
    if listed and not rules:
        raise MalformedAnswer(f"no symbol can be read; {passed_over[0]}")
    limits = tuple(_readable(_rows(row.get("rateLimits", [])), _rate_limit, "rateLimitType", passed_over))
    return replace(ExchangeInfo.of(rules, limits), passed_over=tuple(passed_over))


def _readable(
    rows: Sequence[Mapping[str, Any]],
    parse: Callable[[Mapping[str, Any]], T],
    name: str,
    passed_over: list[str],
) -> Iterator[T]:
    """What `parse` makes of the rows; those it refuses are noted in `passed_over`, by the field `name`."""
    for row in rows:
        try:
            yield parse(row)
        except MalformedAnswer as error:
            passed_over.append(f"{str(row.get(name))[:40]}: {str(error)[:80]}")


def _rate_limit(row: Mapping[str, Any]) -> RateLimit:
    interval = f"{integer(_field(row, 'intervalNum'))}{_text(row, 'interval')[:1]}"
    return RateLimit(_text(row, "rateLimitType"), interval, integer(_field(row, "limit")))


def used_limits(headers: Mapping[str, str]) -> dict[str, int]:
    """What is used up of the limits, by RateLimit.name, as the headers of an answer tell it."""
    used: dict[str, int] = {}
    for name, value in headers.items():
        for prefix, kind in (("x-mbx-used-weight-", "REQUEST_WEIGHT"), ("x-mbx-order-count-", "ORDERS")):
            if name.lower().startswith(prefix) and value.isdecimal() and len(value) < MOST_DIGITS:
                used[f"{kind} {name[len(prefix) :].upper()}"] = int(value)
    return used


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
        limit_orders_allowed=_takes_limit_orders(row),
        percent_filter=sides if sides in filters or both not in filters else both,
        notional_filter=notional if notional in filters or "MIN_NOTIONAL" not in filters else "MIN_NOTIONAL",
    )


def _takes_limit_orders(row: Mapping[str, Any]) -> bool:
    kinds = row.get("orderTypes", ["LIMIT"])
    if not isinstance(kinds, list):
        raise MalformedAnswer("field orderTypes is not a list")
    return "LIMIT" in kinds and ("isSpotTradingAllowed" not in row or _flag(row, "isSpotTradingAllowed"))


def _tighter(first: Decimal, second: Decimal) -> Decimal:
    """The smaller of two upper limits, where 0 means none."""
    if first == ZERO or second == ZERO:
        return max(first, second)
    return min(first, second)
