"""The pages of administration keep nobody out either: its front page, lists with filters, and what is changed there."""

import pytest
from playwright.sync_api import Browser

from tests.e2e.browsing import Look, opened
from tests.e2e.test_every_page import violations
from tests.e2e.walking import Shown, sign_in

pytestmark = pytest.mark.e2e
PAGES = (
    "/admin/",
    "/admin/orders/autopilot/",
    "/admin/orders/order/",
    "/admin/accounts/user/1/change/",
    "/admin/exchanges/trafficstate/",
    "/admin/strategies/strategy/1/change/",
    "/admin/orders/order/1/change/",
)


@pytest.mark.parametrize("look", [Look("desktop", "en"), Look("phone", "ru")], ids=str)
def test_axe_finds_nothing_on_pages_of_administration(
    browser: Browser, shown: Shown, look: Look, subtests: pytest.Subtests
) -> None:
    with opened(browser, shown.url, look) as (page, _watch):
        sign_in(page.context, shown, "rich")
        for path in PAGES:
            with subtests.test(path):
                answer = page.goto(path)
                assert answer is not None
                assert answer.ok
                assert violations(page) == []
