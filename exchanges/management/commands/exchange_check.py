import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from botbalance.lib.errors import NotFound
from botbalance.lib.money import plain
from exchanges import inspection, selectors
from exchanges.inspection import Inspection


class Command(BaseCommand):
    help = "Ask an account's exchange how things are: clock, answer time, rights, limits, rules. Exit code 1: problems."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", type=int, required=True, metavar="N", help="an exchange account's number")
        parser.add_argument("--json", action="store_true", help="one JSON object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            account = selectors.any_account(options["account"])
        except NotFound:
            raise CommandError(f"There is no exchange account {options['account']}.") from None
        found = inspection.inspect(account)
        self.stdout.write(json.dumps(_body(found)) if options["json"] else "\n".join(_sentences(found)))
        if found.problems:
            raise CommandError(f"Account {found.account} has problems: {len(found.problems)}.")


def _body(found: Inspection) -> dict[str, Any]:
    return {
        "account": found.account,
        "label": found.label,
        "venue": found.venue,
        "host": found.host,
        "clock_offset_ms": found.clock_offset_ms,
        "latency_ms": found.latency_ms,
        "can_trade": found.info and found.info.can_trade,
        "can_withdraw": found.rights and found.rights.can_withdraw,
        "is_ip_restricted": found.rights and found.rights.is_ip_restricted,
        "maker_rate": found.info and plain(found.info.maker_rate),
        "taker_rate": found.info and plain(found.info.taker_rate),
        "limits": [{"name": limit.name, "used": used, "limit": limit.limit} for limit, used in found.limits],
        "symbols": found.symbols,
        "symbols_trading": found.symbols_trading,
        "rules_age_seconds": found.rules_age_seconds,
        "problems": found.problems,
    }


def _sentences(found: Inspection) -> list[str]:
    """What is known, in plain words; what could not be asked is among the problems."""
    where = f"trades at {found.venue} ({found.host})" if found.venue else "cannot trade"
    said = [f"Account {found.account} ({found.label}) {where}."]
    if found.clock_offset_ms is not None:
        which = "ahead of" if found.clock_offset_ms >= 0 else "behind"
        said.append(f"Clock: the exchange is {abs(found.clock_offset_ms)} ms {which} this server.")
    if found.latency_ms is not None:
        said.append(f"Answer time: {found.latency_ms} ms.")
    if found.info is not None:
        said.append(f"Key: it may {'' if found.info.can_trade else 'not '}trade{_rights_in_words(found)}.")
        said.append(f"Commission: maker {plain(found.info.maker_rate)}, taker {plain(found.info.taker_rate)}.")
    for limit, used in found.limits:
        known = f"{used} of {limit.limit} used" if used is not None else f"{limit.limit}; what is used is not told yet"
        said.append(f"Limit {limit.name}: {known}.")
    if found.symbols is not None:
        age = f", read {found.rules_age_seconds} s ago" if found.rules_age_seconds is not None else ""
        said.append(f"Symbol rules: {found.symbols} symbols, {found.symbols_trading} of them trading{age}.")
    said += [f"Problem: {problem}" for problem in found.problems]
    return said if found.problems else [*said, "No problems."]


def _rights_in_words(found: Inspection) -> str:
    if found.rights is None:
        return "; what else it may do cannot be asked here"
    withdraws = "it may withdraw" if found.rights.can_withdraw else "it may not withdraw"
    bound = "only from listed addresses" if found.rights.is_ip_restricted else "from any address"
    return f"; {withdraws}; it works {bound}"
