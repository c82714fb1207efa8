"""Every address of the site as the URL conf has it, and what every row of a user is in the database."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import ForeignKey, Model
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern, RoutePattern

from accounts.models import Notice, User
from accounts.notifications.models import Channel, Event
from accounts.tokens.models import ApiToken
from exchanges.models import ExchangeAccount
from orders.models import Order, StrangerOrder, Tick
from portfolio.models import CashFlow
from strategies.models import Strategy

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Route:
    """One address: `/orders/<int:order_id>/` with its parameters' names and its view."""

    template: str
    parameters: tuple[str, ...]
    name: str
    view: Callable[..., Any]

    def __str__(self) -> str:
        return self.template

    @property
    def is_api(self) -> bool:
        return self.template.startswith("/api/")

    @property
    def is_admin(self) -> bool:
        return self.template.startswith("/admin/")

    def path(self, values: Mapping[str, Any]) -> str:
        """The address with its parameters filled in. KeyError for a parameter nobody has a value for."""
        return re.sub(r"<(?:[a-z]+:)?(\w+)>", lambda found: str(values[found[1]]), self.template)


def routes() -> list[Route]:
    """Every route below the root URL conf, in its order."""
    return list(_walk(get_resolver().url_patterns, "/", ""))


def _walk(patterns: list[URLPattern | URLResolver], prefix: str, namespace: str) -> Iterator[Route]:
    for entry in patterns:
        template = prefix + _template(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from _walk(entry.url_patterns, template, inner)
        else:
            parameters = tuple(re.findall(r"<(?:[a-z]+:)?(\w+)>", template))
            yield Route(template, parameters, f"{namespace}{entry.name or ''}", entry.callback)


def _template(pattern: Any) -> str:
    """A pattern as a path with `<name>` for every parameter; regular expressions are reduced to that."""
    if isinstance(pattern, RoutePattern):
        return str(pattern)
    assert isinstance(pattern, RegexPattern)
    text = str(pattern).removeprefix("^").removesuffix("$").removesuffix(r"\Z")
    text = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"<\1>", text)
    return text.replace("\\", "")


# --- rows ------------------------------------------------------------------------------------------------


def path_to_user(model: type[Model], seen: tuple[type[Model], ...] = ()) -> str | None:
    """The lookup from a model to the user it belongs to, over its foreign keys; None when it belongs to nobody."""
    keys = [column for column in model._meta.concrete_fields if isinstance(column, ForeignKey)]
    for key in keys:
        if key.related_model is User:
            return key.name
    for key in keys:
        target = key.related_model
        if isinstance(target, str) or target in (model, *seen):
            continue
        further = path_to_user(target, (*seen, model))
        if further is not None:
            return f"{key.name}__{further}"
    return None


def owned_models() -> dict[type[Model], str]:
    """Every model whose rows belong to a user, with the lookup that says to whom. Found by their keys."""
    found = {model: path_to_user(model) for model in apps.get_models()}
    owned = {model: path for model, path in found.items() if path is not None}
    # Who did what in the admin, and who is signed in, are not a user's things.
    return {model: path for model, path in owned.items() if model._meta.app_label not in ("admin", "sessions")}


def paper_models() -> dict[type[Model], str]:
    """Every model of the paper exchange that belongs to one of its accounts."""
    models = apps.get_app_config("paper").get_models()
    found: dict[type[Model], str] = {}
    for model in models:
        names = {column.name for column in model._meta.concrete_fields}
        if "api_key" in names:
            found[model] = "api_key"
        elif "account" in names:
            found[model] = "account__api_key"
    return found


def snapshot(user: User) -> dict[str, list[dict[str, Any]]]:
    """Every row that belongs to a user, here and at the paper exchange."""
    rows = {"User": list(User.objects.filter(pk=user.pk).values())}
    for model, path in owned_models().items():
        rows[model._meta.label] = list(model._default_manager.filter(**{path: user}).order_by("pk").values())
    for row in rows[ApiToken._meta.label]:
        del row["last_used_at"]  # who looks leaves this trace
    keys = [account.paper_key for account in ExchangeAccount.objects.filter(user=user)]
    for model, path in paper_models().items():
        query = model._default_manager.filter(**{f"{path}__in": keys})
        rows[model._meta.label] = list(query.order_by("pk").values())
    return rows


def secrets_of(user: User) -> list[str]:
    """Words that only this user may ever be shown: labels, names, addresses, ids of orders and tokens."""
    accounts = ExchangeAccount.objects.filter(user=user)
    return [
        user.email,
        *accounts.values_list("label", flat=True),
        *(account.paper_key for account in accounts),
        *Strategy.objects.filter(user=user).values_list("name", flat=True),
        *Order.objects.filter(user=user).values_list("client_order_id", flat=True),
        *StrangerOrder.objects.filter(account__user=user).values_list("client_order_id", flat=True),
        *CashFlow.objects.filter(account__user=user).values_list("asset", flat=True),
        *(str(tick.values.get("details", "")) for tick in Tick.objects.filter(user=user, code="failed")),
        *Channel.objects.filter(user=user).values_list("name", flat=True),
        *Channel.objects.filter(user=user).values_list("hint", flat=True),
        *Event.objects.filter(user=user).values_list("title", flat=True),
        *Notice.objects.filter(user=user).values_list("title", flat=True),
        *ApiToken.objects.filter(user=user).values_list("key", flat=True),
    ]
