"""Symbol rules serve for as long as an operator says, and are read again at once after a filter failure."""

from dataclasses import replace
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError

from botbalance.lib import system_settings
from botbalance.lib.models import SystemSettings
from exchanges import markets
from exchanges.domain import ExchangeInfo, RateLimit, SymbolRules, Venue
from exchanges.tests.support import DATABASES

pytestmark = pytest.mark.django_db(databases=DATABASES)
START = "2026-06-01T12:00:00Z"


class Exchange:
    """Rules, and how often they were read."""

    def __init__(self) -> None:
        self.reads = 0
        self.info = ExchangeInfo.of(
            {"BTCUSDT": SymbolRules("BTCUSDT", "BTC", "USDT")}, (RateLimit("REQUEST_WEIGHT", "1M", 6000),)
        )

    def exchange_info(self) -> ExchangeInfo:
        self.reads += 1
        return self.info


def another_process(exchange: Any) -> ExchangeInfo:
    """The rules as a process sees them that holds no copy of its own."""
    markets.forget_rules()
    return markets.rules(Venue.PAPER, exchange)


def tune(seconds: int | None) -> None:
    SystemSettings.objects.update_or_create(
        pk=SystemSettings.singleton_instance_id, defaults={"exchange_info_ttl_seconds": seconds}
    )
    system_settings.forget()


@pytest.mark.parametrize(("seconds", "lifetime"), [(None, 3600), (3600, 3600), (21_600, 21_600)])
def test_rules_are_read_again_when_their_time_is_over(seconds: int | None, lifetime: int) -> None:
    tune(seconds)
    exchange = Exchange()
    with time_machine.travel(START, tick=False) as clock:
        assert another_process(exchange) == exchange.info
        clock.shift(lifetime - 1)
        assert another_process(exchange) == exchange.info
        assert exchange.reads == 1
        clock.shift(1)
        another_process(exchange)
    assert exchange.reads == 2


def test_a_shorter_lifetime_acts_on_rules_that_were_read_before() -> None:
    tune(21_600)
    exchange = Exchange()
    with time_machine.travel(START, tick=False) as clock:
        another_process(exchange)
        clock.shift(3600)
        tune(3600)
        another_process(exchange)
    assert exchange.reads == 2


def test_the_environment_gives_the_lifetime_where_no_operator_does(settings: Any) -> None:
    settings.EXCHANGE_INFO_TTL_SECONDS = 7200
    tune(None)
    assert system_settings.read().exchange_info_ttl_seconds == 7200
    tune(3600)
    assert system_settings.read().exchange_info_ttl_seconds == 3600


@pytest.mark.parametrize("seconds", [0, 3599, 21_601])
def test_a_lifetime_out_of_bounds_is_refused(seconds: int) -> None:
    with pytest.raises(ValidationError) as caught:
        SystemSettings(exchange_info_ttl_seconds=seconds).clean_fields()
    assert "exchange_info_ttl_seconds" in caught.value.message_dict


def test_rules_of_a_future_that_was_taken_back_are_read_again() -> None:
    exchange = Exchange()
    with time_machine.travel(START, tick=False) as clock:
        another_process(exchange)
        clock.shift(-3600)
        another_process(exchange)
    assert exchange.reads == 2


def test_a_refresh_does_not_wait_for_the_lifetime_and_is_seen_by_every_process() -> None:
    exchange = Exchange()
    markets.rules(Venue.PAPER, exchange)
    exchange.info = ExchangeInfo.of({})
    assert markets.rules(Venue.PAPER, exchange).rules
    markets.refresh_rules(Venue.PAPER, exchange)
    assert markets.rules(Venue.PAPER, exchange).rules == {}
    assert another_process(exchange).rules == {}
    assert exchange.reads == 2


def test_the_age_of_the_rules_can_be_asked() -> None:
    exchange = Exchange()
    with time_machine.travel(START, tick=False) as clock:
        assert markets.rules_age_seconds(Venue.PAPER) is None
        markets.rules(Venue.PAPER, exchange)
        clock.shift(90)
        assert markets.rules_age_seconds(Venue.PAPER) == 90
        markets.forget_rules()
        assert markets.rules_age_seconds(Venue.PAPER) == 90
        assert markets.rules_age_seconds(Venue.TESTNET) is None
        markets.refresh_rules(Venue.PAPER, exchange)
        assert markets.rules_age_seconds(Venue.PAPER) == 0


def test_symbols_that_cannot_be_read_are_logged_once_for_each_time_the_rules_are_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    exchange = Exchange()
    exchange.info = replace(exchange.info, passed_over=("ETHUSDT: not a number: None",))
    for _number in range(3):
        another_process(exchange)
    lines = [record.getMessage() for record in caplog.records if "passed_over" in record.getMessage()]
    assert lines == ["exchange_info venue=paper passed_over=1: ETHUSDT: not a number: None"]
