"""Whether a strategy may be saved as it is given."""

from collections.abc import Sequence

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from botbalance.lib.errors import Invalid
from botbalance.lib.money import HUNDRED, ZERO
from botbalance.lib.numbers import amount
from exchanges import services as exchanges
from strategies.domain import BNB, MAX_TARGETS
from strategies.models import Strategy
from strategies.services.entries import Entry
from strategies.target_models import HEEDS_CAP, ModelKind


def validate(strategy: Strategy, entries: Sequence[Entry]) -> None:
    """Raise Invalid with what is wrong, per field; what is about the rows is in `allocations`."""
    fields: dict[str, list[str]] = {}
    try:
        strategy.clean_fields(exclude=["user", "account"])
    except ValidationError as error:
        fields.update({name: list(texts) for name, texts in error.message_dict.items()})
    if "target_model" in fields:
        raise Invalid(_("Some fields need your attention."), fields=fields)  # what else is right depends on it
    if strategy.quote != strategy.account.quote:
        fields["quote"] = [_("This account is kept in %(quote)s.") % {"quote": strategy.account.quote}]
    distance = strategy.reprice_distance_pct
    if not fields and distance is not None and distance <= strategy.order_step_pct:
        # Every order would be too far away from the start, and be priced anew with every move of the market.
        fields["reprice_distance_pct"] = [
            _("Orders are placed %(step)s%% from the middle; this must be more.")
            % {"step": amount(strategy.order_step_pct)}
        ]
    if not fields and strategy.bnb_for_fees:
        info = exchanges.exchange_info_for(strategy.account)
        if info.pair(BNB, strategy.quote) is None:
            text = _("%(asset)s/%(quote)s is not traded on this exchange.")
            fields["bnb_for_fees"] = [text % {"asset": BNB, "quote": strategy.quote}]
    if not fields:
        fields.update(model_problems(strategy, len(entries)))
    problems = _entry_problems(strategy, entries)
    if problems:
        fields["allocations"] = problems
    if fields:
        raise Invalid(_("Some fields need your attention."), fields=fields)


def model_problems(strategy: Strategy, count: int) -> dict[str, list[str]]:
    """Settings of the chosen model that do not go together with so many assets."""
    kind = ModelKind(strategy.target_model)
    fields: dict[str, list[str]] = {}
    cap = strategy.model_cap_pct
    if kind in HEEDS_CAP and cap is not None and 0 < count * cap < strategy.model_total_pct:
        fields["model_cap_pct"] = [
            _("%(count)s assets of at most %(cap)s%% do not make %(total)s%%. Raise it, or add assets.")
            % {"count": count, "cap": amount(cap), "total": amount(strategy.model_total_pct)}
        ]
    if kind == ModelKind.MOMENTUM and 0 < count < strategy.model_top_k:
        fields["model_top_k"] = [
            ngettext(
                "There is only %(count)s asset in the list.", "There are only %(count)s assets in the list.", count
            )
            % {"count": count}
        ]
    if kind in (ModelKind.RISK_PARITY, ModelKind.MINIMUM_VARIANCE) and strategy.model_lookback_days < 2 * count:
        # How assets move together is more noise than measure where there are not a good many more days than assets.
        fields["model_lookback_days"] = [
            _("For %(count)s assets at least %(least)s days are needed.") % {"count": count, "least": 2 * count}
        ]
    return fields


def _entry_problems(strategy: Strategy, entries: Sequence[Entry]) -> list[str]:
    """What is wrong with the rows; known pairs are looked up only when all else is right."""
    if not entries:
        return [_("Add at least one asset.")]
    if len(entries) > MAX_TARGETS:
        return [
            _("%(count)s assets are too many; the most is %(most)s.") % {"count": len(entries), "most": MAX_TARGETS}
        ]
    problems = [problem for entry in entries for problem in _problems_of(strategy, entry)]
    if problems:
        return problems
    assets = [entry.asset for entry in entries]
    for asset in sorted({asset for asset in assets if assets.count(asset) > 1}):
        problems.append(_("%(asset)s is in the list twice.") % {"asset": asset})
    if strategy.quote in assets:
        problems.append(
            _("%(asset)s is the quote: it gets what the other targets leave, so it has no target of its own.")
            % {"asset": strategy.quote}
        )
    total = sum((entry.target.weight_pct for entry in entries), ZERO)
    if total > HUNDRED:
        problems.append(_("The weights add up to %(total)s%%; the most is 100%%.") % {"total": amount(total)})
    if problems:
        return problems
    info = exchanges.exchange_info_for(strategy.account)
    return [
        _("%(asset)s/%(quote)s is not traded on this exchange.") % {"asset": asset, "quote": strategy.quote}
        for asset in assets
        if info.pair(asset, strategy.quote) is None
    ]


def _problems_of(strategy: Strategy, entry: Entry) -> list[str]:
    """What is wrong with one row by itself."""
    kind = ModelKind(strategy.target_model)
    asset = {"asset": entry.asset}
    problems = []
    weight = entry.weight_pct
    if weight is None and kind == ModelKind.FIXED:
        problems.append(_("%(asset)s: give it a weight.") % asset)
    if weight is not None and (not weight.is_finite() or not ZERO <= weight <= HUNDRED):
        problems.append(_("%(asset)s: a weight is between 0 and 100%%.") % asset)
    if kind != ModelKind.MARKET_CAP:
        return problems
    if entry.market_cap is not None and not (entry.market_cap.is_finite() and entry.market_cap > 0):
        problems.append(_("%(asset)s: a market capitalisation is more than 0.") % asset)
    if entry.market_cap is None and not (entry.coin_id and settings.FETCH_MARKET_CAPS):
        text = _("%(asset)s: type its market capitalisation.")
        if settings.FETCH_MARKET_CAPS:
            text = _("%(asset)s: type its market capitalisation, or say which coin it is at the source of them.")
        problems.append(text % asset)
    return problems
