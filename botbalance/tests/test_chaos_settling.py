"""After a drill's faults: what settles is not waited for, and what does not is told by name."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from botbalance.chaos import settling
from botbalance.chaos.scene import Trader
from botbalance.chaos.traffic import Api
from exchanges.models import ExchangeAccount
from exchanges.paper import faults
from orders import services
from orders.models import Order, Run
from portfolio import services as portfolio
from portfolio.models import AccountBalances
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"], transaction=True)


class Person(Api):
    """Somebody whose site is the function `answers`: what a request is answered with, None where it fails."""

    def __init__(self, account: ExchangeAccount, answers: Callable[[str], Any]) -> None:
        super().__init__("http://nowhere.invalid", Trader(account.user_id, "token", account.pk, strategy_id=0))
        self.asked: list[str] = []
        self._answers = answers

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
        self.asked.append(path)
        answer = self._answers(path)
        self.trouble = "" if answer is not None else "503 the exchange has banned this server's address"
        return answer


@pytest.fixture
def account(alice: User, paper_account: Callable[..., ExchangeAccount]) -> ExchangeAccount:
    found = paper_account(alice, {"USDT": 10_000})
    portfolio.read_balances(found)
    return found


@pytest.fixture
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UNASSISTED_SECONDS", "GROUNDING_SECONDS", "ENDING_SECONDS", "READING_SECONDS"):
        monkeypatch.setattr(settling, name, 1)


def settle(person: Person) -> tuple[str, ...]:
    return settling.settle([person], lambda: None).loose_ends


def test_balances_that_are_current_and_yet_from_before_the_faults_ended_are_read_again(
    account: ExchangeAccount,
) -> None:
    def site(path: str) -> dict[str, Any]:
        if "refresh" in path:
            portfolio.read_balances(account)
        return {"problem": "", "problems": []}

    person = Person(account, site)
    assert settle(person) == ()
    asked = f"balances?account={account.pk}"
    assert [path for path in person.asked if path.startswith("balances")] == [asked, f"{asked}&refresh=true"]


def test_balances_that_were_read_since_are_taken_as_they_are_told(account: ExchangeAccount) -> None:
    AccountBalances.objects.filter(account=account).update(as_of=timezone.now() + timedelta(seconds=1))
    person = Person(account, lambda _path: {"problem": "", "problems": []})
    assert settle(person) == ()
    assert not any("refresh" in path for path in person.asked)


@pytest.mark.usefixtures("no_time")
def test_an_account_whose_balances_cannot_be_read_is_named_with_the_reason(account: ExchangeAccount) -> None:
    person = Person(account, lambda path: {"problem": "", "problems": []} if "balances" not in path else None)
    assert settle(person) == (
        f"account {account.pk}: its balances could not be read: 503 the exchange has banned this server's address",
    )


@pytest.mark.usefixtures("no_time")
def test_last_known_balances_with_a_reason_are_not_enough(account: ExchangeAccount) -> None:
    AccountBalances.objects.filter(account=account).update(as_of=timezone.now() + timedelta(minutes=1))
    person = Person(account, lambda _path: {"problem": "nothing is sent until 12:00:00 UTC", "problems": []})
    assert settle(person) == (
        f"account {account.pk}: its balances could not be read: nothing is sent until 12:00:00 UTC",
    )


@pytest.mark.usefixtures("no_time")
def test_balances_that_are_never_read_again_are_named_with_their_time(account: ExchangeAccount) -> None:
    (told,) = settle(Person(account, lambda _path: {"problem": "", "problems": []}))
    read_at = AccountBalances.objects.get(account=account).as_of
    assert told == f"account {account.pk}: its balances could not be read: they are still those of {read_at}"


@pytest.mark.usefixtures("no_time")
def test_an_autopilot_and_orders_that_do_not_end_are_named(
    alice: User, account: ExchangeAccount, strategy: Callable[..., Strategy]
) -> None:
    services.execute(alice, strategy(account, {"BTC": 40}, order_step_pct="5"), trigger=Run.Trigger.API)
    AccountBalances.objects.filter(account=account).update(as_of=timezone.now() + timedelta(minutes=1))
    order, run = Order.objects.get(), Run.objects.get()
    answers = {"balances": {"problem": ""}, "orders": {"problems": ["BTCUSDT: still open"]}}
    person = Person(account, lambda path: answers.get(path.split("?")[0].split("/")[0]))
    stop, of_order, of_run, cancel = settle(person)
    where = f"account {account.pk}: "
    assert stop.startswith(f"{where}its autopilot could not be switched off: 503 ")
    assert of_order.startswith(f"{where}BTCUSDT {order.client_order_id} has not come to its end: NEW, 0")
    assert of_run.startswith(f"{where}rebalance {run.pk} has not come to its end")
    assert cancel == f"{where}its orders could not be cancelled: BTCUSDT: still open"


def test_a_long_list_is_cut_short(account: ExchangeAccount, no_time: None) -> None:
    people = [Person(account, lambda _path: None) for _number in range(14)]
    told = settling.settle(people, lambda: None).loose_ends
    assert sum("could not be switched off" in text for text in told) == 10
    assert "… and 4 more of these" in told


@pytest.fixture
def unknown(alice: User, account: ExchangeAccount, strategy: Callable[..., Strategy]) -> Order:
    """An order that was sent, and of which nobody knows what became."""
    lost = {"match": "POST /api/v3/order", "kind": "reset_after"}
    with faults.plan([lost, {"match": "GET /api/v3/order", "kind": "refuse", "times": 100}]):
        services.execute(alice, strategy(account, {"BTC": 40}, order_step_pct="5"), trigger=Run.Trigger.API)
    found = Order.objects.get()
    assert found.status == "UNKNOWN"
    return found


def obedient_site(account: ExchangeAccount) -> Callable[[str], Any]:
    """Does what it is asked to do at once."""

    def site(path: str) -> dict[str, Any]:
        if path.startswith("orders"):
            services.cancel_all(account)
        if path.startswith("balances"):
            portfolio.read_balances(account)
        return {"problem": "", "problems": []}

    return site


@pytest.mark.usefixtures("no_time")
def test_an_order_that_only_a_cancel_has_found_out_about_is_named(account: ExchangeAccount, unknown: Order) -> None:
    (told,) = settle(Person(account, obedient_site(account)))
    assert told.startswith(f"account {account.pk}: BTCUSDT {unknown.client_order_id} has not come to its end: UNKNOWN")
    assert told.endswith("nobody has found that out by itself")
    unknown.refresh_from_db()
    assert unknown.is_final


@pytest.mark.usefixtures("no_time")
def test_an_order_that_the_systems_own_turns_find_out_about_is_as_it_should_be(
    account: ExchangeAccount, unknown: Order
) -> None:
    person = Person(account, obedient_site(account))
    assert settling.settle([person], lambda: _track(account)).loose_ends == ()


def _track(account: ExchangeAccount) -> None:
    services.track_account(account)
