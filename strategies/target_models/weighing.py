"""The weights a model gives to the past it is shown. It reads nothing else: neither a clock nor what came later."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from botbalance.lib.money import ZERO, plain
from strategies.target_models import risk, shares
from strategies.target_models.history import Measured, Places, a_year, measured, moving, priced, volatilities
from strategies.target_models.values import Explanation, ModelKind, ModelSettings, ModelWeights, NoWeights

Floats = npt.NDArray[np.float64]
# An amount at a bound, but for what a float is off by.
AT_BOUND = 1e-7


class _Split(NamedTuple):
    """Fractions of what is divided, for the columns `places`; the explanations of all assets, in any order."""

    places: Places
    fractions: Floats
    explanations: Sequence[Explanation]


def weights_of(
    model: ModelSettings,
    assets: Sequence[str],
    closes: Floats,
    market_caps: Mapping[str, Decimal] | None = None,
) -> ModelWeights:
    """The weight of every asset, and why.

    `closes` are past daily closes, days x assets, oldest first, NaN where there is none; only the last
    `model.closes_needed` rows are looked at. For a model that needs none they may have no rows; where there are any, an
    asset without a latest close gets nothing. `market_caps` are read by MARKET_CAP alone: positive figures in any one
    currency. The order of the assets makes no difference to the weights.

    They add up exactly to `model.total_pct`, or to less where the cap leaves a rest or momentum goes to the quote.
    Raises NoWeights where nothing can be said, ValueError for FIXED or for arguments that do not fit together.
    """
    if closes.ndim != 2 or closes.shape[1] != len(assets) or len(set(assets)) != len(assets):
        raise ValueError("One column of closes is needed for every asset, and every asset once.")
    if not assets:
        raise NoWeights("no_assets")
    order = sorted(range(len(assets)), key=lambda place: assets[place])
    names = [assets[place] for place in order]
    split = _split(model, names, closes[:, order], market_caps or {})
    percents = shares.percents(split.fractions, model.total_pct, model.cap)
    weights = {names[place]: percent for place, percent in zip(split.places.tolist(), percents, strict=True)}
    explained = {row.asset: row for row in split.explanations}
    return ModelWeights(
        {asset: weights.get(asset, ZERO.quantize(shares.QUANTUM)) for asset in assets},
        tuple(explained[asset] for asset in assets),
    )


def _split(model: ModelSettings, assets: Sequence[str], closes: Floats, market_caps: Mapping[str, Decimal]) -> _Split:
    if model.kind == ModelKind.EQUAL:
        return _equal(assets, closes)
    if model.kind == ModelKind.MARKET_CAP:
        return _market_cap(model, assets, closes, market_caps)
    if model.kind == ModelKind.INVERSE_VOLATILITY:
        return _inverse_volatility(model, assets, closes)
    if model.kind == ModelKind.RISK_PARITY:
        return _risk_parity(model, assets, closes)
    if model.kind == ModelKind.MINIMUM_VARIANCE:
        return _minimum_variance(model, assets, closes)
    if model.kind == ModelKind.MOMENTUM:
        return _momentum(model, assets, closes)
    raise ValueError("Fixed weights come from their owner, not from a model.")


def _equal(assets: Sequence[str], closes: Floats) -> _Split:
    places, left_out = priced(assets, closes)
    count = len(places)
    rows = [Explanation(assets[place], "equal", {"count": str(count)}) for place in places]
    return _Split(places, np.full(count, 1.0 / count), [*rows, *left_out])


def _market_cap(
    model: ModelSettings, assets: Sequence[str], closes: Floats, market_caps: Mapping[str, Decimal]
) -> _Split:
    places, left_out = priced(assets, closes)
    known = {asset: figure for asset, figure in market_caps.items() if figure.is_finite() and figure > 0}
    unknown = [assets[place] for place in places if assets[place] not in known]
    if unknown:
        raise NoWeights("no_market_cap", assets=", ".join(unknown))
    figures = np.array([float(known[assets[place]]) for place in places])
    if model.square_root:
        figures = np.sqrt(figures)
    plainly = shares.proportional(figures)
    fractions = shares.proportional(figures, shares.fraction_of(model.cap, model.total_pct))
    rows = []
    for place, fraction, before in zip(places.tolist(), fractions.tolist(), plainly.tolist(), strict=True):
        code = "market_cap_root" if model.square_root else "market_cap"
        if fraction < before - AT_BOUND:
            code = "market_cap_capped"
        asset = assets[place]
        values = {"market_cap": plain(known[asset]), "share": shares.as_percent(before)}
        rows.append(Explanation(asset, code, values))
    return _Split(places, fractions, [*rows, *left_out])


def _risky(model: ModelSettings, assets: Sequence[str], closes: Floats) -> tuple[Measured, list[dict[str, str]]]:
    """The assets whose risk can be measured, and what their explanations have in common."""
    found = moving(assets, measured(assets, closes, model.closes_needed), model.lookback_days)
    values = [
        {"volatility": f"{a_year(volatility):.1f}", "days": str(model.lookback_days)}
        for volatility in volatilities(found.returns).tolist()
    ]
    return found, values


def _inverse_volatility(model: ModelSettings, assets: Sequence[str], closes: Floats) -> _Split:
    found, values = _risky(model, assets, closes)
    figures = 1.0 / volatilities(found.returns)
    plainly = shares.proportional(figures)
    fractions = shares.proportional(figures, shares.fraction_of(model.cap, model.total_pct))
    rows = [
        Explanation(
            assets[place], "inverse_volatility_capped" if after < before - AT_BOUND else "inverse_volatility", row
        )
        for place, before, after, row in zip(found.places, plainly, fractions, values, strict=True)
    ]
    return _Split(found.places, fractions, [*rows, *found.left_out])


def _risk_parity(model: ModelSettings, assets: Sequence[str], closes: Floats) -> _Split:
    found, values = _risky(model, assets, closes)
    covariance = _covariance(found)
    fractions = risk.risk_parity(covariance)
    brought = risk.risk_shares(covariance, fractions)
    rows = [
        Explanation(assets[place], "risk_parity", {**row, "risk": shares.as_percent(part)})
        for place, part, row in zip(found.places.tolist(), brought.tolist(), values, strict=True)
    ]
    return _Split(found.places, fractions, [*rows, *found.left_out])


def _minimum_variance(model: ModelSettings, assets: Sequence[str], closes: Floats) -> _Split:
    found, values = _risky(model, assets, closes)
    covariance = _covariance(found)
    cap = shares.fraction_of(model.cap, model.total_pct)
    fractions = risk.minimum_variance(covariance, cap)
    held = fractions / fractions.sum()
    together = f"{a_year(float(max(0.0, held @ covariance @ held)) ** 0.5):.1f}"
    rows = []
    for place, fraction, row in zip(found.places.tolist(), fractions.tolist(), values, strict=True):
        code = "minimum_variance"
        if fraction < AT_BOUND:
            code = "minimum_variance_none"
        elif cap < 1.0 and fraction > cap - AT_BOUND:
            code = "minimum_variance_capped"
        rows.append(Explanation(assets[place], code, {**row, "together": together}))
    return _Split(found.places, fractions, [*rows, *found.left_out])


def _momentum(model: ModelSettings, assets: Sequence[str], closes: Floats) -> _Split:
    found = measured(assets, closes, model.closes_needed)
    if model.volatility_scaled:
        found = moving(assets, found, model.lookback_days)
    window = closes[-model.closes_needed :, found.places]
    until = _latest_known(window[: len(window) - model.skip_days])
    changes = until / window[0] - 1.0
    calm = volatilities(found.returns[-model.lookback_days :])
    order = np.argsort(-changes, kind="stable")
    chosen = order[: model.top_k]
    fractions = np.zeros(len(changes))
    fractions[chosen] = shares.proportional(1.0 / calm[chosen] if model.volatility_scaled else np.ones(len(chosen)))
    rows = []
    for rank, index in enumerate(order.tolist(), start=1):
        change = float(changes[index])
        values = {
            "rank": str(rank),
            "count": str(len(order)),
            "change": shares.as_percent(change),
            "days": str(model.lookback_days),
        }
        if rank > model.top_k:
            code, values = "momentum_not_chosen", {**values, "top": str(model.top_k)}
        elif model.negative_to_quote and change < 0.0:
            code, fractions[index] = "momentum_to_quote", 0.0
        elif model.volatility_scaled:
            code, values = "momentum_scaled", {**values, "volatility": f"{a_year(float(calm[index])):.1f}"}
        else:
            code = "momentum"
        rows.append(Explanation(assets[int(found.places[index])], code, values))
    return _Split(found.places, fractions, [*rows, *found.left_out])


def _latest_known(closes: Floats) -> Floats:
    """The last close of each column that is one; the first row has them all."""
    known = np.isfinite(closes) & (closes > 0.0)
    last = np.where(known, np.arange(len(closes))[:, None], 0).max(axis=0)
    return np.asarray(closes[last, np.arange(closes.shape[1])])


def _covariance(found: Measured) -> Floats:
    """Sample covariance (n - 1) of the daily returns."""
    return np.atleast_2d(np.cov(found.returns, rowvar=False))
