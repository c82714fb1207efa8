"""Which settings concern which target model: forms, pages and the API show these and no others."""

from strategies.target_models import ModelKind

# Of every model.
COMMON = ("model_total_pct", "model_refresh_days", "model_auto_apply")
OWN = {
    ModelKind.EQUAL: (),
    ModelKind.MARKET_CAP: ("model_square_root", "model_cap_pct"),
    ModelKind.INVERSE_VOLATILITY: ("model_lookback_days", "model_cap_pct"),
    ModelKind.RISK_PARITY: ("model_lookback_days",),
    ModelKind.MINIMUM_VARIANCE: ("model_lookback_days", "model_cap_pct"),
    ModelKind.MOMENTUM: (
        "model_lookback_days",
        "model_skip_days",
        "model_top_k",
        "model_volatility_scaled",
        "model_negative_to_quote",
    ),
}
ALL = tuple(dict.fromkeys([name for names in OWN.values() for name in names] + list(COMMON)))


def fields_of(kind: ModelKind) -> tuple[str, ...]:
    """The settings of a model, in the order they are asked for; none for fixed weights."""
    return () if kind == ModelKind.FIXED else (*OWN[kind], *COMMON)
