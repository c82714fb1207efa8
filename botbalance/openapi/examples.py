"""Examples of what is sent and answered, made of the schemas: by the name of a field where a value is telling, by its
type elsewhere. So they have every field there is, and a new field has an example.
"""

from typing import Any

Schema = dict[str, Any]
MOST_DEEP = 8

NOW = "2026-11-22T09:30:00.120000Z"

# By component and field, then by field alone.
VALUES: dict[str, Any] = {
    "email": "you@example.com",
    "password": "correct-horse-battery-9",
    "token": "9f2c41d07be35a868c1e24f7b0d3957a6c48e1f25b9d7034a8c6f1e2d3b4a596",
    "expiry": "2027-02-20T09:30:00Z",
    "label": "Main",
    "name": "60/40",
    "api_key": "",
    "api_secret": "",
    "key_tail": "",
    "quote": "USDT",
    "currency": "USDT",
    "asset": "BTC",
    "symbol": "BTCUSDT",
    "price_in": "USDT",
    "fee_asset": "BTC",
    "commission_asset": "BTC",
    "side": "BUY",
    "type": "LIMIT",
    "status": "FILLED",
    "client_order_id": "1f0c9a7be2d44c86a0b3",
    "exchange_order_id": 4821,
    "trade_id": 91734,
    "price": "60000.5",
    "average_price": "60000.5",
    "quantity": "0.0125",
    "executed_quantity": "0.0125",
    "quote_quantity": "750.00625",
    "notional": "750.00625",
    "commission": "0.0000125",
    "fee": "0.0000125",
    "fees": {"BTC": "0.0000125"},
    "nav": "10000",
    "managed": "10000",
    "value": "750.00625",
    "worth": "750.00625",
    "free": "0.0125",
    "locked": "0",
    "weight_pct": "60",
    "target_pct": "60",
    "after_pct": "60",
    "before_pct": "50",
    "drift_pct": "-0.5",
    "min_delta_pct": "5",
    "order_size_pct": "20",
    "order_step_pct": "0.2",
    "keep": "0",
    "market_cap": "1200000000000",
    "start_cash": "10000",
    "received": "0.0021",
    "charge": "0.00004",
    "amount": "250",
    "holdings": [{"asset": "BTC", "total": "0.0125", "value": "750.00625"}],
    "actions": {"placed": 2, "filled": 2},
    "reason": "Every target is within its band.",
    "reason_code": "within_band",
    "plan_digest": "eyJCVENVU0RUIjpbIkJVWSIsIjAuMDEyNSJdfQ:1vXk2a:Q0n9",
    "next": "https://botbalance.example.org/api/me/orders?cursor=cD00NzEx&limit=50",
    "problem": "",
    "problems": [],
    "error": "",
    "detail": "",
    "text": "",
    "title": "The autopilot of 60/40 has paused itself",
    "link": "/orders/autopilot/3/",
    "price_source": "paper",
    "prices_at_ms": 1795339800120,
    "interval": "1h",
    "vary": {"min_delta_pct": ["2", "4", "6"], "order_size_pct": ["10", "20"]},
    "from": "2026-01-01T00:00:00Z",
    "to": "2026-11-01T00:00:00Z",
    "targets": [{"asset": "BTC", "weight_pct": "60"}, {"asset": "ETH", "weight_pct": "40"}],
    "coin_id": "bitcoin",
    "assets": ["SHIB", "PEPE"],
    "flows": [{"amount": "100", "every": "month"}],
    "start_holdings": {"BTC": "0.05"},
    "unpriced": [],
    "breaks": [],
    "year": 2026,
    "id": 4711,
    "account": 3,
    "strategy": 7,
    "run": 42,
    "order": 4711,
    "looks": 12,
    "milliseconds": 84,
    "limit": 50,
    "every": "month",
    "calendar": "",
}
# What people send, and not every field there is.
_TARGETS = [{"asset": "BTC", "weight_pct": "60"}, {"asset": "ETH", "weight_pct": "40"}]
_STRATEGY = {"name": "60/40", "account": 3, "min_delta_pct": "2", "order_size_pct": "20", "allocations": _TARGETS}
_BACKTEST = {"targets": _TARGETS, "min_delta_pct": "5", "interval": "1h", "start_cash": "10000"}
REQUESTS: dict[str, Any] = {
    "me_accounts_create": {"label": "Paper", "venue": "paper"},
    "me_accounts_partial_update": {"label": "Savings"},
    "me_strategies_create": _STRATEGY,
    "me_strategies_update": _STRATEGY,
    "me_strategies_partial_update": {"min_delta_pct": "3", "is_active": True},
    "me_rebalance_execute_create": {"strategy": 7},
    "me_orders_refresh_create": {"account": 3},
    "me_orders_cancel_all": {"account": 3},
    "me_backtests_create": _BACKTEST,
    "me_channel_change": {"kinds": ["rebalance_done", "autopilot_paused"], "enabled": True},
    "me_notification_settings_change": {
        "email_kinds": ["autopilot_paused", "key_refused", "kill_switch"],
        "quiet_from": "22:00",
        "quiet_to": "07:00",
        "urgent_breaks_quiet": True,
    },
    "me_backtests_partial_update": {"name": "60/40, wide band"},
    "me_sweeps_create": {**_BACKTEST, "vary": {"min_delta_pct": "2:6:2"}, "objective": "sharpe"},
    "me_sweeps_estimate_create": {**_BACKTEST, "vary": {"min_delta_pct": "2:6:2"}},
}
ENDS = {"_at": NOW, "_pct": "5", "_count": 2, "_ms": 1795339800120, "_minutes": 60, "_seconds": 30, "_hours": 24}


def example(schema: Schema, components: Schema, name: str = "", *, is_request: bool = False, deep: int = 0) -> Any:
    """A value of the schema, told by the name of the field it stands in."""
    if "$ref" in schema:
        return example(components[schema["$ref"].rsplit("/", 1)[1]], components, name, is_request=is_request, deep=deep)
    if "example" in schema:
        return schema["example"]
    for way in ("allOf", "oneOf", "anyOf"):
        if way in schema:
            return example(schema[way][0], components, name, is_request=is_request, deep=deep)
    kind = _kind(schema)
    told = _told(name, schema, kind)
    if told is not None:
        return told
    if kind == "object":
        return _object(schema, components, name, is_request=is_request, deep=deep)
    if kind == "array":
        if deep > MOST_DEEP:
            return []
        return [example(schema.get("items", {}), components, name, is_request=is_request, deep=deep + 1)]
    return _simple(schema, kind)


def _told(name: str, schema: Schema, kind: str) -> Any:
    """The telling value of a field, where it is one of this type and among its choices."""
    if name == "next" and schema.get("format") != "uri":
        return "It looks again in 20 s."  # of an autopilot, and no page
    value: Any = VALUES.get(name)
    if value is None:
        value = next((value for end, value in ENDS.items() if name.endswith(end)), None)
    if value is None or (kind and _kind_of(value) != kind):
        return None
    if schema.get("format") == "date-time" and not str(value).endswith("Z"):
        return None
    if kind == "object" and schema.get("properties"):
        return None
    if kind == "array":
        wants_objects = "$ref" in schema.get("items", {})
        return None if any(isinstance(row, dict) != wants_objects for row in value) else value
    choices = schema.get("enum")
    return value if choices is None or value in choices else None


def _kind(schema: Schema) -> str:
    kind = schema.get("type", "")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "")
    return str(kind or ("object" if "properties" in schema else ""))


def _kind_of(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}
    return kinds[type(value)]


def _object(schema: Schema, components: Schema, name: str, *, is_request: bool, deep: int) -> dict[str, Any]:
    hidden = "readOnly" if is_request else "writeOnly"
    shown = {
        field: example(inner, components, field, is_request=is_request, deep=deep + 1)
        for field, inner in schema.get("properties", {}).items()
        if not inner.get(hidden)
    }
    return shown


def _simple(schema: Schema, kind: str) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    if "default" in schema:
        return schema["default"]
    if schema.get("format") == "date-time":
        return NOW
    if schema.get("format") == "decimal":
        return "1"
    if kind == "integer":
        return max(1, int(schema.get("minimum", 1)))
    return {"boolean": False, "number": 1, "string": ""}.get(kind)
