"""What a strategy's model says of its assets now: the past is read, and the model asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import numpy as np
from django.conf import settings
from django.utils.translation import gettext as _

from botbalance.lib.errors import Conflict
from strategies import market_caps, past_closes, selectors
from strategies.models import Strategy
from strategies.presentation import model_reason, model_refusal
from strategies.services.entries import Entry
from strategies.target_models import ModelKind, ModelWeights, NoWeights, weights_of


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model gives, and the last day whose closing prices it looked at (None for none)."""

    kind: ModelKind
    given: ModelWeights
    closes_until: date | None


def ask_model(strategy: Strategy, entries: Sequence[Entry], now: datetime) -> Answer:
    """The model's weights of these assets, from closes of days that are over at `now`. Outside any transaction.

    Raises Conflict (no_weights) where it has no answer, or one that rests on too little: an asset it cannot measure is
    not sold for that. Raises what the exchange, or the source of market capitalisations, answers with.
    """
    model = selectors.model_of(strategy)
    if model is None:
        raise Conflict(_("The weights of this strategy are fixed: no model is asked for them."), code="no_model")
    assets = [entry.asset for entry in entries]
    closes, until = np.empty((0, len(assets))), None
    if model.closes_needed:
        past = past_closes.read(strategy.account, strategy.quote, assets, model.closes_needed, now)
        closes, until = past.matrix, past.last_day
    figures = _figures(entries) if model.kind == ModelKind.MARKET_CAP else {}
    try:
        given = weights_of(model, assets, closes, figures)
    except NoWeights as refused:
        raise Conflict(model_refusal(refused), code="no_weights") from refused
    if given.unmeasured:
        parts = [f"{row.asset}: {model_reason(row.code, row.values)}" for row in given.unmeasured]
        raise Conflict(" ".join([*parts, _("So nothing is changed.")]), code="no_weights")
    return Answer(model.kind, given, until)


def _figures(entries: Sequence[Entry]) -> dict[str, Decimal]:
    """Market capitalisations by asset: typed ones first, the others from the source where this server may ask it."""
    figures = {entry.asset: entry.market_cap for entry in entries if entry.market_cap is not None}
    wanted = {entry.asset: entry.coin_id for entry in entries if entry.asset not in figures and entry.coin_id}
    if wanted and settings.FETCH_MARKET_CAPS:
        coins = market_caps.read(sorted(set(wanted.values())))
        for asset, coin_id in wanted.items():
            coin = coins.get(coin_id)
            if coin is not None and coin.market_cap is not None:
                figures[asset] = coin.market_cap
    return figures
