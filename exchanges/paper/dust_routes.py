"""Routes that convert small balances to BNB, and tell what was converted."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby

from exchanges.paper import store
from exchanges.paper.calls import PrivateCall
from exchanges.paper.engine.dust import CHARGE
from exchanges.paper.exchange_info import eight
from exchanges.paper.models import PaperDust
from exchanges.paper.routing import Route, Routes
from exchanges.paper.wire import Json, illegal, invalid

ASSETS = "^[A-Z0-9,]{1,1000}$"
MOST_RECORDS = 100
ZERO = Decimal(0)


def dust_list(call: PrivateCall) -> Json:
    """POST asset/dust-btc: what can be converted, and what would come of it. Nothing is converted."""
    _spot_only(call)
    found = call.account.dust()
    return {
        "details": [
            {
                "asset": dust.asset,
                "assetFullName": dust.asset,
                "amountFree": eight(dust.amount),
                "toBTC": eight(dust.btc),
                "toBNB": eight(dust.bnb),
                "toBNBOffExchange": eight(dust.received),
                "exchange": eight(dust.charge),
            }
            for dust in found
        ],
        "totalTransferBtc": eight(sum((dust.btc for dust in found), ZERO)),
        "totalTransferBNB": eight(sum((dust.bnb for dust in found), ZERO)),
        "dribbletPercentage": str(CHARGE),
    }


def convert(call: PrivateCall) -> Json:
    """POST asset/dust: convert all that is free of these assets, or nothing."""
    _spot_only(call)
    text = call.parameters.required("asset")
    if not set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,"):
        raise illegal("asset", ASSETS)
    assets = list(dict.fromkeys(asset for asset in text.split(",") if asset))
    if not assets:
        raise invalid("asset")
    call.check_deadline(call.account.clock_ms)
    rows = call.account.convert_dust(assets)
    return {
        "totalServiceCharge": eight(sum((row.charge for row in rows), ZERO)),
        "totalTransfered": eight(sum((row.received for row in rows), ZERO)),
        "transferResult": [
            {
                "amount": eight(row.amount),
                "fromAsset": row.asset,
                "operateTime": row.time_ms,
                "serviceChargeAmount": eight(row.charge),
                "tranId": row.transaction_id,
                "transferedAmount": eight(row.received),
            }
            for row in rows
        ],
    }


def history(call: PrivateCall) -> Json:
    """GET asset/dribblet: the last hundred conversions, the newest first."""
    _spot_only(call)
    start, end = call.parameters.moment("startTime"), call.parameters.moment("endTime")
    rows = PaperDust.objects.using(store.ALIAS).filter(account=call.account.row)
    if start is not None:
        rows = rows.filter(time_ms__gte=start)
    if end is not None:
        rows = rows.filter(time_ms__lte=end)
    groups = [
        list(group) for _, group in groupby(rows.order_by("-transaction_id", "id"), lambda row: row.transaction_id)
    ]
    return {"total": len(groups), "userAssetDribblets": [_dribblet(group) for group in groups[:MOST_RECORDS]]}


def _dribblet(rows: Iterable[PaperDust]) -> Json:
    rows = list(rows)
    return {
        "operateTime": rows[0].time_ms,
        "totalTransferedAmount": eight(sum((row.received for row in rows), ZERO)),
        "totalServiceChargeAmount": eight(sum((row.charge for row in rows), ZERO)),
        "transId": rows[0].transaction_id,
        "userAssetDribbletDetails": [
            {
                "transId": row.transaction_id,
                "serviceChargeAmount": eight(row.charge),
                "amount": eight(row.amount),
                "operateTime": row.time_ms,
                "transferedAmount": eight(row.received),
                "fromAsset": row.asset,
                "targetAsset": "BNB",
            }
            for row in rows
        ],
    }


def _spot_only(call: PrivateCall) -> None:
    call.parameters.choice("accountType", ("SPOT",), "SPOT")


ROUTES: Routes = {
    ("POST", "/sapi/v1/asset/dust-btc"): Route(dust_list, 1, optional=("accountType",), signed=True),
    ("POST", "/sapi/v1/asset/dust"): Route(convert, 10, ("asset",), ("accountType",), signed=True),
    ("GET", "/sapi/v1/asset/dribblet"): Route(
        history, 1, optional=("accountType", "startTime", "endTime"), signed=True
    ),
}
