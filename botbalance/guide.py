"""The first steps of a new user: an account, targets, the plan, a rebalance, the autopilot. What is done is read from
what there is, so that whoever comes back later, or took another way, finds it ticked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import User
from exchanges import selectors as exchanges
from orders import selectors as orders
from orders.standings import autopilot_of
from strategies import selectors as strategies

# By the names of the pages on which a step is taken.
PAGES = {
    "exchanges:connect": "account",
    "exchanges:list": "account",
    "strategies:create": "targets",
    "strategies:edit": "targets",
    "strategies:model": "targets",
    "orders:preview": "preview",
    "orders:run": "rebalance",
    "orders:autopilot": "autopilot",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step: where it is taken (`view` and the id in its address, if any), and how it stands. What cannot be taken
    yet has no view.
    """

    name: str
    title: str
    text: str
    view: str
    pk: int | None
    is_done: bool
    is_here: bool = False


@dataclass(frozen=True, slots=True)
class Guide:
    steps: Sequence[Step]

    @property
    def following(self) -> Step | None:
        """The first step that is not done yet."""
        return next((step for step in self.steps if not step.is_done), None)

    @property
    def is_taken_here(self) -> bool:
        """Whether the next step is taken on this very page."""
        here = next((step for step in self.steps if step.is_here), None)
        following = self.following
        return here is not None and following is not None and (here.view, here.pk) == (following.view, following.pk)


def for_request(request: HttpRequest) -> Guide | None:
    """The guide as it stands on the page that is asked for; None for who is nobody."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return None
    found = request.resolver_match
    return guide_of(user, PAGES.get(found.view_name, "") if found else "")


def guide_of(user: User, here: str = "") -> Guide:
    """How far the user has come, in at most four queries. `here` is the step whose page they are on."""
    accounts = list(exchanges.accounts_of(user))
    strategy = strategies.strategies_of(user).prefetch_related(None).filter(is_active=True).first()
    run = orders.runs_of(user).order_by("-id").first() if accounts else None
    autopilot = autopilot_of(strategy) if strategy else None
    pk = strategy.pk if strategy else None
    steps = [
        Step(
            "account",
            _("Connect an account"),
            _("A paper account with play money, or Binance with a key of yours."),
            "exchanges:list" if accounts else "exchanges:connect",
            None,
            is_done=bool(accounts),
        ),
        Step(
            "targets",
            _("Set your targets"),
            _("Which coins, and how much of each in percent. Presets save the typing."),
            ("strategies:edit" if strategy else "strategies:create") if accounts else "",
            pk,
            is_done=strategy is not None,
        ),
        Step(
            "preview",
            _("Look at the plan"),
            _("The exact orders that would bring the account to your targets. Nothing is sent."),
            "orders:preview" if strategy else "",
            pk,
            is_done=user.has_previewed or run is not None,
        ),
        Step(
            "rebalance",
            _("Rebalance"),
            _("Send the orders of the plan, and watch them fill."),
            ("orders:run" if run else "orders:preview") if strategy else "",
            run.pk if run else pk,
            is_done=run is not None,
        ),
        Step(
            "autopilot",
            _("Switch on the autopilot"),
            _("It keeps the weights from then on. Leave it off if you would rather press the button yourself."),
            "orders:autopilot" if strategy else "",
            pk,
            is_done=autopilot is not None and autopilot.is_on,
        ),
    ]
    return Guide([_placed(step, here) for step in steps])


def _placed(step: Step, here: str) -> Step:
    return Step(step.name, step.title, step.text, step.view, step.pk, step.is_done, is_here=step.name == here)
