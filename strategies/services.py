"""The only writers of strategies, and the plan of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core import signing
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from botbalance.lib.errors import Conflict, Invalid
from botbalance.lib.money import HUNDRED, ZERO, plain
from exchanges import services as exchanges
from exchanges.domain import OrderReport, Side, SymbolRules
from exchanges.models import ExchangeAccount
from portfolio import services as portfolio
from portfolio.domain import Valuation, value_portfolio
from strategies import planner, selectors
from strategies.domain import MAX_TARGETS, BandType, Limits, OpenOrder, Plan, Target, TradeTo, describe_legs, has_moved
from strategies.models import Allocation, Strategy

FIELDS = (
    "name",
    "quote",
    "order_size_pct",
    "min_delta_pct",
    "band_type",
    "order_step_pct",
    "trade_to",
    "quote_reserve_pct",
    "max_orders",
    "max_turnover_pct",
    "sell_unlisted",
    "order_lifetime_seconds",
)


def create_strategy(
    user: User, account: ExchangeAccount, values: Mapping[str, Any], targets: Sequence[Target]
) -> Strategy:
    """A new strategy of the user's account; active when the account has no active one yet.

    `values` are fields of FIELDS, those left out take their defaults. Raises Invalid with field messages.
    """
    strategy = Strategy(user=user, account=account, **{"quote": account.quote, **_known(values)})
    _validate(strategy, targets)
    with transaction.atomic():
        ExchangeAccount.objects.select_for_update().get(pk=account.pk)
        strategy.is_active = not Strategy.objects.filter(account=account, is_active=True).exists()
        strategy.save()
        _write_targets(strategy, targets)
    return selectors.strategy_of(user, strategy.pk)


def update_strategy(strategy: Strategy, values: Mapping[str, Any], targets: Sequence[Target] | None) -> Strategy:
    """Change fields, and the targets where given. Raises Invalid with field messages; then nothing is changed."""
    for name, value in _known(values).items():
        setattr(strategy, name, value)
    _validate(strategy, selectors.targets(strategy) if targets is None else targets)
    with transaction.atomic():
        strategy.save()
        if targets is not None:
            strategy.allocations.all().delete()
            _write_targets(strategy, targets)
    return selectors.strategy_of(strategy.user, strategy.pk)


def activate(strategy: Strategy) -> None:
    """Make this the strategy its account follows; the one that was active before is not any more."""
    with transaction.atomic():
        ExchangeAccount.objects.select_for_update().get(pk=strategy.account_id)
        Strategy.objects.filter(account_id=strategy.account_id, is_active=True).update(is_active=False)
        Strategy.objects.filter(pk=strategy.pk).update(is_active=True)
    strategy.is_active = True


def deactivate(strategy: Strategy) -> None:
    """Follow no targets until a strategy is activated."""
    Strategy.objects.filter(pk=strategy.pk).update(is_active=False)
    strategy.is_active = False


def delete_strategy(strategy: Strategy) -> None:
    """Take the strategy out of use. Its row stays for the history of its runs; a run under way stops by itself."""
    Strategy.objects.filter(pk=strategy.pk).update(is_active=False, archived_at=timezone.now())


def delete_strategies_of(account: ExchangeAccount) -> None:
    """Take every strategy of an account out of use: the account is being disconnected."""
    Strategy.objects.filter(account=account, archived_at=None).update(is_active=False, archived_at=timezone.now())


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in FIELDS}


def _write_targets(strategy: Strategy, targets: Sequence[Target]) -> None:
    Allocation.objects.bulk_create(
        Allocation(strategy=strategy, asset=target.asset, weight_pct=target.weight_pct) for target in targets
    )


def _validate(strategy: Strategy, targets: Sequence[Target]) -> None:
    fields: dict[str, list[str]] = {}
    try:
        strategy.clean_fields(exclude=["user", "account"])
    except ValidationError as error:
        fields.update({name: list(texts) for name, texts in error.message_dict.items()})
    if strategy.quote != strategy.account.quote:
        fields["quote"] = [_("This account is kept in %(quote)s.") % {"quote": strategy.account.quote}]
    problems = _target_problems(strategy, targets)
    if problems:
        fields["allocations"] = problems
    if fields:
        raise Invalid(_("Some fields need your attention."), fields=fields)


def _target_problems(strategy: Strategy, targets: Sequence[Target]) -> list[str]:
    """What is wrong with the targets; known pairs are looked up only when all else is right."""
    problems: list[str] = []
    if not targets:
        return [_("Add at least one asset.")]
    if len(targets) > MAX_TARGETS:
        return [
            _("%(count)s assets are too many; the most is %(most)s.") % {"count": len(targets), "most": MAX_TARGETS}
        ]
    for target in targets:
        if not target.weight_pct.is_finite() or not ZERO <= target.weight_pct <= HUNDRED:
            problems.append(_("%(asset)s: a weight is between 0 and 100 %%.") % {"asset": target.asset})
    if problems:
        return problems
    assets = [target.asset for target in targets]
    for asset in sorted({asset for asset in assets if assets.count(asset) > 1}):
        problems.append(_("%(asset)s is in the list twice.") % {"asset": asset})
    if strategy.quote in assets:
        problems.append(
            _("%(asset)s is the quote: it gets what the other targets leave, so it has no target of its own.")
            % {"asset": strategy.quote}
        )
    total = sum((target.weight_pct for target in targets), ZERO)
    if total > HUNDRED:
        problems.append(_("The weights add up to %(total)s %%; the most is 100 %%.") % {"total": plain(total)})
    if problems:
        return problems
    info = exchanges.exchange_info_for(strategy.account)
    return [
        _("%(asset)s/%(quote)s is not traded on this exchange.") % {"asset": asset, "quote": strategy.quote}
        for asset in assets
        if info.pair(asset, strategy.quote) is None
    ]


# --- The plan --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan with what it was made of. `digest` vouches for its legs when the plan is executed."""

    plan: Plan
    valuation: Valuation
    open_orders: tuple[OrderReport, ...]
    digest: str


def plan_strategy(strategy: Strategy, turnover_used: Decimal = ZERO) -> Preview:
    """Plan one round from what the exchange says now: open orders, balances, prices, in this order.

    Open orders are read before balances: an order that fills in between is then counted twice, which trades too
    little, never too much. `turnover_used` is what was traded in the last 24 hours, in the quote. Raises an AppError.
    """
    account = strategy.account
    open_orders = tuple(exchanges.adapter_for(account).get_open_orders())
    known = portfolio.read_balances(account)
    market = exchanges.market_for(account, trading=True)
    valuation = value_portfolio(known.balances, strategy.quote, market.prices, market.info)
    limits = limits_of(strategy, max(known.maker_rate, known.taker_rate), valuation.nav, turnover_used)
    resting = [
        OpenOrder(order.symbol, Side(order.side), order.price, order.quantity - order.executed_quantity)
        for order in open_orders
    ]
    plan = planner.plan_rebalance(valuation, selectors.targets(strategy), limits, market.info, market.prices, resting)
    return Preview(plan, valuation, open_orders, _sign(strategy, plan))


def limits_of(strategy: Strategy, fee_rate: Decimal, nav: Decimal, turnover_used: Decimal) -> Limits:
    """The strategy's limits as the planner takes them."""
    turnover_left = None
    if strategy.max_turnover_pct is not None:
        turnover_left = nav * strategy.max_turnover_pct / HUNDRED - turnover_used
    return Limits(
        min_delta_pct=strategy.min_delta_pct,
        order_size_pct=strategy.order_size_pct,
        order_step_pct=strategy.order_step_pct,
        band_type=BandType(strategy.band_type),
        trade_to=TradeTo(strategy.trade_to),
        quote_reserve_pct=strategy.quote_reserve_pct,
        max_orders=strategy.max_orders,
        turnover_left=turnover_left,
        sell_unlisted=strategy.sell_unlisted,
        fee_rate=fee_rate,
    )


def limit_price(strategy: Strategy, rules: SymbolRules, side: Side, mid: Decimal) -> Decimal:
    """The price the strategy would put on an order now."""
    return planner.limit_price(rules, side, mid, strategy.order_step_pct)


def _signer(strategy: Strategy) -> signing.Signer:
    return signing.Signer(salt=f"plan-{strategy.pk}")


def _sign(strategy: Strategy, plan: Plan) -> str:
    return _signer(strategy).sign_object(describe_legs(plan.legs), compress=True)


def check_digest(strategy: Strategy, digest: str, plan: Plan) -> None:
    """Raise Conflict(plan_changed) when the plan is not the one the digest vouches for, within 1 % in any leg."""
    try:
        agreed = _signer(strategy).unsign_object(digest)
    except (signing.BadSignature, ValueError):
        raise Invalid(
            _("The plan digest is not one of this strategy."), fields={"plan_digest": [_("Ask for the plan again.")]}
        ) from None
    if has_moved(agreed, plan.legs):
        raise Conflict(
            _("The plan has changed since you saw it. Look at the new one before you rebalance."), code="plan_changed"
        )
