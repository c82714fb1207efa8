"""What the document says beside what the views do: groups, one-line titles, what the numbers in addresses are, and an
example of everything that is sent and answered. A hook of drf-spectacular (SPECTACULAR_SETTINGS).
"""

import re
from typing import Any

from botbalance.openapi import refusals
from botbalance.openapi.examples import REQUESTS, example

# What an answer has or has not: settings of a target model that the strategy does not use are not shown.
NOT_ALWAYS = {"Strategy": ("model_refreshed_at", "model_due_at", "model_problem")}

METHODS = ("get", "post", "put", "patch", "delete")
OTHERS = "More"
# By the first words of an address behind /api/me/ (or /api/), the longest first.
TAGS = {
    "auth": "Signing in",
    "tokens": "Signing in",
    "accounts": "Exchange accounts",
    "balances": "Portfolio",
    "portfolio": "Portfolio",
    "cash-flows": "Portfolio",
    "strategies": "Strategies",
    "rebalance": "Rebalances and orders",
    "runs": "Rebalances and orders",
    "orders": "Rebalances and orders",
    "fills": "Rebalances and orders",
    "stranger-orders": "Rebalances and orders",
    "dust": "Small balances",
    "backtests": "Back-tests",
    "sweeps": "Back-tests",
    "notices": "Notices",
    "channels": "Notices",
    "notification-settings": "Notices",
    "status": "Portfolio",
}
AUTOPILOT = ("autopilot", "start", "stop", "ticks", "ticks.csv")
NUMBERS = {
    "account_id": "Number of an exchange account of yours.",
    "strategy_id": "Number of a strategy of yours.",
    "proposal_id": "Number of a proposal of new weights.",
    "run_id": "Number of a rebalance of yours.",
    "order_id": "Number of an order of yours (ours, not the exchange's).",
    "notice_id": "Number of a notice to you.",
    "channel_id": "Number of a channel of yours.",
    "backtest_id": "Number of a back-test of yours.",
    "sweep_id": "Number of a sweep of yours.",
}
KEY = "Text of your own, up to 100 letters: sent again with the same key, nothing is done twice."
SUMMARIES = {
    "me_channel": "A channel",
    "me_channel_change": "Change a channel",
    "me_channel_delete": "Remove a channel, and what is on its way through it",
    "me_notification_settings_change": "Replace what I am e-mailed, and my quiet hours",
    "me_accounts_create": "Connect an exchange account, or open a paper account",
    "me_accounts_destroy": "Disconnect an account",
    "me_accounts_partial_update": "Rename an account",
    "me_accounts_retrieve": "An exchange account",
    "me_strategies_create": "Create a strategy",
    "me_strategies_retrieve": "A strategy with its targets",
    "me_strategies_update": "Replace a strategy's settings and targets",
    "me_strategies_partial_update": "Change some of a strategy's settings, or its targets",
    "me_strategies_destroy": "Delete a strategy; its history is kept",
    "me_strategies_proposals_retrieve": "A proposal with the orders it would mean",
    "me_backtests_trades_csv": "Fills of a back-test as a CSV file",
    "me_backtests_equity_csv": "Curves of a back-test as a CSV file",
    "me_backtests_report_html": "Report of a back-test as one HTML file",
}


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Fill in what the views do not say themselves."""
    components = result.setdefault("components", {})
    schemas = components.get("schemas", {})
    for name, fields in NOT_ALWAYS.items():
        required = schemas.get(name, {}).get("required", [])
        required[:] = [field for field in required if field not in fields]
    used: list[str] = []
    for path, operations in result["paths"].items():
        tag = _tag(path)
        for method in METHODS:
            operation = operations.get(method)
            if operation is None:
                continue
            operation["tags"] = [tag]
            used.append(tag)
            _entitle(operation)
            for parameter in operation.get("parameters", []):
                _describe(parameter)
            _exemplify(operation, schemas)
    components["examples"] = refusals.examples()
    wanted = list(dict.fromkeys([*TAGS.values(), "Autopilot", OTHERS]))
    result["tags"] = [{"name": name} for name in wanted if name in used]
    return result


def _tag(path: str) -> str:
    words = re.sub(r"^/api/(v\d+/)?(me/)?", "", path).strip("/").split("/")
    if words[0] == "strategies" and words[-1] in AUTOPILOT:
        return "Autopilot"
    return TAGS.get(words[0].removesuffix(".csv"), OTHERS)


def _entitle(operation: dict[str, Any]) -> None:
    """A title of one line: the first sentence of what is said of the operation."""
    said = " ".join(operation.get("description", "").split())
    title = SUMMARIES.get(operation["operationId"]) or re.split(r"[.:;] |\.$", said, maxsplit=1)[0]
    if title:
        operation.setdefault("summary", title)
        operation["description"] = said or f"{title}."


def _describe(parameter: dict[str, Any]) -> None:
    if parameter["name"] in NUMBERS:
        parameter.setdefault("description", NUMBERS[parameter["name"]])
        parameter["schema"] = {**parameter["schema"], "minimum": 1}
    if parameter["name"] == "key":
        parameter["schema"] = {**parameter["schema"], "pattern": "^[A-Za-z0-9_-]{1,25}$"}
        parameter.setdefault("description", "The beginning of a token of yours, as lists of tokens show it.")
    if parameter["name"] == "Idempotency-Key":
        parameter["description"] = parameter.get("description") or KEY
        parameter["schema"] = {**parameter["schema"], "maxLength": 100}
        parameter.setdefault("example", "3f6c2a10-8f7e-4c52-9f11-0d2f3a51c9aa")


def _exemplify(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None and "examples" not in body:
        sent = REQUESTS.get(operation["operationId"]) or example(body["schema"], schemas, is_request=True)
        body["examples"] = {"sent": {"value": sent}}
    for status, answer in operation["responses"].items():
        if not status.startswith("2"):
            continue
        answer["description"] = answer.get("description") or ("Done." if status == "204" else "The answer.")
        content = answer.get("content", {}).get("application/json")
        if content is not None and "examples" not in content:
            content["examples"] = {"answered": {"value": example(content["schema"], schemas)}}
