"""Every recorded answer of the real exchange, and every documented sample of what we ask for, is read as it is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from exchanges import schemas
from exchanges.adapters import dust
from exchanges.schemas import MalformedAnswer
from exchanges.tests.methods import METHODS
from exchanges.tests.support import SHARED, needs_shared

pytestmark = needs_shared

READERS: dict[str, Callable[[Any], Any]] = {
    "GET /api/v3/time": schemas.server_time,
    "GET /api/v3/exchangeInfo": schemas.exchange_info,
    "GET /api/v3/ticker/price": schemas.ticker_prices,
    "GET /api/v3/ticker/bookTicker": schemas.book_tickers,
    "GET /api/v3/klines": schemas.candles,
    "GET /api/v3/depth": schemas.depth,
    "GET /api/v3/account": schemas.account,
    "GET /api/v3/account/commission": schemas.commission,
    "GET /sapi/v1/account/apiRestrictions": schemas.key_rights,
    "POST /sapi/v1/asset/dust-btc": dust.offer,
    "POST /sapi/v1/asset/dust": dust.converted,
    "GET /sapi/v1/asset/dribblet": dust.history,
    "GET /api/v3/order": schemas.order,
    "GET /api/v3/openOrders": schemas.orders,
    "GET /api/v3/myTrades": schemas.trades,
    "POST /api/v3/order": schemas.order,
    "POST /api/v3/order/test": schemas.commission,
    "POST /api/v3/order/cancelReplace": schemas.cancel_replace,
    "DELETE /api/v3/order": schemas.order,
    "DELETE /api/v3/openOrders": schemas.orders,
}
# The samples leave out whatever is not the same in every variant of an answer; these have lost what we need.
CUT_DOWN = {
    "GET /api/v3/klines": "lists of 9 values",
    "GET /api/v3/ticker/price": "price is missing",
    "GET /api/v3/ticker/bookTicker": "bidPrice is missing",
    "POST /api/v3/order": "price is missing",
    "POST /api/v3/order/test": "standardCommission is missing",
}
RECORDED = sorted(SHARED.glob("recorded/*.json"))


def samples() -> dict[str, Any]:
    return {
        **json.loads((SHARED / "sdk_samples" / "spot.json").read_text()),
        **json.loads((SHARED / "sdk_samples" / "wallet.json").read_text()),
    }


def test_every_route_of_an_adapter_has_a_reader_here() -> None:
    assert {method.route for method in METHODS} == READERS.keys() | {"GET /api/v3/ping"}


@pytest.mark.parametrize("route", READERS)
def test_a_sample_is_read_or_lacks_what_is_needed(route: str) -> None:
    body = samples()[route]
    if route in CUT_DOWN:
        with pytest.raises(MalformedAnswer, match=CUT_DOWN[route]):
            READERS[route](body)
    else:
        assert READERS[route](body)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_answer_is_read(path: Path) -> None:
    recording = json.loads(path.read_text())
    path_asked = urlsplit(recording["request"]["uri"]).path
    route = f"{recording['request']['method']} {path_asked}"
    found = READERS[route](recording["response"]["body"])
    assert found or path.stem == "17_GET_openOrders"


def test_the_samples_say_what_we_take_from_them() -> None:
    given = samples()
    commission = schemas.commission(given["GET /api/v3/account/commission"])
    assert (str(commission.standard.maker), str(commission.tax.seller)) == ("1.0E-7", "0.00000116")
    assert (commission.discount.asset, str(commission.discount.factor)) == ("BNB", "0.75000000")
    rights = schemas.key_rights(given["GET /sapi/v1/account/apiRestrictions"])
    assert (rights.is_ip_restricted, rights.can_read, rights.can_trade_spot, rights.can_withdraw) == (
        False,
        True,
        False,
        False,
    )
    (conversion,) = dust.history(given["GET /sapi/v1/asset/dribblet"])
    (line,) = conversion.lines
    assert (line.asset, str(line.received), str(line.charge)) == ("USDT", "0.000441", "0.000009")
    depth = schemas.depth(given["GET /api/v3/depth"])
    assert (depth.bids[0].price, depth.asks[0].quantity) == (4, 12)
    report = schemas.cancel_replace(given["POST /api/v3/order/cancelReplace"])
    assert report.cancel.order is not None
    assert report.new_order.order is not None
    assert report.cancel.order.client_order_id == "DnLo3vTAQcjha43lAZhZ0y"
    assert report.new_order.order.client_order_id == "wOceeeOzNORyLiQfw7jd8S"
    (limit,) = schemas.exchange_info(given["GET /api/v3/exchangeInfo"]).limits
    assert (limit.name, limit.limit) == ("REQUEST_WEIGHT 1M", 6000)
