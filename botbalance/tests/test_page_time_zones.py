"""Every page shows its times in the reader's zone, and names it."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts.models import User
from exchanges.models import ExchangeAccount
from orders import services as orders
from orders.models import Order, Run
from portfolio import services as portfolio
from portfolio.models import PortfolioSnapshot
from strategies import services as strategies
from strategies.models import Strategy

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
# A zone that no time of these pages is in by chance: 5 hours and 45 minutes before UTC is never on the hour.
ZONE, OFFSET = "Asia/Kathmandu", "UTC+5:45"
PAGES = [
    "/",
    "/orders/",
    "/orders/runs/",
    "/orders/runs/{run}/",
    "/orders/{order}/",
    "/orders/preview/{strategy}/",
    "/orders/autopilot/{strategy}/",
    "/strategies/",
    "/strategies/{strategy}/model/",
    "/exchange-accounts/",
    "/performance/{account}/",
    "/dust/{account}/",
    "/auth/account/",
    "/auth/account/notices/",
    "/auth/account/tokens/",
]


@pytest.fixture
def ids(
    alice: User,
    paper_account: Callable[..., ExchangeAccount],
    strategy: Callable[..., Strategy],
    api_for: Callable[[User], APIClient],
) -> dict[str, int]:
    """What alice has: something with a time for every page."""
    account = paper_account(alice, {"USDT": 10_000})
    targets = strategy(account, {"BTC": 60}, order_step_pct="2")
    portfolio.take_snapshot(account, PortfolioSnapshot.Reason.HOURLY)
    api_for(alice).post("/api/me/rebalance/execute", {"strategy": targets.pk}, format="json")
    orders.start_autopilot(alice, targets)
    strategies.refresh(strategies.update_strategy(targets, {"target_model": "equal"}, None), by_hand=True)
    accounts.tell(alice, "Something happened")
    accounts.set_time_zone(alice, ZONE)
    run, order = Run.objects.get(), Order.objects.get()
    return {"account": account.pk, "strategy": targets.pk, "run": run.pk, "order": order.pk}


def text_of(html: str) -> str:
    """What is read on a page."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<option.*?</option>|<[^>]+>", " ", html, flags=re.DOTALL)))


def test_no_page_says_utc_to_who_lives_elsewhere(
    alice: User, ids: dict[str, int], client_for: Callable[[User], Client], subtests: pytest.Subtests
) -> None:
    browser = client_for(alice)
    for page in PAGES:
        with subtests.test(page=page):
            answer = browser.get(page.format(**ids))
            assert answer.status_code == 200
            text = text_of(answer.content.decode())
            text = text.replace("the API keep to UTC", "")
            assert re.findall(r".{30}UTC(?![+−\d]).{0,20}", text) == []
            assert ZONE in text or OFFSET in text


def test_an_hour_on_a_page_is_the_readers(alice: User, ids: dict[str, int], client_for: Callable) -> None:
    order = Order.objects.get()
    page = client_for(alice).get(f"/orders/{order.pk}/").content.decode()
    accounts.set_time_zone(alice, "")
    at_utc = client_for(alice).get(f"/orders/{order.pk}/").content.decode()
    times = [re.findall(r"(\d\d:\d\d):\d\d UTC", text) for text in (page, at_utc)]
    minutes = [[60 * int(time[:2]) + int(time[3:]) for time in found] for found in times]
    assert minutes[0]
    assert [(there - here) % 1440 for there, here in zip(*minutes, strict=True)] == [345] * len(minutes[0])
