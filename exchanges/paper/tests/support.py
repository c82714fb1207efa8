"""A small signing client for these tests: it speaks the protocol, and nothing of the product's own client."""

import hashlib
import hmac
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from django.conf import settings

from botbalance.lib.clock import now_ms
from exchanges.paper import services
from exchanges.paper.services import PaperKeys
from exchanges.paper.transport import PaperTransport

DATABASES = ["default", "paper"]
MARKET_DATA = Path(settings.BASE_DIR).parent / "shared" / "market"
needs_shared = [
    pytest.mark.needs_shared,
    pytest.mark.skipif(not MARKET_DATA.is_dir(), reason="../shared/market is not there"),
]


class Client:
    """Signs what it sends unless told otherwise; answers are `requests.Response`."""

    def __init__(self, keys: PaperKeys, url: str = services.BASE_URL) -> None:
        self.keys = keys
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.mount(services.BASE_URL, PaperTransport())

    def public(self, path: str, **parameters: Any) -> requests.Response:
        return self.session.get(self.url + path, params=parameters, timeout=5)

    def send(self, method: str, path: str, **parameters: Any) -> requests.Response:
        return self.raw(method, path, query=self.sign({"timestamp": now_ms(), **parameters}))

    def sign(self, parameters: Mapping[str, Any]) -> str:
        text = urlencode(parameters)
        return f"{text}&signature={signature(self.keys.api_secret, text)}"

    def raw(self, method: str, path: str, query: str = "", body: str = "", **headers: str) -> requests.Response:
        return self.session.request(
            method,
            self.url + path + (f"?{query}" if query else ""),
            data=body or None,
            headers={"X-MBX-APIKEY": self.keys.api_key, **headers},
            timeout=5,
        )

    def order(self, side: str, quantity: str, price: str, symbol: str = "BTCUSDT", **more: Any) -> requests.Response:
        parameters = {"symbol": symbol, "side": side, "type": "LIMIT", "timeInForce": "GTC"}
        return self.send("POST", "/api/v3/order", **{**parameters, "quantity": quantity, "price": price, **more})

    def balances(self) -> dict[str, tuple[str, str]]:
        rows = self.send("GET", "/api/v3/account", omitZeroBalances="true").json()["balances"]
        return {row["asset"]: (row["free"], row["locked"]) for row in rows}

    def book(self, symbol: str = "BTCUSDT") -> dict[str, Decimal]:
        row = self.public("/api/v3/ticker/bookTicker", symbol=symbol).json()
        return {name: Decimal(row[name]) for name in ("bidPrice", "bidQty", "askPrice", "askQty")}

    def audit(self) -> list[str]:
        return services.audit_account(self.keys.api_key)


def signature(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def client_with(**balances: str) -> Client:
    """A client of a new account with these free balances."""
    return Client(services.open_account("test", {asset: Decimal(amount) for asset, amount in balances.items()}))


def refused(response: requests.Response) -> tuple[int, int, str]:
    """HTTP status, code and text of a refusal."""
    body = response.json()
    return response.status_code, body["code"], body["msg"]
