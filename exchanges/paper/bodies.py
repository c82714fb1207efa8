"""The bodies of the account's answers: orders, cancels and trades as the exchange prints them."""

from decimal import Decimal

from exchanges.paper.engine import Order, Trade
from exchanges.paper.exchange_info import eight
from exchanges.paper.models import PaperTrade
from exchanges.paper.wire import Json


def _order_core(order: Order) -> Json:
    return {
        "price": eight(order.price),
        "origQty": eight(order.quantity),
        "executedQty": eight(order.executed),
        "origQuoteOrderQty": eight(Decimal(0)),
        "cummulativeQuoteQty": eight(order.quote_executed),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
    }


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
        "icebergQty": eight(Decimal(0)),
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
