"""SystemSettings: the operator's row over the environment, without a restart."""

import time
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from botbalance.lib import system_settings
from botbalance.lib.models import SystemSettings

pytestmark = pytest.mark.django_db


def change(**columns: object) -> None:
    """What another process does: this one is not told."""
    SystemSettings.objects.update_or_create(pk=SystemSettings.singleton_instance_id, defaults=columns)


def test_without_a_row_the_environment_holds(settings) -> None:
    settings.PRICING_SOURCE, settings.PRICING_USE_CACHE, settings.PRICING_TTL_SECONDS = "last", False, 7
    settings.PAPER_START_BALANCE, settings.TRADING_ENABLED = Decimal(123), False
    settings.EXCHANGE_INFO_TTL_SECONDS = 7200
    settings.KILL_SWITCH_CANCELS, settings.IDLE_BALANCE_SECONDS, settings.STALE_PRICE_SECONDS = False, 300, 30
    settings.PRICE_JUMP_PCT, settings.PRICE_JUMP_MINUTES = Decimal(5), 7
    settings.MAX_ORDER_NAV_PCT, settings.MAX_OPEN_ORDERS, settings.FAILURES_BEFORE_PAUSE = Decimal(20), 9, 3
    assert system_settings.read() == system_settings.Effective(
        pricing_source="last",
        pricing_use_cache=False,
        pricing_ttl_seconds=7,
        exchange_info_ttl_seconds=7200,
        paper_start_balance=Decimal(123),
        trading_enabled=False,
        kill_switch_cancels=False,
        idle_balance_seconds=300,
        stale_price_seconds=30,
        price_jump_pct=Decimal(5),
        price_jump_minutes=7,
        max_order_nav_pct=Decimal(20),
        max_open_orders=9,
        failures_before_pause=3,
    )


def test_an_empty_field_falls_back_to_the_environment_and_a_filled_one_does_not(settings) -> None:
    settings.PRICING_SOURCE, settings.PRICING_USE_CACHE, settings.PRICING_TTL_SECONDS = "last", True, 7
    change(pricing_source="", pricing_use_cache=False, pricing_ttl_seconds=None, paper_start_balance=Decimal("50.5"))
    effective = system_settings.read()
    assert (effective.pricing_source, effective.pricing_use_cache, effective.pricing_ttl_seconds) == ("last", False, 7)
    assert effective.paper_start_balance == Decimal("50.5")
    assert effective.trading_enabled is settings.TRADING_ENABLED


def test_a_change_acts_within_the_lifetime_in_a_process_that_was_not_told(settings) -> None:
    settings.SYSTEM_SETTINGS_TTL_SECONDS = 0.2
    change(pricing_ttl_seconds=3)
    assert system_settings.current().pricing_ttl_seconds == 3
    change(pricing_ttl_seconds=30)
    assert system_settings.current().pricing_ttl_seconds == 3
    time.sleep(0.21)
    assert system_settings.current().pricing_ttl_seconds == 30


def test_between_two_looks_at_the_row_nothing_is_read(django_assert_num_queries) -> None:
    system_settings.current()
    with django_assert_num_queries(0):
        system_settings.current()


def test_the_trading_switch_acts_at_once(settings) -> None:
    settings.SYSTEM_SETTINGS_TTL_SECONDS = 3600
    system_settings.current()
    assert system_settings.trading_enabled()
    change(trading_enabled=False)
    assert not system_settings.trading_enabled()
    change(trading_enabled=True)
    settings.TRADING_ENABLED = False
    assert system_settings.trading_enabled()
    change(trading_enabled=None)
    assert not system_settings.trading_enabled()


def test_a_change_in_the_admin_acts_at_once_in_that_process(admin_client) -> None:
    assert system_settings.current().pricing_source == "mid"
    form = {
        "trading_enabled": "unknown",
        "pricing_source": "last",
        "pricing_use_cache": "unknown",
        "pricing_ttl_seconds": "9",
        "paper_start_balance": "2500.00",
    }
    answer = admin_client.post(reverse("admin:lib_systemsettings_changelist"), form)
    assert answer.status_code == 302
    effective = system_settings.current()
    assert (effective.pricing_source, effective.pricing_ttl_seconds) == ("last", 9)
    assert effective.paper_start_balance == 2500


@pytest.mark.parametrize(
    "columns",
    [
        {"pricing_source": "median"},
        {"pricing_ttl_seconds": 0},
        {"pricing_ttl_seconds": 301},
        {"paper_start_balance": Decimal("9.99")},
        {"paper_start_balance": Decimal("1000000001")},
        {"paper_start_balance": Decimal("NaN")},
    ],
)
def test_values_that_make_no_sense_are_refused(columns: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SystemSettings(**columns).full_clean()


def test_there_is_one_row() -> None:
    SystemSettings(pricing_ttl_seconds=3).save()
    SystemSettings(pricing_ttl_seconds=4).save()
    assert list(SystemSettings.objects.values_list("pricing_ttl_seconds", flat=True)) == [4]


def test_a_form_that_was_opened_before_the_kill_switch_was_set_does_not_unset_it(admin_client) -> None:
    page = admin_client.get(reverse("admin:lib_systemsettings_changelist"), follow=True)
    form = page.context["adminform"].form
    shown = {bound.html_name: bound.value() or "" for bound in form} | {
        bound.html_initial_name: bound.value() or "" for bound in form
    }
    system_settings.change(trading_enabled=False)
    typed = {**shown, "pricing_ttl_seconds": "9"}
    answer = admin_client.post(page.request["PATH_INFO"], typed, follow=True)
    assert answer.status_code == 200
    row = SystemSettings.get_solo()
    assert (row.pricing_ttl_seconds, row.trading_enabled) == (9, False)


def test_the_kill_switch_works_whatever_another_column_holds() -> None:
    change(pricing_ttl_seconds=100_000)
    system_settings.change(trading_enabled=False)
    assert not system_settings.trading_enabled()
    with pytest.raises(ValidationError):
        system_settings.change(max_open_orders=0)
