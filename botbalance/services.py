"""What an installation starts with: its databases, its schedule, its first users."""

import json
import os
import secrets
from decimal import Decimal
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from psycopg import sql

from accounts import services as accounts
from accounts.models import User
from exchanges import selectors as exchanges_reads
from exchanges import services as exchanges
from strategies import services as strategies
from strategies.domain import Target

# name, task, seconds, description. The rows are the operator's: what exists is never changed here.
SCHEDULE = (
    (
        "Autopilot",
        "orders.tasks.dispatch",
        2,
        "Look at every account whose turn it is; tick those with something to do.",
    ),
    ("Track orders", "orders.tasks.track_orders", 30, "See to it that every account with open orders has its turn."),
    ("Send notices", "accounts.tasks.send_notices", 60, "E-mail users what they must know."),
    ("Forget expired tokens", "accounts.tokens.tasks.forget_expired", 86_400, "API tokens that expired a month ago."),
    ("Forget idempotency keys", "accounts.idempotency.tasks.forget_old", 3600, "Keys older than a day."),
    (
        "Send notifications",
        "accounts.notifications.tasks.send_due",
        10,
        "Send what is due through users' channels: services and webhooks.",
    ),
    ("Daily summaries", "botbalance.tasks.tell_summaries", 300, "Tell those who wish it how the last day went."),
    ("Tell owners", "orders.tasks.tell_owners", 15, "Put into words what has been traded, and how rebalances ended."),
    (
        "Refresh target models",
        "strategies.tasks.refresh_targets",
        300,
        "Ask the models of strategies for new weights when their time has come.",
    ),
    (
        "Sweeps",
        "strategies.backtest.sweep_tasks.serve_sweeps",
        10,
        "Start the process that works on sweeps where one waits.",
    ),
    (
        "Resume back-tests",
        "strategies.backtest.tasks.resume_backtests",
        15,
        "Begin back-tests that wait, or whose worker has died.",
    ),
    ("Snapshot portfolios", "portfolio.tasks.snapshot_accounts", 300, "One NAV snapshot an hour of every account."),
)

DEMO_BALANCES = {"USDT": Decimal(3000), "BTC": Decimal("0.055"), "ETH": Decimal("0.3"), "SOL": Decimal(8)}
DEMO_TARGETS = (Target("BTC", Decimal(40)), Target("ETH", Decimal(30)), Target("SOL", Decimal(20)))


def prepare_databases() -> None:
    """Create the paper exchange's database where it is missing, migrate both, and make the cache table."""
    _create_paper_database()
    for alias in ("default", "paper"):
        call_command("migrate", database=alias, interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)


def _create_paper_database() -> None:
    """On PostgreSQL the paper exchange has a database of its own beside the main one."""
    paper = connections["paper"].settings_dict
    if connections["paper"].vendor != "postgresql" or connections["default"].vendor != "postgresql":
        return
    main = connections["default"].settings_dict
    if (paper["HOST"], paper["PORT"]) != (main["HOST"], main["PORT"]):
        return  # on a server of its own, which its operator has set up
    with psycopg.connect(
        host=main["HOST"] or None,
        port=main["PORT"] or None,
        user=main["USER"] or None,
        password=main["PASSWORD"] or None,
        dbname=main["NAME"],
        autocommit=True,
        connect_timeout=10,
    ) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [paper["NAME"]]).fetchone()
        if known is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(paper["NAME"])))


def ensure_schedule() -> list[str]:
    """Seed the periodic jobs that are missing; their names. What an operator changed stays changed."""
    added = []
    for name, task, seconds, description in SCHEDULE:
        if PeriodicTask.objects.filter(task=task).exists():
            continue
        interval, _created = IntervalSchedule.objects.get_or_create(every=seconds, period=IntervalSchedule.SECONDS)
        PeriodicTask.objects.create(name=name, task=task, interval=interval, description=description)
        added.append(name)
    return added


class SignIns:
    """The passwords this installation generated, kept readable by its owner only so that they can be shown again."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or settings.DATA_DIR / "sign-ins.json"

    def read(self) -> dict[str, str]:
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def add(self, email: str, password: str) -> None:
        known = {**self.read(), email: password}
        draft = self.path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(known, file, indent=1)
        draft.replace(self.path)

    def working(self) -> dict[str, str]:
        """Those passwords that still are their user's, by e-mail address."""
        users = User.objects.filter(email__in=self.read(), is_active=True).order_by("-is_superuser", "id")
        return {user.email: password for user in users if (password := self.password_of(user))}

    def password_of(self, user: User) -> str | None:
        """The generated password, as long as it still is the user's password."""
        password = self.read().get(user.email)
        return password if password and user.check_password(password) else None


def ensure_superadmin(email: str) -> User:
    """The superadmin, with a generated password when there was none."""
    user = User.objects.filter(email=email.lower()).first()
    if user is not None and user.is_superuser:
        return user
    password = secrets.token_urlsafe(12)
    user, created = accounts.ensure_superadmin(email, password)
    if created:
        SignIns().add(user.email, password)
    return user


def ensure_demo(email: str) -> User:
    """A demo user whose paper account is off its targets."""
    user = User.objects.filter(email=email.lower()).first()
    if user is None:
        password = secrets.token_urlsafe(9)
        user = accounts.register(email, password)
        SignIns().add(user.email, password)
    if not exchanges_reads.accounts_of(user).exists():
        account = exchanges.connect_account(user, label="Paper", venue="paper", paper_balances=DEMO_BALANCES)
        strategies.create_strategy(user, account, {"name": "40 / 30 / 20 and 10 in USDT"}, DEMO_TARGETS)
    return user
