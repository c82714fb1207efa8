"""Small balances that are not converted."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import requests

from exchanges.paper import services
from exchanges.paper.tests.cases.base import ILLEGAL, Act, Case, invalid, missing, sending
from exchanges.paper.tests.support import Client

LIST, CONVERT, HISTORY = "/sapi/v1/asset/dust-btc", "/sapi/v1/asset/dust", "/sapi/v1/asset/dribblet"


def holding(asset: str, amount: str, converted: str) -> Act:
    def acting(client: Client) -> requests.Response:
        services.deposit(client.keys.api_key, asset, Decimal(amount))
        return client.send("POST", CONVERT, asset=converted)

    return acting


def refused_dust() -> Iterator[Case]:
    sent: list[tuple[str, str, dict[str, Any], int, str]] = [
        ("POST", LIST, {"accountType": "MARGIN"}, -1130, invalid("accountType")),
        ("GET", HISTORY, {"accountType": "MARGIN"}, -1130, invalid("accountType")),
        ("POST", CONVERT, {}, -1102, missing("asset")),
        ("POST", CONVERT, {"asset": "ada"}, -1100, ILLEGAL + "asset'; legal range is '^[A-Z0-9,]{1,1000}$'."),
        ("POST", CONVERT, {"asset": ","}, -1130, invalid("asset")),
        ("POST", CONVERT, {"asset": "ADA"}, -5003, "You don't have this asset."),
        (
            "POST", CONVERT, {"asset": "USDT"}, -5004,
            "The residual balances of the USDT have exceeded 0.001BTC, Please re-choose.",
        ),
    ]  # fmt: skip
    for method, path, parameters, code, text in sent:
        yield Case(method, path, code, text, sending(method, path, parameters))
    text = "Don't allow transfer to micro assets."
    yield Case("POST", CONVERT, -5001, text, holding("BNB", "0.001", "BNB"))
    text = "The residual balances of the DOGE is too low, Please re-choose."
    yield Case("POST", CONVERT, -5005, text, holding("DOGE", "0.00000001", "DOGE"))
