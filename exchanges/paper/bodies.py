"""The bodies of the account's answers: orders, cancels and trades as the exchange prints them."""

from decimal import Decimal

from exchanges.paper.engine import Order, Trade
from exchanges.paper.exchange_info import eight
from exchanges.paper.models import PaperTrade
from exchanges.paper.wire import Json

EXECUTIONS_PER_ORDER = 64


def _order_core(order: Order) -> Json:
    return {
        "price": eight(order.price),
        "origQty": eight(order.quantity),
        "executedQty": eight(order.executed),
        "origQuoteOrderQty": eight(order.quote_order_quantity),
        "cummulativeQuoteQty": eight(order.quote_executed),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
        **_conditional(order),
    }


def _conditional(order: Order) -> Json:
    """Fields that only some orders have."""
    fields: Json = {}
    if order.iceberg_quantity:
        fields["icebergQty"] = eight(order.iceberg_quantity)
    if order.strategy_id is not None:
        fields["strategyId"] = order.strategy_id
    if order.strategy_type is not None:
        fields["strategyType"] = order.strategy_type
    if order.expiry_reason:
        fields["expiryReason"] = order.expiry_reason
    return fields


def order_answer(order: Order, trades: tuple[Trade, ...], response: str) -> Json:
    body: Json = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "transactTime": order.time_ms,
    }
    if response == "ACK":
        return body
    body |= _order_core(order)
    body["workingTime"] = order.time_ms
    if response == "FULL":
        body["fills"] = [
            {
                "price": eight(trade.price),
                "qty": eight(trade.quantity),
                "commission": eight(trade.commission),
                "commissionAsset": trade.commission_asset,
                "tradeId": trade.trade_id,
            }
            for trade in trades
        ]
    body["selfTradePreventionMode"] = order.stp_mode
    return body


def order_row(order: Order) -> Json:
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        **_order_core(order),
        "stopPrice": eight(Decimal(0)),
        "icebergQty": eight(order.iceberg_quantity),
        "time": order.time_ms,
        "updateTime": order.update_ms,
        "isWorking": True,
        "workingTime": order.time_ms,
        "selfTradePreventionMode": order.stp_mode,
    }


def cancel_answer(order: Order, new_id: str) -> Json:
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": new_id,
        "transactTime": order.update_ms,
        **_order_core(order),
        "selfTradePreventionMode": order.stp_mode,
    }


def amend_answer(order: Order, before_id: str) -> Json:
    """PUT order/amend/keepPriority; `before_id` is the client id the order had."""
    return {
        "transactTime": order.update_ms,
        # Ascends with every amendment of an order, and is no other order's.
        "executionId": order.order_id * EXECUTIONS_PER_ORDER + order.amendments,
        "amendedOrder": {
            "symbol": order.symbol,
            "orderId": order.order_id,
            "orderListId": -1,
            "origClientOrderId": before_id,
            "clientOrderId": order.client_order_id,
            "price": eight(order.price),
            "qty": eight(order.quantity),
            "executedQty": eight(order.executed),
            "preventedQty": eight(Decimal(0)),
            "quoteOrderQty": eight(Decimal(0)),
            "cumulativeQuoteQty": eight(order.quote_executed),
            "status": order.status,
            "timeInForce": order.time_in_force,
            "type": order.type,
            "side": order.side,
            "workingTime": order.time_ms,
            "selfTradePreventionMode": order.stp_mode,
            **_conditional(order),
        },
    }


def trade_row(trade: PaperTrade) -> Json:
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": -1,
        "price": eight(trade.price),
        "qty": eight(trade.quantity),
        "quoteQty": eight(trade.quote_quantity),
        "commission": eight(trade.commission),
        "commissionAsset": trade.commission_asset,
        "time": trade.time_ms,
        "isBuyer": trade.is_buyer,
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }
