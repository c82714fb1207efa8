"""How an account and its exchange are doing, for an operator: asked of the exchange now, and never raised."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from botbalance.lib.errors import AppError
from exchanges import keys, markets, services, traffic
from exchanges.adapters.binance import BinanceAdapter
from exchanges.domain import AccountInfo, KeyRights, RateLimit
from exchanges.errors import NotAvailable
from exchanges.ledger import limits as ledger_limits
from exchanges.models import ExchangeAccount

T = TypeVar("T")
PINGS = 3
# A signed request is refused from a second ahead on; it is corrected for, but the clock ought to be put right.
LARGE_OFFSET_MS = 1000


@dataclass(slots=True)
class Inspection:
    """What was found. None: it could not be asked. `problems` are sentences; empty when all is well."""

    account: int
    label: str
    venue: str = ""
    host: str = ""
    clock_offset_ms: int | None = None
    latency_ms: int | None = None
    info: AccountInfo | None = None
    rights: KeyRights | None = None
    limits: list[tuple[RateLimit, int | None]] = field(default_factory=list)
    symbols: int | None = None
    symbols_trading: int | None = None
    rules_age_seconds: int | None = None
    problems: list[str] = field(default_factory=list)


def inspect(account: ExchangeAccount) -> Inspection:
    """Ask for everything, one thing after another; what fails is a problem, and the next is asked all the same."""
    found = Inspection(account.pk, account.label)

    def ask(question: Callable[[], T]) -> T | None:
        try:
            return question()
        except AppError as error:
            if error.message not in found.problems:
                found.problems.append(error.message)
            return None

    adapter = ask(lambda: services.adapter_for(account))
    if adapter is None:
        return found
    found.venue, found.host = adapter.venue.value, urlsplit(adapter.base_url).netloc
    found.clock_offset_ms = ask(adapter.sync_clock)
    if found.clock_offset_ms is not None and abs(found.clock_offset_ms) >= LARGE_OFFSET_MS:
        found.problems.append(_("This server's clock is wrong by a second or more: set it by NTP."))
    found.latency_ms = ask(lambda: _latency_ms(adapter))
    found.info = ask(adapter.account_info)
    if found.info is not None and not found.info.can_trade:
        found.problems.append(keys.may_not_trade())
    found.rights = ask(lambda: _rights(adapter))
    if found.rights is not None:
        found.problems += _problems_of(found.rights)
    rules = ask(lambda: services.exchange_info_for(account))
    if rules is not None:
        found.symbols = len(rules.rules)
        found.symbols_trading = sum(rule.is_trading for rule in rules.rules.values())
        found.rules_age_seconds = markets.rules_age_seconds(adapter.venue)
        used = _used(adapter, account)
        found.limits = [(limit, used.get(limit.name)) for limit in rules.limits]
    return found


def _used(adapter: BinanceAdapter, account: ExchangeAccount) -> dict[str, int]:
    """What is used of the limits, by RateLimit.name: what the answers told, or what the ledger counted if more."""
    used = dict(adapter.used_limits)
    counted = traffic.traffic_of(adapter.base_url)
    orders = {f"{ledger_limits.ORDERS}{row.interval}": row.used for row in counted.orders if row.account == account.pk}
    for name, number in {ledger_limits.WEIGHT: counted.used, **orders}.items():
        used[name] = max(number, used.get(name, 0))
    return used


def _latency_ms(adapter: BinanceAdapter) -> int:
    """The middle one of a few pings."""
    times: list[int] = []
    for _number in range(PINGS):
        begun = time.perf_counter_ns()
        adapter.ping()
        times.append((time.perf_counter_ns() - begun) // 1_000_000)
    return sorted(times)[PINGS // 2]


def _rights(adapter: BinanceAdapter) -> KeyRights | None:
    try:
        return adapter.api_restrictions()
    except NotAvailable:  # nothing is wrong: only mainnet can be asked
        return None


def _problems_of(rights: KeyRights) -> list[str]:
    problems = []
    if rights.can_withdraw:
        problems.append(keys.may_withdraw())
    if not rights.can_trade_spot:
        problems.append(keys.may_not_trade())
    if not rights.is_ip_restricted:
        problems.append(keys.works_from_anywhere())
    return problems
