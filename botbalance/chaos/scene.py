"""Who trades in a drill: users with an account at the exchange and a strategy that has something to do all the time."""

import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django_celery_beat.models import IntervalSchedule, PeriodicTask

from accounts.models import User
from accounts.tokens.services import issue_token
from botbalance import services
from exchanges import services as exchanges
from exchanges.paper import services as paper
from strategies import services as strategies
from strategies.domain import Target

_SCHEDULE = {"orders.tasks.dispatch": 1, "orders.tasks.track_orders": 5}
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "LINKUSDT")
# A step size ten times as coarse, in which every symbol can still trade.
COARSE_STEPS = {
    "BTCUSDT": "0.0001", "ETHUSDT": "0.001", "SOLUSDT": "0.01", "XRPUSDT": "1", "ADAUSDT": "1", "LINKUSDT": "0.1",
}  # fmt: skip
_HOLDINGS = {"USDT": "4000", "BTC": "0.03", "ETH": "0.8", "SOL": "15"}
_TARGETS: tuple[tuple[tuple[str, int], ...], ...] = (
    (("BTC", 40), ("ETH", 30), ("SOL", 20)),
    (("BTC", 25), ("ETH", 25), ("XRP", 20), ("ADA", 10)),
    (("ETH", 45), ("SOL", 25), ("LINK", 20)),
)
# Crossing the spread fills at once; the others rest, fill in pieces, are repriced.
_STEPS = ("-0.3", "0.1", "-0.2", "0.3", "0.6")


@dataclass(frozen=True, slots=True)
class Trader:
    """What somebody at the API needs: their token, their account, their strategy."""

    user_id: int
    token: str
    account_id: int
    strategy_id: int


def prepare() -> None:
    """The databases, and a schedule that is as fast as the autopilot's period."""
    services.prepare_databases()
    services.ensure_schedule()
    for task, seconds in _SCHEDULE.items():
        interval, _created = IntervalSchedule.objects.get_or_create(every=seconds, period=IntervalSchedule.SECONDS)
        PeriodicTask.objects.filter(task=task).update(interval=interval)


def populate(seed: int, count: int) -> list[Trader]:
    """`count` users, each with an account of their own at the exchange, which must answer."""
    chance = random.Random(f"scene:{seed}")  # noqa: S311  (a drill that repeats, no secret)
    return [_trader(number, chance) for number in range(count)]


def _trader(number: int, chance: random.Random) -> Trader:
    # Nobody signs in by password, and hashing one takes longer than all the rest.
    user = User.objects.create_user(f"trader{number}@example.org", None)
    pair = paper.open_account(f"trader {number}", {asset: Decimal(text) for asset, text in _HOLDINGS.items()})
    account = exchanges.connect_account(
        user, label="Drill", venue="binance", api_key=pair.api_key, api_secret=pair.api_secret
    )
    values: dict[str, Any] = {
        "name": "Drill",
        "min_delta_pct": Decimal(chance.choice(("0.05", "0.1", "0.2"))),
        "order_size_pct": Decimal(chance.choice(("5", "15", "40"))),
        "order_step_pct": Decimal(_STEPS[number % len(_STEPS)]),
        "order_lifetime_seconds": chance.choice((10, 15, 20)),
    }
    targets = [Target(asset, Decimal(weight)) for asset, weight in chance.choice(_TARGETS)]
    strategy = strategies.create_strategy(user, account, values, targets)
    return Trader(user.pk, issue_token(user), account.pk, strategy.pk)


def change_step(symbol: str, *, coarse: bool) -> None:
    """Make a symbol's step size coarse, or give the symbol its own back."""
    step = COARSE_STEPS[symbol]
    filters = {"LOT_SIZE": {"stepSize": step, "minQty": step}} if coarse else {}
    paper.symbol_control(symbol, filters=filters)
