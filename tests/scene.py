"""The hardest portfolio to show: fifty coins, twelve-digit amounts, labels of forty letters, the longest of all.

For the tests of how pages look, weigh and are operated. In a database of tests, or, as a process, in an installation:

    ENV_FILE=… DATA_DIR=… python -m tests.scene      writes the scene and prints who is in it as JSON
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "botbalance.settings")
    django.setup()

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts import services as accounts
from accounts.models import User
from accounts.notifications.models import Channel, Delivery, Event, Kind
from accounts.tokens import services as tokens
from accounts.tokens.selectors import live_tokens
from exchanges import services as exchanges
from exchanges.models import ExchangeAccount
from exchanges.paper.symbols import ASSETS
from orders import services as trading
from orders.dust.models import DustSweep
from orders.models import Autopilot, Order, Run, StrangerOrder, Tick
from portfolio.models import CashFlow, PortfolioSnapshot
from strategies import services as strategies
from strategies.backtest.models import BacktestRun, Sweep
from strategies.domain import Target
from strategies.models import Strategy
from strategies.tests import backtest_scenes, sweep_scenes

D = Decimal
PASSWORD = "correct horse battery"
EMAIL = "konstantin.konstantinopolskij-preobrazhenskij@department-of-long-names.example.org"
LABEL = "Wohnungseigentumsgemeinschaftsversammlung"[:40]  # one word
SPACED = "Долгосрочные накопления на образование М"
NAME = "Все пятьдесят монет поровну, без спешки и с резервом в USDT!"
REASON = (
    "The exchange answered: Filter failure: PERCENT_PRICE_BY_SIDE, and it has said so for every symbol of this account."
)
COINS = tuple(asset for asset in ASSETS if asset not in ("USDT", "USDC", "FDUSD"))
CASH = D("123456789012.34")


@dataclass
class Scene:
    """Cookies of who is signed in, by their part in it, and the values of what stands in addresses."""

    sessions: dict[str, str] = field(default_factory=dict)
    ids: dict[str, Any] = field(default_factory=dict)


def build(folder: Path) -> Scene:
    """Write the scene; its candles go into this folder."""
    scene = Scene()
    rich, _created = accounts.ensure_superadmin(EMAIL, PASSWORD)
    empty = accounts.register("newcomer@example.org", PASSWORD)
    scene.sessions = {"rich": _session(rich), "empty": _session(empty)}
    account, strategy = _portfolio(rich)
    _history(account)
    refused = _refused(rich)
    runs = _runs(rich, strategy)
    _happenings(rich, account, strategy)
    filled = Order.objects.filter(account=account, status="FILLED").first()
    resting = Order.objects.filter(account=account, status="NEW").first()
    assert filled is not None
    assert resting is not None
    model = _model(account)
    scene.ids = {
        "account_id": account.pk,
        "strategy_id": strategy.pk,
        "refused_account_id": refused.account_id,
        "paused_strategy_id": refused.pk,
        "model_strategy_id": model.pk,
        "ended_run_id": runs[0].pk,
        "run_id": runs[1].pk,
        "order_id": filled.pk,
        "asset": filled.base_asset,
        "open_order_id": resting.pk,
        **_experiments(rich, strategy, folder),
        "key": live_tokens(rich)[0].key,
        "channel_id": _channel(rich).pk,
        "uidb36": user_pk_to_url_str(empty),
        "reset_key": default_token_generator.make_token(empty),
    }
    return scene


def _session(user: User) -> str:
    browser = Client()
    browser.force_login(user)
    return str(browser.cookies[settings.SESSION_COOKIE_NAME].value)


def _portfolio(user: User) -> tuple[ExchangeAccount, Strategy]:
    """Far from its targets in every coin, so that a plan has an order for each."""
    balances = {"USDT": CASH, "USDC": D("0.00000001")}
    for position, coin in enumerate(COINS):
        worth = D(10) ** (position % 9 + 3)
        balances[coin] = min((worth / ASSETS[coin].usd).quantize(D("0.00000001")), D("999999999999.99999999"))
    account = exchanges.connect_account(user, label=LABEL, venue="paper", paper_balances=balances)
    limits = {"order_size_pct": D(100), "order_step_pct": D("-0.5"), "order_lifetime_seconds": 86_400, "max_orders": 50}
    targets = [Target(coin, D("1.98")) for coin in COINS]
    strategy = strategies.create_strategy(user, account, {"name": NAME, **limits}, targets)
    strategies.create_strategy(user, account, {"name": "Short"}, [Target("BTC", D(60)), Target("ETH", D(40))])
    return account, strategy


def _history(account: ExchangeAccount) -> None:
    now = timezone.now()
    rows = []
    for hours in range(0, 31 * 24, 6):
        # Holdings stay and prices move, or the history would end where it cannot be explained.
        nav = CASH + D(hours * 37 % 90 - hours // 9) * D("987654321.09")
        holdings = [{"asset": "BTC", "total": "1234567.00000001", "value": str(nav)}]
        rows.append(
            PortfolioSnapshot(
                account=account, at=now - timedelta(hours=hours), reason="hourly", quote="USDT", nav=nav,
                holdings=holdings, bitcoin_price=D(90_000) + hours % 500,
            )
        )  # fmt: skip
    PortfolioSnapshot.objects.bulk_create(rows)


def _refused(user: User) -> Strategy:
    """An account whose key the exchange refuses, and an autopilot that has paused."""
    account = exchanges.connect_account(user, label=SPACED, venue="paper")
    strategy = strategies.create_strategy(user, account, {"name": "W" * 60}, [Target("BTC", D(50))])
    trading.start_autopilot(user, strategy)
    trading.cancel_all(account)
    Autopilot.objects.filter(strategy=strategy).update(
        paused_at=timezone.now(), pause_code="repeated_failures", pause_values={"count": "5", "details": REASON}
    )
    ExchangeAccount.objects.filter(pk=account.pk).update(
        venue="binance", status="refused", status_reason=REASON, key_tail="wXyZ", checked_at=timezone.now()
    )
    return strategy


def _runs(user: User, strategy: Strategy) -> tuple[Run, Run]:
    """One that has filled and was stopped, and one whose orders rest."""
    first = trading.execute(user, strategy, trigger=Run.Trigger.PAGE).run
    trading.track_account(strategy.account)
    trading.stop_run(first)
    strategy = strategies.update_strategy(strategy, {"order_step_pct": D("4.5")}, None)
    second = trading.execute(user, strategy, trigger=Run.Trigger.PAGE).run
    trading.start_autopilot(user, strategy)
    return first, second


def _happenings(user: User, account: ExchangeAccount, strategy: Strategy) -> None:
    """What trackers and ticks leave behind."""
    now = timezone.now()
    codes: Mapping[str, tuple[str, dict[str, str]]] = {
        "failed": ("failed", {"details": REASON}),
        "acted": ("run_ended", {"details": "Every target is within its band."}),
    }
    for number in range(12):
        status, (code, values) = list(codes.items())[number % len(codes)]
        Tick.objects.create(
            user=user, strategy=strategy, status=status, code=code, values=values, looks=10 ** (number % 5 + 1),
            started_at=now - timedelta(hours=number + 1), ended_at=now - timedelta(hours=number),
            actions={"placed": 50, "cancelled": 48, "filled": 2} if status == "acted" else {},
        )  # fmt: skip
    for number in range(4):
        StrangerOrder.objects.create(
            account=account, exchange_order_id=123_456_789_012 + number, client_order_id=f"web_{'a1b2c3d4' * 3}",
            symbol="1000SATSFDUSD", side="SELL", type="STOP_LOSS_LIMIT", price=CASH, quantity=D("0.00000012"),
            seen_at=now,
        )  # fmt: skip
        CashFlow.objects.create(
            account=account, at=now - timedelta(days=number), kind="deposit" if number % 2 else "withdrawal",
            asset="1000SATS", amount=D("999999999999.12345678") * (1 if number % 2 else -1), value=CASH,
        )  # fmt: skip
    DustSweep.objects.create(user=user, account=account, state="failed", assets=list(COINS[:20]), problem=REASON)
    DustSweep.objects.create(
        user=user, account=account, state="done", assets=list(COINS[:6]), received=D("0.12345678"), charge=D("0.00252"),
        executed_at=now, finished_at=now,
        lines=[
            {"asset": coin, "amount": "123456.12345678", "received": "0.0123", "charge": "0.0002"} for coin in COINS[:6]
        ],
    )  # fmt: skip
    for number in range(5):
        link = "/orders/" if number % 2 else ""
        accounts.tell(user, f"The autopilot of {NAME} has paused ({number})", REASON, link)
    for number in range(3):
        tokens.create_token(user, name=(LABEL, "Bot", SPACED)[number])


def _channel(user: User) -> Channel:
    """One that does not work, and what it should have said."""
    webhook = f"https://{'hooks.' * 20}example.org/…"
    channel = Channel.objects.create(
        user=user, type="webhook", name=LABEL, address=webhook, secret="whsec_x", hint=webhook, kinds=Kind.values,
        problem=REASON, failed_at=timezone.now(), failures_in_a_row=12,
    )  # fmt: skip
    for number, kind in enumerate(Kind.values):
        event = Event.objects.create(user=user, kind=kind, title=f"{NAME} ({number})", text=REASON)
        Delivery.objects.create(event=event, channel=channel, tries=5, next_try_at=None, problem=REASON)
    return channel


def _model(account: ExchangeAccount) -> Strategy:
    """A strategy whose weights a model proposes."""
    values, coins = {"name": "Equal weights of everything", "target_model": "equal"}, COINS[:20]
    strategy = strategies.create_strategy(account.user, account, values, [Target(coin, D("1.9")) for coin in coins])
    strategy = strategies.update_strategy(strategy, {}, [Target(coin, D("1.5")) for coin in coins])
    strategies.refresh(strategy, by_hand=True)
    return strategy


def _experiments(user: User, strategy: Strategy, folder: Path) -> dict[str, int]:
    sweep_scenes.stocked(settings, folder)
    runs = [backtest_scenes.finished(user) for _number in range(3)]
    for run, name in zip(runs, (NAME, "Plain", "W" * 40), strict=True):
        BacktestRun.objects.filter(pk=run.pk).update(name=name, strategy=strategy, account=strategy.account)
    failed = backtest_scenes.done_run(user, strategy=strategy, name="It broke")
    BacktestRun.objects.filter(pk=failed.pk).update(state="failed", problem=REASON)
    sweep = sweep_scenes.done(user, search=sweep_scenes.search(min_delta_pct="2,4,6"))
    Sweep.objects.filter(pk=sweep.pk).update(name=NAME)
    return {
        "backtest_id": runs[0].pk,
        "other_backtest_id": runs[1].pk,
        "failed_backtest_id": failed.pk,
        "sweep_id": sweep.pk,
        "number": 0,
    }


if __name__ == "__main__":
    json.dump(asdict(build(Path(settings.DATA_DIR))), sys.stdout)
