"""An answer must be of what was asked: parsers that refuse the answer to another question.

A proxy that repeats an answer, or a connection on which one came late, gives the next request the answer of the one
before. Where an answer names its order, that is noticed here: for what writes the outcome is then unknown and will be
asked for, a read is made again.
"""

from collections.abc import Callable
from typing import Any

from exchanges import schemas
from exchanges.domain import AccountInfo, CancelReplaceReport, NewOrder, OrderFacts, OrderReport, TradeReport
from exchanges.schemas import MalformedAnswer

OTHER = "this is the answer to another question"


def is_of(info: AccountInfo, uid: int | None) -> bool:
    """Whether balances are of the account with this number, as far as is known."""
    return uid is None or info.uid is None or info.uid == uid


def placed(wanted: NewOrder) -> Callable[[Any], OrderReport]:
    """Of the order that was placed, as it was placed."""

    def parse(body: Any) -> OrderReport:
        report = _sane(schemas.order(body))
        _same((report.symbol, report.client_order_id), (wanted.symbol, wanted.client_order_id))
        _same((report.side, report.price, report.quantity), (wanted.side.value, wanted.price, wanted.quantity))
        return report

    return parse


def cancelled(symbol: str, client_order_id: str) -> Callable[[Any], OrderReport]:
    """Of the order that was cancelled."""

    def parse(body: Any) -> OrderReport:
        report = _sane(schemas.order(body))
        _same((report.symbol, report.client_order_id), (symbol, client_order_id))
        return report

    return parse


def queried(symbol: str, client_order_id: str, known: OrderFacts | None) -> Callable[[Any], OrderReport]:
    """Of the order that was asked for.

    One that was cancelled may by now carry the id of its cancel: it is recognised by what is `known` of it.
    """

    def parse(body: Any) -> OrderReport:
        report = _sane(schemas.order(body))
        _same(report.symbol, symbol)
        if known is not None and known.exchange_order_id is not None:
            _same(report.exchange_order_id, known.exchange_order_id)
        if report.client_order_id != client_order_id:
            if known is None or report.status != "CANCELED":
                raise MalformedAnswer(OTHER)
            _same((report.side, report.price, report.quantity), (known.side, known.price, known.quantity))
        return report

    return parse


def orders(symbol: str) -> Callable[[Any], list[OrderReport]]:
    """Of one symbol; "" is of all."""

    def parse(body: Any) -> list[OrderReport]:
        reports = [_sane(report) for report in schemas.orders(body)]
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


def replacement(symbol: str, old_id: str, new_id: str) -> Callable[[Any], CancelReplaceReport]:
    """Of the two orders of a cancel-replace, by their client ids."""

    def parse(body: Any) -> CancelReplaceReport:
        report = schemas.cancel_replace(body)
        for step, client_order_id in ((report.cancel, old_id), (report.new_order, new_id)):
            if step.order is not None:
                _sane(step.order)
                _same((step.order.symbol, step.order.client_order_id), (symbol, client_order_id))
        return report

    return parse


def _sane(report: OrderReport) -> OrderReport:
    if not report.status or not 0 <= report.executed_quantity <= report.quantity:
        raise MalformedAnswer("this cannot be the state of an order")
    return report


def _same(given: object, asked: object) -> None:
    if given != asked:
        raise MalformedAnswer(OTHER)
