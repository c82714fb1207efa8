"""A new user is led from connecting an account to the autopilot, and may leave and come back."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts import services as accounts
from accounts.models import User
from botbalance.guide import guide_of
from exchanges.models import ExchangeAccount
from orders import services as orders
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
NAMES = ["account", "targets", "preview", "rebalance", "autopilot"]
PAPER = {"venue": "paper", "label": "Paper", "quote": "USDT"}


@pytest.fixture
def guided(alice: User) -> User:
    return accounts.guide(alice, on=True)


@pytest.fixture
def browser(guided: User, client_for: Callable[[User], Client]) -> Client:
    return client_for(guided)


def done(user: User) -> list[str]:
    return [step.name for step in guide_of(User.objects.get(pk=user.pk)).steps if step.is_done]


@pytest.mark.usefixtures("in_use")
def test_who_signs_up_is_led(client: Client) -> None:
    page = client.post(
        "/auth/sign-up/", {"email": "alice@example.org", "password1": "correct-horse-9"}, follow=True
    ).content.decode()
    assert '<nav class="guide"' in page
    assert "Connect an account" in page


def test_who_came_through_the_api_or_a_command_is_left_alone(alice: User, client_for: Callable) -> None:
    assert '<nav class="guide"' not in client_for(alice).get("/").content.decode()


def test_all_the_way(browser: Client, guided: User) -> None:
    """Every step is ticked when it is taken, and its page leads to the next one."""
    assert done(guided) == []
    assert browser.get("/guide/next/")["Location"] == "/exchange-accounts/connect/"

    answer = browser.post("/exchange-accounts/connect/", PAPER, follow=True)
    assert answer.redirect_chain[-1][0] == "/strategies/new/"
    assert done(guided) == NAMES[:1]

    form = {**defaults(answer), "targets-TOTAL_FORMS": 1, "targets-0-asset": "BTC", "targets-0-weight_pct": "60"}
    answer = browser.post("/strategies/new/", form, follow=True)
    strategy = Strategy.objects.get()
    assert answer.redirect_chain[-1][0] == f"/orders/preview/{strategy.pk}/"
    assert done(guided) == NAMES[:3]
    assert "Send the orders of the plan" in answer.content.decode()

    form = {"plan_digest": answer.context["digest"], "idempotency_key": str(answer.context["idempotency_key"])}
    page = browser.post(f"/orders/execute/{strategy.pk}/", form, follow=True).content.decode()
    assert done(guided) == NAMES[:4]
    assert 'Next: <a href="/guide/next/">Switch on the autopilot</a>' in page
    assert browser.get("/guide/next/")["Location"] == f"/orders/autopilot/{strategy.pk}/"

    orders.start_autopilot(guided, strategy)
    assert done(guided) == NAMES
    assert "All steps are done" in browser.get("/").content.decode()
    assert browser.get("/guide/next/")["Location"] == "/"


def defaults(answer: object) -> dict[str, object]:
    """What a browser would send of a form that nobody has touched."""
    context = answer.context  # type: ignore[attr-defined]
    sent = {"targets-INITIAL_FORMS": 0, "account": context["account_form"]["account"].value()}
    for form in (context["form"], context["model_form"]):
        sent |= {name: form[name].value() for name in form.fields if form[name].value() is not None}
    return sent


@pytest.mark.parametrize(
    ("page", "step"),
    [("/exchange-accounts/connect/", "Connect an account"), ("/strategies/new/", "Set your targets")],
)
def test_a_page_says_where_one_is(
    page: str, step: str, browser: Client, guided: User, paper_account: Callable[..., ExchangeAccount]
) -> None:
    paper_account(guided)
    html = browser.get(page).content.decode()
    here = html.partition('aria-current="step"')[2].partition("</li>")[0]
    assert step in here


def test_it_can_be_left_and_resumed(browser: Client, guided: User, paper_account: Callable) -> None:
    paper_account(guided)
    answer = browser.post("/guide/switch/", {"on": "0", "next": "/orders/"})
    assert answer["Location"] == "/orders/"
    assert '<nav class="guide"' not in browser.get("/").content.decode()
    overview = browser.get("/guide/").content.decode()
    assert "Show the steps on every page" in overview
    assert 'href="/strategies/new/"' in overview
    assert browser.post("/guide/switch/", {"on": "1"})["Location"] == "/guide/next/"
    assert '<nav class="guide"' in browser.get("/").content.decode()
    assert done(guided) == ["account"]


def test_one_users_steps_are_not_anothers(
    guided: User, charlie: User, paper_account: Callable, strategy: Callable, client_for: Callable
) -> None:
    strategy(paper_account(guided, label="Alices strongbox"))
    accounts.guide(charlie, on=True)
    assert done(charlie) == []
    assert "Alices strongbox" not in client_for(charlie).get("/guide/").content.decode()
