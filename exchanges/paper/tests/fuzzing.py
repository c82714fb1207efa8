"""Random and mutated requests, the same ones for the same seed: right ones, nearly right ones, and nonsense."""

import random
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from exchanges.paper.rest import ROUTES
from exchanges.paper.services import PaperKeys
from exchanges.paper.tests.support import signature
from exchanges.paper.wire import RawRequest

NASTY = (
    "", " ", "0", "-0", "-1", "+1", "1e3", "1E-5", ".5", "5.", "0.00000000", "0.000000001", "1,5", "NaN", "Infinity",
    "-inf", "9" * 18, "9" * 20, "9" * 21, "1" * 400, "1." + "1" * 20, "1." + "1" * 21, "9223372036854775807",
    "9223372036854775808", "18446744073709551616", "0x10", "1_000", "٣", "१", "１２３", "null", "undefined", "true",
    "FALSE", "[]", "{}", '["BTCUSDT"]', '["BTCUSDT","BTCUSDT"]', '["BTCUSDT","NOPE"]', '["', "[1]", '[["BTCUSDT"]]',
    "[" * 2000, "\x00", "a\x00b", "\r\nX: y", "'; DROP TABLE paper_paperorder; --", "%", "%00", "%s%s%s", "é",
    "../../etc/passwd", "这是测试币456", "\U0001f600" * 40, "\ufeff", "\u202e", "a" * 37, "a" * 5000, "a.b",
    "BTCUSDT ", "btcusdt", "BTCUSDT\n", "-", "_", "&", "=", "<script>",
)  # fmt: skip
SENSIBLE: dict[str, tuple[str, ...]] = {
    "symbol": ("BTCUSDT", "BTCUSDT", "ETHUSDT", "ETHBTC", "NOPEUSDT"),
    "symbols": ('["BTCUSDT","ETHUSDT"]', '["BTCUSDT"]', "[]"),
    "side": ("BUY", "SELL"),
    "type": ("LIMIT", "LIMIT", "MARKET", "LIMIT_MAKER", "STOP_LOSS", "MINI", "FULL"),
    "timeInForce": ("GTC", "IOC", "FOK"),
    "quantity": ("0.001", "0.01", "0.1", "1"),
    "quoteOrderQty": ("10", "100", "0.01"),
    "price": ("50000", "60000", "200000", "1000", "99999.99"),
    "newQty": ("0.0005", "0.001"),
    "icebergQty": ("0.0005",),
    "cancelReplaceMode": ("STOP_ON_FAILURE", "ALLOW_FAILURE"),
    "cancelRestrictions": ("ONLY_NEW", "ONLY_PARTIALLY_FILLED"),
    "orderRateLimitExceededMode": ("DO_NOTHING", "CANCEL_ONLY"),
    "newOrderRespType": ("ACK", "RESULT", "FULL"),
    "selfTradePreventionMode": ("NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH"),
    "interval": ("1s", "1m", "3m", "2m"),
    "timeZone": ("0", "-1:00", "05:45", "14:00"),
    "windowSize": ("1m", "59m", "1h", "7d"),
    "limit": ("1", "5", "500", "1000"),
    "strategyId": ("1",),
    "strategyType": ("1000000",),
    "recvWindow": ("5000", "60000", "1.5"),
    "omitZeroBalances": ("true", "false"),
    "computeCommissionRates": ("true", "false"),
    "symbolStatus": ("TRADING", "HALT"),
    "asset": ("ADA", "ADA,XRP", "USDT", "NOPE"),
    "accountType": ("SPOT", "MARGIN"),
    "permissions": ("SPOT", '["SPOT"]'),
    "showPermissionSets": ("true", "false"),
}
_ORDERS = [
    ("POST", "/api/v3/order"),
    ("POST", "/api/v3/order"),
    ("POST", "/api/v3/order/cancelReplace"),
    ("DELETE", "/api/v3/order"),
    ("PUT", "/api/v3/order/amend/keepPriority"),
]
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "", "get")


@dataclass
class Fuzz:
    """Makes requests of one account at one moment; `seen` are symbol and ids of its orders, for later requests."""

    seed: int
    now_ms: int
    keys: PaperKeys
    seen: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def request(self, address: str) -> RawRequest:
        """The next one: three in four are aimed at a route with about what it wants."""
        chance = self.random
        method, path = chance.choice(sorted(ROUTES) if chance.random() < 0.5 else _ORDERS)
        route = ROUTES[method, path]
        parameters = [(name, self._sensible(name)) for name in route.mandatory]
        wanted = [name for name in route.optional if chance.random() < 0.35]
        if chance.random() < 0.8 and method == "POST" and path.endswith(("/order", "/order/test", "/cancelReplace")):
            parameters, wanted = self._order(path), []
        elif chance.random() < 0.8 and self.seen and path.endswith(("/order", "/keepPriority")):
            parameters, wanted = self._about_order(path), []
        parameters += [(name, self._sensible(name)) for name in wanted]
        for _ in range(chance.choice((0, 0, 0, 0, 1, 1, 2))):
            parameters = self._mutated(parameters)
        if chance.random() < 0.03:
            method = chance.choice(_METHODS)
        if chance.random() < 0.03:
            path = chance.choice((path + "/", path.upper(), "/", "", "/api/v3/" + chance.choice(NASTY), path + "%00"))
        headers = {"X-MBX-APIKEY": self.keys.api_key} if route.signed or chance.random() < 0.1 else {}
        if chance.random() < 0.1:
            headers["X-MBX-TIME-UNIT"] = chance.choice(("MICROSECOND", "microsecond", "", "NANOSECOND", "\x00"))
        if chance.random() < 0.05:
            headers["Accept"] = "text/html"
        if chance.random() < 0.04:
            headers["X-MBX-APIKEY"] = chance.choice(
                ("", "a" * 64, "a" * 63 + "\u00fc", self.keys.api_key + " ", *NASTY)
            )
        query, body = self._written(method, parameters, signed=route.signed)
        return RawRequest(method, path, query, body, headers, address)

    def _order(self, path: str) -> list[tuple[str, str]]:
        """A whole order that might be accepted."""
        chance = self.random
        kind = chance.choice(("LIMIT", "LIMIT", "LIMIT_MAKER", "MARKET"))
        made = {"symbol": "BTCUSDT", "side": chance.choice(("BUY", "SELL")), "type": kind}
        if kind == "MARKET" and chance.random() < 0.5:
            made["quoteOrderQty"] = self._sensible("quoteOrderQty")
        else:
            made["quantity"] = self._sensible("quantity")
        if kind != "MARKET":
            made["price"] = self._sensible("price")
        if kind == "LIMIT":
            made["timeInForce"] = self._sensible("timeInForce")
        if chance.random() < 0.3:
            made["newClientOrderId"] = self._sensible("newClientOrderId")
        if path.endswith("/cancelReplace"):
            made["cancelReplaceMode"] = self._sensible("cancelReplaceMode")
            symbol, order_id, client_id = chance.choice(self.seen[-5:]) if self.seen else ("BTCUSDT", "1", "none")
            made["symbol"] = symbol
            made |= chance.choice(({"cancelOrderId": order_id}, {"cancelOrigClientOrderId": client_id}))
        return list(made.items())

    def _about_order(self, path: str) -> list[tuple[str, str]]:
        """What names one of the newest orders."""
        symbol, order_id, client_id = self.random.choice(self.seen[-5:])
        made = {"symbol": symbol} | self.random.choice(({"orderId": order_id}, {"origClientOrderId": client_id}))
        return list(made.items()) + ([("newQty", self._sensible("newQty"))] if path.endswith("/keepPriority") else [])

    def _sensible(self, name: str) -> str:
        chance = self.random
        if chance.random() < 0.04:
            return chance.choice(NASTY)
        _, order_id, client_id = chance.choice(self.seen[-5:]) if self.seen else ("", "1", "none")
        if name in ("orderId", "cancelOrderId", "fromId", "fromExecutionId"):
            return order_id
        if name in ("origClientOrderId", "cancelOrigClientOrderId"):
            return client_id
        if name in ("newClientOrderId", "cancelNewClientOrderId"):
            return chance.choice((client_id, f"id-{chance.randrange(50)}"))
        if name in ("startTime", "endTime"):
            return str(self.now_ms - chance.choice((-(10**15), 0, 1000, 3_600_000, 86_400_000, 10**12, 10**13)))
        return chance.choice(SENSIBLE.get(name, NASTY))

    def _mutated(self, parameters: list[tuple[str, str]]) -> list[tuple[str, str]]:
        chance = self.random
        made = list(parameters)
        at = chance.randrange(len(made)) if made else 0
        what = chance.randrange(6)
        if what == 0 and made:
            del made[at]
        elif what == 1 and made:
            made.insert(chance.randrange(len(made) + 1), made[at])
        elif what == 2 and made:
            made[at] = (made[at][0], chance.choice(NASTY))
        elif what == 3 and made:
            made[at] = (chance.choice((made[at][0].upper(), made[at][0] + "[]", "\x00", "")), made[at][1])
        elif what == 4:
            made.append(
                (chance.choice(("extra", "symbol", "limit", "signature", "timestamp", "名")), chance.choice(NASTY))
            )
        else:
            chance.shuffle(made)
        return made

    def _written(self, method: str, parameters: list[tuple[str, str]], *, signed: bool) -> tuple[bytes, bytes]:
        """The parameters as query and body, signed rightly or wrongly."""
        chance = self.random
        if signed and chance.random() < 0.97:
            ahead = chance.choice((*[0] * 20, 999, 1000, -5001, -(10**12), 10**12))
            stamp = self.now_ms + ahead
            parameters = [*parameters, ("timestamp", str(stamp * 1000 if chance.random() < 0.1 else stamp))]
        write = chance.choice((quote, quote, quote_plus, _lower, _bare))
        pieces = [f"{_name(name)}={write(value)}" for name, value in parameters]
        at = len(pieces)
        if method != "GET" and chance.random() < 0.5:
            at = chance.choice((0, chance.randrange(len(pieces) + 1)))
        query, body = "&".join(pieces[:at]), "&".join(pieces[at:])
        if signed and chance.random() < 0.96:
            digest = signature(self.keys.api_secret, query + body)
            if chance.random() < 0.05:
                digest = chance.choice((digest[:-1], digest.upper(), "0" * 64, quote(chance.choice(NASTY))))
            if body:
                body += f"&signature={digest}"
            else:
                query += f"{'&' if query else ''}signature={digest}"
        junk = bytes(chance.randrange(256) for _ in range(12)) if chance.random() < 0.02 else b""
        return query.encode("utf-8", "surrogatepass") + (junk if chance.random() < 0.5 else b""), body.encode() + junk


def _lower(value: str) -> str:
    return quote(value, safe="").lower() if "%" in quote(value) else value


def _bare(value: str) -> str:
    """Not encoded at all, but for what would end the parameter."""
    return value.replace("%", "%25").replace("&", "%26").replace("\r", "").replace("\n", "")


def _name(name: str) -> str:
    return quote(name, safe="[]")


def broken_bytes(seed: int, count: int) -> list[bytes]:
    """Requests as bytes on a connection, each broken somewhere."""
    chance = random.Random(seed)
    right = (
        b"GET /api/v3/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /api/v3/depth?symbol=BTCUSDT&limit=5 HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 14\r\n\r\nsymbol=BTCUSDT",
        b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\na=b\r\n0\r\n\r\n",
    )
    made = []
    for _ in range(count):
        raw = bytearray(chance.choice(right))
        for _ in range(chance.randrange(1, 5)):
            at, what = chance.randrange(len(raw)), chance.randrange(5)
            if what == 0:
                raw[at] = chance.randrange(256)
            elif what == 1:
                del raw[at : at + chance.randrange(1, 12)]
            elif what == 2:
                raw[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 30)))
            elif what == 3:
                raw[at:at] = raw[at : at + chance.randrange(1, 60)]
            else:
                del raw[at:]
            if not raw:
                raw = bytearray(b"\r\n")
        made.append(bytes(raw))
    return made
