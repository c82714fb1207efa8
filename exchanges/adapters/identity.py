"""An answer must be of what was asked: parsers that refuse the answer to another question.

A proxy that repeats an answer, or a connection on which one came late, gives the next request the answer of the one
before. Where an answer names its order, that is noticed here: for what writes the outcome is then unknown and will be
asked for, a read is made again.
"""

from collections.abc import Callable
from typing import Any

from exchanges import schemas
from exchanges.domain import CancelReplaceReport, OrderReport, TradeReport
from exchanges.schemas import MalformedAnswer

OTHER = "this is the answer to another question"


def order(symbol: str, client_order_id: str) -> Callable[[Any], OrderReport]:
    """Of the order that was placed or cancelled."""

    def parse(body: Any) -> OrderReport:
        report = schemas.order(body)
        _same((report.symbol, report.client_order_id), (symbol, client_order_id))
        return report

    return parse


def queried_order(symbol: str, client_order_id: str) -> Callable[[Any], OrderReport]:
    """Of the order that was asked for. One that was cancelled may by now carry the id of its cancel."""

    def parse(body: Any) -> OrderReport:
        report = schemas.order(body)
        _same(report.symbol, symbol)
        if report.status != "CANCELED":
            _same(report.client_order_id, client_order_id)
        return report

    return parse


def orders(symbol: str) -> Callable[[Any], list[OrderReport]]:
    """Of one symbol; "" is of all."""

    def parse(body: Any) -> list[OrderReport]:
        reports = schemas.orders(body)
        for report in reports if symbol else ():
            _same(report.symbol, symbol)
        return reports

    return parse


def trades(symbol: str, exchange_order_id: int) -> Callable[[Any], list[TradeReport]]:
    """Of one order."""

    def parse(body: Any) -> list[TradeReport]:
        reports = schemas.trades(body)
        for report in reports:
            _same((report.symbol, report.exchange_order_id), (symbol, exchange_order_id))
        return reports

    return parse


def replacement(symbol: str, cancelled: str, placed: str) -> Callable[[Any], CancelReplaceReport]:
    """Of the two orders of a cancel-replace, by their client ids."""

    def parse(body: Any) -> CancelReplaceReport:
        report = schemas.cancel_replace(body)
        for step, client_order_id in ((report.cancel, cancelled), (report.new_order, placed)):
            if step.order is not None:
                _same((step.order.symbol, step.order.client_order_id), (symbol, client_order_id))
        return report

    return parse


def _same(given: object, asked: object) -> None:
    if given != asked:
        raise MalformedAnswer(OTHER)
