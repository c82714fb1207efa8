"""Converting small balances to BNB, over the wire.

Source: Binance's wallet documentation, "Assets that can be converted into BNB", "Dust transfer" and "DustLog". What is
`transfered` there is net: the charge is not in it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from django.utils.translation import gettext as _

from exchanges.adapters.wire import Call, Wire
from exchanges.domain import DustConversion, DustLine, Venue
from exchanges.errors import NotAvailable
from exchanges.schemas import MalformedAnswer, decimal, integer


class _HasWire(Protocol):
    venue: Venue
    _wire: Wire


class DustCalls:
    """See ExchangeAdapter. The testnet has none of it."""

    def dust_offer(self: _HasWire) -> list[DustLine]:
        _refuse_on_testnet(self.venue)
        return self._wire.read("/sapi/v1/asset/dust-btc", offer, signed=True, method="POST")

    def convert_dust(self: _HasWire, assets: Sequence[str], timestamp_ms: int) -> DustConversion:
        _refuse_on_testnet(self.venue)
        parameters = [("asset", ",".join(assets))]
        call = Call("POST", "/sapi/v1/asset/dust", parameters, is_signed=True, is_read=False)
        return self._wire.write(call, converted, timestamp_ms)

    def dust_history(self: _HasWire, start_ms: int, end_ms: int) -> list[DustConversion]:
        _refuse_on_testnet(self.venue)
        parameters = [("startTime", str(start_ms)), ("endTime", str(end_ms))]
        return self._wire.read("/sapi/v1/asset/dribblet", history, parameters, signed=True)


def _refuse_on_testnet(venue: Venue) -> None:
    if venue == Venue.TESTNET:
        raise NotAvailable(_("Binance's testnet cannot convert small balances; only mainnet can."))


def _rows(body: Any, name: str) -> Sequence[Mapping[str, Any]]:
    rows = body.get(name) if isinstance(body, Mapping) else None
    if not isinstance(rows, Sequence) or not all(isinstance(row, Mapping) for row in rows):
        raise MalformedAnswer(f"field {name} is no list of objects")
    return rows


def _line(row: Mapping[str, Any], amount: str, received: str, charge: str, asset: str = "fromAsset") -> DustLine:
    name = row.get(asset)
    if not isinstance(name, str) or not name:
        raise MalformedAnswer(f"field {asset} is missing")
    return DustLine(name, decimal(row.get(amount)), decimal(row.get(received)), decimal(row.get(charge)))


def offer(body: Any) -> list[DustLine]:
    rows = _rows(body, "details")
    return [_line(row, "amountFree", "toBNBOffExchange", "exchange", "asset") for row in rows]


def _lines(rows: Sequence[Mapping[str, Any]]) -> tuple[DustLine, ...]:
    return tuple(_line(row, "amount", "transferedAmount", "serviceChargeAmount") for row in rows)


def converted(body: Any) -> DustConversion:
    rows = _rows(body, "transferResult")
    if not rows:
        raise MalformedAnswer("nothing was converted, and nothing said why")
    return DustConversion(integer(rows[0].get("tranId")), integer(rows[0].get("operateTime")), _lines(rows))


def history(body: Any) -> list[DustConversion]:
    return [
        DustConversion(
            integer(row.get("transId")), integer(row.get("operateTime")), _lines(_rows(row, "userAssetDribbletDetails"))
        )
        for row in _rows(body, "userAssetDribblets")
    ]
