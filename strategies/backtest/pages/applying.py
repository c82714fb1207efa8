""" "Apply these limits to my strategy": what would change, and the change. Targets are never touched."""

import hashlib
import json

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.pages import signed_in
from botbalance.lib.errors import AppError, Conflict
from botbalance.lib.web import say
from strategies import selectors as strategies
from strategies import services as saving
from strategies.backtest.domain import RunSettings
from strategies.backtest.pages import forming, wording
from strategies.backtest.selectors import runs as selectors
from strategies.models import Strategy


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def apply(request: HttpRequest, backtest_id: int) -> HttpResponse:
    """What a strategy would be with the limits of a back-test, before and after; then, once agreed to, the change."""
    user = signed_in(request)
    run = selectors.done_run_of(user, backtest_id)
    mine = list(strategies.strategies_of(user))
    if not mine:
        messages.info(request, _("You have no strategy yet. Create one first."))
        return redirect("backtests:run", run.pk)
    chosen = forming.strategy_named(user, request.GET.get("strategy", ""))
    strategy = chosen or next((row for row in mine if row.pk == run.strategy_id), mine[0])
    settings = selectors.settings_of(run)
    changes = wording.limit_changes(strategy, settings)
    if request.method == "POST":
        try:
            _change(request, strategy, settings, changes)
        except AppError as error:
            say(request, error)
            return redirect(f"{reverse('backtests:apply', args=[run.pk])}?strategy={strategy.pk}")
        return redirect("orders:preview", strategy.pk)
    context = {
        "run": run,
        "strategies": mine,
        "strategy": strategy,
        "changes": changes,
        "warnings": _warnings(settings, strategy),
        "seen": _seen(strategy, changes),
    }
    return render(request, "backtest/apply.html", context)


def _change(request: HttpRequest, strategy: Strategy, settings: RunSettings, changes: list[wording.ChangeRow]) -> None:
    """Make the change that was looked at. Raises Conflict where the strategy is not any more what was shown."""
    if request.POST.get("seen") != _seen(strategy, changes):
        raise Conflict(_("The strategy was changed meanwhile. Look again at what would change."))
    limits = wording.limits_of(settings)
    values = {row.name: limits[row.name] for row in changes}
    if values:
        saving.update_strategy(strategy, values, None)
    messages.success(request, _("%(name)s has these limits now.") % {"name": strategy.name})


def _seen(strategy: Strategy, changes: list[wording.ChangeRow]) -> str:
    """A fingerprint of what was shown: nothing else is applied."""
    shown = [strategy.pk, [[row.name, row.before, row.after] for row in changes]]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()


def _warnings(settings: RunSettings, strategy: Strategy) -> list[str]:
    """What is to be known before the limits are taken over."""
    mine, model = strategies.targets(strategy), settings.model or {"target_model": strategy.Model.FIXED}
    if any(getattr(strategy, name) != value for name, value in model.items()):
        return [_("The weights of the back-test came about in another way than those of this strategy do.")]
    # Weights that a model gives are those of their time.
    if settings.model and {one.asset for one in mine} == set(settings.assets):
        return []
    if not settings.model and set(mine) == set(settings.targets):
        return []
    return [_("The back-test had other targets than this strategy: what it found need not hold for these.")]
