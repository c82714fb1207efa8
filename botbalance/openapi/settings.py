"""What drf-spectacular is told of the API's document. Read by the settings: imports nothing of Django."""

SPECTACULAR_SETTINGS = {
    "TITLE": "BotBalance API",
    "DESCRIPTION": "Portfolios, strategies, rebalances and orders. Decimals are strings, times ISO 8601 UTC.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "PREPROCESSING_HOOKS": ["botbalance.lib.api_versions.with_versions"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "botbalance.openapi.completing.complete",
    ],
    "ENUM_NAME_OVERRIDES": {
        "AccountStatus": "exchanges.models.ExchangeAccount.Status",
        "BacktestState": "strategies.backtest.models.BacktestRun.State",
        "DustSweepState": "orders.dust.models.DustSweep.State",
        "NotificationKind": "accounts.notifications.models.Kind",
        "OrderStatus": "orders.domain.STATUS_CHOICES",
        "ProposalState": "strategies.models.TargetProposal.State",
        "RunState": "orders.models.Run.State",
        "TokenScope": "accounts.tokens.models.ApiToken.Scope",
    },
}
