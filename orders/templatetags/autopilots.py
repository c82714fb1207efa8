"""How autopilots stand, for pages of apps below this one, which cannot ask for it themselves."""

from typing import Any

from django import template

from orders import telling
from orders.standings import Standing, standings_of
from orders.telling import Badge
from strategies.models import Strategy

register = template.Library()


@register.simple_tag(takes_context=True)
def autopilots(context: dict[str, Any]) -> dict[int, Standing]:
    """How the reader's autopilots stand, in two queries however many there are: for the filter `badge_of`."""
    return {strategy.pk: standing for strategy, standing in standings_of(context["request"].user)}


@register.filter
def badge_of(standings: dict[int, Standing], strategy: Strategy) -> Badge:
    """The badge of one strategy's autopilot."""
    return telling.badge(strategy, standings.get(strategy.pk))
