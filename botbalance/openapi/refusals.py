"""Which refusals an operation may answer with, and why: what follows from its shape, and what its services refuse."""

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")

CODES: dict[str, tuple[int, str]] = {
    "invalid": (400, "Something in the request is wrong; `fields` says what, by field."),
    "parse_error": (400, "The body is no JSON that can be read."),
    "not_authenticated": (401, "No token and no session came with the request."),
    "authentication_failed": (401, "The token is unknown, expired or revoked."),
    "invalid_credentials": (401, "The address or the password is wrong."),
    "token_scope": (403, "The token may only read."),
    "permission_denied": (403, "Not allowed: for this token, or for a session without its CSRF token."),
    "user_suspended": (403, "The user may look, but not trade."),
    "not_found": (404, "No such thing, or not yours: the two look the same."),
    "no_account": (404, "No exchange account is connected yet."),
    "candles_missing": (404, "There are no candles of one of these symbols."),
    "account_not_ready": (409, "The account is paused, or its key is refused."),
    "backtest_not_done": (409, "The back-test has no result (yet)."),
    "backtest_over": (409, "The back-test has ended already."),
    "candles_unreadable": (409, "A file of candles is damaged."),
    "cannot_sweep": (409, "The exchange converts nothing of this account; `message` says why."),
    "conflict": (409, "Right in itself, but not in the present state; `message` says why."),
    "credentials_refused": (409, "The exchange refuses the account's key."),
    "idempotency_key_reused": (409, "The idempotency key was used for something else."),
    "no_secret": (409, "Only a webhook has a secret."),
    "not_set_up": (409, "The server has no superadmin yet: whoever runs it makes the first account on its page."),
    "nothing_held": (409, "The account holds no coin that could be a target yet."),
    "set_up_already": (409, "The server is set up already."),
    "too_soon": (409, "A trial has just been sent: wait a few seconds."),
    "no_model": (409, "The weights of this strategy are fixed."),
    "no_weights": (409, "The model gives no weights now; `message` says why."),
    "not_paper": (409, "Only a paper account can be reset."),
    "offer_changed": (409, "The exchange does not convert some of these any more."),
    "order_final": (409, "The order has ended already."),
    "orders_open": (409, "Orders are still open, or not all is known of them."),
    "orders_unresolved": (409, "The outcome of an earlier order is still being looked up."),
    "plan_changed": (409, "The plan has moved since it was agreed to: look at the new one."),
    "proposal_closed": (409, "The proposal is not open any more."),
    "run_active": (409, "A rebalance of this account is under way."),
    "strategy_changed": (409, "The strategy was changed meanwhile."),
    "strategy_inactive": (409, "The strategy is not the active one of its account."),
    "sweep_not_done": (409, "The sweep has no result (yet)."),
    "sweep_over": (409, "The sweep has ended already."),
    "looking_at_candles": (409, "The sweep reads its candles; try again in a moment."),
    "too_many_backtests": (409, "So many back-tests wait or are kept already."),
    "too_many_channels": (409, "So many channels are kept already: remove one."),
    "too_many_sweeps": (409, "So many sweeps wait or are kept already."),
    "too_many_tokens": (409, "So many tokens are kept already: revoke one."),
    "trading_off": (409, "Trading is switched off on this server."),
    "venue_not_contacted": (409, "This server never contacts the account's exchange."),
    "too_large": (413, "The body is larger than this server takes."),
    "unsupported_media_type": (415, "Send JSON with the Content-Type application/json."),
    "exchange_rejected": (422, "The exchange understood and refused; `message` says why."),
    "throttled": (429, "Too many requests: wait for `Retry-After` seconds."),
    "not_available": (501, "The account's exchange does not have this."),
    "exchange_error": (502, "The exchange answered something nobody understands."),
    "away": (503, "This server cannot reach its database or cache: try again in a moment."),
    "exchange_throttled": (503, "The exchange asks this server to slow down: try again later."),
    "exchange_unavailable": (503, "The exchange cannot be reached: nothing was done, try again."),
    "stale_prices": (503, "The latest prices are too old to trade on."),
    "clock_skew": (503, "The exchange refuses this server's clock."),
    "outcome_unknown": (503, "The exchange may have done it: ask for the order, do not send it again."),
}

ASKS_EXCHANGE = (
    "credentials_refused", "venue_not_contacted", "exchange_rejected", "exchange_error", "exchange_throttled",
    "exchange_unavailable", "stale_prices", "clock_skew",
)  # fmt: skip
TRADES = (*ASKS_EXCHANGE, "outcome_unknown", "user_suspended", "account_not_ready")
STARTS = (*TRADES, "strategy_inactive", "orders_unresolved", "trading_off")
HAS_CANDLES = ("candles_missing", "candles_unreadable")
WITH_HOLDINGS = (*ASKS_EXCHANGE, *HAS_CANDLES)

# By operation: what its services refuse beside what every operation of its shape does.
OWN: dict[str, tuple[str, ...]] = {
    "auth_register": ("not_set_up",),
    "auth_token": ("invalid_credentials", "throttled", "too_many_tokens"),
    "me_accounts_create": ASKS_EXCHANGE,
    "me_accounts_destroy": (*ASKS_EXCHANGE, "outcome_unknown", "orders_open"),
    "me_accounts_check_create": ASKS_EXCHANGE,
    "me_accounts_reset_create": (*ASKS_EXCHANGE, "outcome_unknown", "orders_open", "not_paper"),
    "me_balances_retrieve": (*ASKS_EXCHANGE, "no_account"),
    "me_cash_flows_list": ("no_account",),
    "me_channel_create": ("too_many_channels",),
    "me_channel_rotate_secret": ("no_secret",),
    "me_channel_test": ("too_soon",),
    "me_portfolio_history_list": ("no_account",),
    "me_portfolio_history_csv": ("no_account",),
    "me_portfolio_performance_retrieve": ("no_account",),
    "me_portfolio_tax_lots_retrieve": ("no_account",),
    "me_portfolio_summary_retrieve": (*ASKS_EXCHANGE, "no_account"),
    "me_stranger_orders_list": ("no_account",),
    "me_dust_retrieve": (*ASKS_EXCHANGE, "no_account", "not_available"),
    "me_dust_offer_retrieve": (*ASKS_EXCHANGE, "no_account", "not_available", "cannot_sweep"),
    "me_dust_conversions_create": (
        *TRADES, "trading_off", "cannot_sweep", "offer_changed", "run_active", "orders_unresolved", "not_available",
        "idempotency_key_reused",
    ),
    "me_strategies_create": ("conflict",),
    "me_strategies_update": ("conflict",),
    "me_strategies_partial_update": ("conflict",),
    "me_strategies_destroy": ("conflict",),
    "me_strategies_plan_retrieve": ASKS_EXCHANGE,
    "me_strategies_autopilot_retrieve": ASKS_EXCHANGE,
    "me_strategies_start_create": STARTS,
    "me_strategies_stop_create": (*TRADES, "conflict"),
    "me_strategies_refresh_create": (*ASKS_EXCHANGE, *HAS_CANDLES, "no_model", "no_weights", "strategy_changed"),
    "me_strategies_proposals_apply_create": ("proposal_closed",),
    "me_strategies_proposals_dismiss_create": ("proposal_closed",),
    "me_rebalance_execute_create": (*STARTS, "plan_changed", "run_active", "idempotency_key_reused"),
    "me_runs_stop_create": TRADES,
    "me_orders_refresh_create": (*ASKS_EXCHANGE, "no_account"),
    "me_orders_cancel_create": (*TRADES, "order_final"),
    "me_orders_cancel_all": (*TRADES, "no_account"),
    "me_backtests_create": (*WITH_HOLDINGS, "too_many_backtests", "idempotency_key_reused"),
    "me_backtests_again_create": (*HAS_CANDLES, "too_many_backtests", "conflict"),
    "me_backtests_cancel_create": ("backtest_over",),
    "me_backtests_trades_retrieve": ("backtest_not_done",),
    "me_backtests_trades_csv": ("backtest_not_done",),
    "me_backtests_equity_csv": ("backtest_not_done",),
    "me_backtests_report_html": ("backtest_not_done", "conflict"),
    "me_sweeps_create": (*WITH_HOLDINGS, "too_many_sweeps", "idempotency_key_reused", "conflict"),
    "me_sweeps_estimate_create": (*WITH_HOLDINGS, "conflict"),
    "me_sweeps_cancel_create": ("sweep_over",),
    "me_sweeps_destroy": ("looking_at_candles",),
    "me_sweeps_settings_retrieve": ("sweep_not_done",),
    "me_tokens_create": ("too_many_tokens",),
}  # fmt: skip


class ErrorBody(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="For programs: it stays what it is.")
    message = serializers.CharField(help_text="For people, in the language of the request (Accept-Language).")
    fields = serializers.DictField(  # type: ignore[assignment]  # the name on the wire
        child=serializers.ListField(child=serializers.CharField()),
        help_text="By field, dotted where it is nested (allocations.1.weight_pct); empty where no field is to blame.",
    )


class ErrorAnswer(serializers.Serializer[Any]):
    """Every refusal of the API has this shape."""

    error = ErrorBody()


def codes_of(operation: dict[str, Any], method: str, *, is_throttled: bool) -> list[str]:
    """Codes an operation may refuse with, by their status."""
    parameters = operation.get("parameters", [])
    is_secured = any(operation.get("security", []))
    has_body = "requestBody" in operation
    named = any(row["in"] == "path" or row["name"] in ("account", "strategy", "run") for row in parameters)
    body = str(operation.get("requestBody", ""))
    rules: dict[str, bool] = {
        "invalid": has_body or any(row["in"] != "path" for row in parameters),
        "parse_error": has_body,
        "not_authenticated": is_secured,
        "authentication_failed": is_secured,
        "token_scope": is_secured and method in UNSAFE,
        "permission_denied": is_secured and method in UNSAFE,
        "not_found": named or (has_body and is_secured and bool(body)),
        "idempotency_key_reused": any(row["name"] == "Idempotency-Key" for row in parameters),
        "too_large": has_body,
        "unsupported_media_type": has_body,
        "throttled": is_throttled,
        "away": True,
    }
    found = {*(code for code, applies in rules.items() if applies), *OWN.get(operation["operationId"], ())}
    return sorted(found, key=list(CODES).index)


def responses(codes: Iterable[str], reference: dict[str, Any]) -> dict[str, Any]:
    """By status: what the codes mean, and the one shape they come in."""
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(CODES[code][0], []).append(code)
    return {
        str(status): {
            "description": "\n".join(f"- `{code}`: {CODES[code][1]}" for code in own),
            "content": {
                "application/json": {
                    "schema": reference,
                    "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in own},
                }
            },
        }
        for status, own in sorted(by_status.items())
    }


def examples() -> dict[str, Any]:
    """A refusal of every code, for the components of the document."""
    return {code: {"value": {"error": _example(code, text)}} for code, (_status, text) in CODES.items()}


def _example(code: str, text: str) -> dict[str, Any]:
    if code == "invalid":
        fields = {"account": ["A valid integer is required."]}
        return {"code": code, "message": "Some fields need your attention.", "fields": fields}
    return {"code": code, "message": text.replace("`", ""), "fields": {}}
