"""History in the admin: found by its owner's address, opened, and changed by nobody."""

from collections.abc import Callable

import pytest
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from accounts import services as accounts
from accounts.models import Notice, User
from botbalance.lib.models import SystemSettings
from exchanges.models import ExchangeAccount
from orders import services
from orders.models import Autopilot, Order, Run, StrangerOrder, Tick, Watch
from portfolio.models import CashFlow
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


@pytest.fixture
def office(client_for: Callable[[User], Client]) -> Client:
    admin, _created = accounts.ensure_superadmin("admin@example.org", "correct horse battery")
    return client_for(admin)


@pytest.fixture
def _history(alice: User, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]) -> None:
    now = timezone.now()
    account = paper_account(alice, {"USDT": 10_000})
    targets = strategy(account, {"BTC": 60}, order_step_pct="2")
    services.start_autopilot(alice, targets)
    services.execute(alice, targets, trigger=Run.Trigger.AUTOPILOT)
    Tick.objects.create(
        user=alice, strategy=targets, status="held", code="trading_off", started_at=now, ended_at=now
    )  # fmt: skip
    StrangerOrder.objects.create(
        account=account, exchange_order_id=7, symbol="BTCUSDT", side="BUY", type="LIMIT", price=1, quantity=1,
        seen_at=now,
    )  # fmt: skip
    CashFlow.objects.create(account=account, at=now, kind="deposit", asset="USDT", amount=1)
    accounts.tell(alice, "The autopilot has paused")


@pytest.mark.usefixtures("_history")
@pytest.mark.parametrize("model", [Autopilot, CashFlow, Notice, Order, Run, StrangerOrder, Tick, Watch])
def test_it_is_found_and_opened_and_changed_by_nobody(
    model: type[Model], office: Client, alice: User, bob: User
) -> None:
    base = f"/admin/{model._meta.app_label}/{model._meta.model_name}"
    row = model._default_manager.get()
    found = office.get(f"{base}/", {"q": alice.email})
    assert found.context["cl"].result_count == 1
    assert alice.email in found.content.decode()
    assert office.get(f"{base}/", {"q": bob.email}).context["cl"].result_count == 0
    page = office.get(f"{base}/{row.pk}/change/")
    assert page.status_code == 200
    assert 'name="_save"' not in page.content.decode()
    assert office.get(f"{base}/add/").status_code == 403
    assert office.post(f"{base}/{row.pk}/change/", {}).status_code == 403
    assert office.post(f"{base}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert model._default_manager.count() == 1


@pytest.mark.usefixtures("_history")
def test_filters_and_reasons_are_in_words(office: Client) -> None:
    assert (
        "Trading is switched off on this server."
        in office.get("/admin/orders/tick/?status__exact=held").content.decode()
    )
    assert "0 autopilots" in office.get("/admin/orders/autopilot/?paused_at__isempty=0").content.decode()
    watches = office.get("/admin/orders/watch/?due_ms__isempty=0").content.decode()
    assert "1 watch" in watches


def test_every_system_setting_can_be_set(office: Client) -> None:
    page = office.get("/admin/lib/systemsettings/").content.decode()
    names = [field.name for field in SystemSettings._meta.fields if field.name != "id"]
    assert [name for name in names if f'name="{name}"' not in page] == []
