"""Many users at once, written in bulk: each with a paper account, a strategy of five coins, and balances that are on
target, so that nobody has anything to do.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.utils import timezone

from accounts.models import User
from botbalance.lib.clock import now_ms
from botbalance.lib.money import floor_to_step, plain
from exchanges import services as exchanges
from exchanges.domain import Venue
from exchanges.models import ExchangeAccount
from exchanges.paper import services as paper
from orders.models import Autopilot, Order, Round, Run, Watch
from orders.services import watching
from portfolio.models import AccountBalances, PortfolioSnapshot
from strategies.models import Allocation, Strategy

QUOTE = "USDT"
TARGETS = {"BTC": Decimal(30), "ETH": Decimal(25), "SOL": Decimal(20), "XRP": Decimal(10), "ADA": Decimal(10)}
NAV = Decimal(10_000)
BAND_PCT = Decimal(20)  # wide: whatever the market does within minutes, nobody leaves it
ORDERS_A_ROUND = 20
DAY_MS = 86_400_000
_BATCH = 2_000


def populate(count: int) -> list[ExchangeAccount]:
    """`count` users with flying autopilots whose balances have just been read; their accounts."""
    now = timezone.now()
    users = User.objects.bulk_create(
        [User(email=f"user{number}@example.org", password=UNUSABLE_PASSWORD_PREFIX) for number in range(count)], _BATCH
    )
    accounts = ExchangeAccount.objects.bulk_create(
        [ExchangeAccount(user=user, label="Paper", status=ExchangeAccount.Status.OK) for user in users], _BATCH
    )
    strategies = Strategy.objects.bulk_create(
        [
            Strategy(user_id=account.user_id, account=account, name="Five coins", min_delta_pct=BAND_PCT)
            for account in accounts
        ],
        _BATCH,
    )
    Allocation.objects.bulk_create(
        [
            Allocation(strategy=strategy, asset=asset, weight_pct=weight)
            for strategy in strategies
            for asset, weight in TARGETS.items()
        ],
        _BATCH,
    )
    holdings = on_target()
    AccountBalances.objects.bulk_create(
        [AccountBalances(account=account, as_of=now, balances=holdings) for account in accounts], _BATCH
    )
    Autopilot.objects.bulk_create(
        [Autopilot(strategy=strategy, user_id=strategy.user_id, is_on=True, started_at=now) for strategy in strategies],
        _BATCH,
    )
    moment = now_ms()
    Watch.objects.bulk_create(
        [Watch(account=account, due_ms=watching.next_due(account.pk, moment)) for account in accounts], _BATCH
    )
    PortfolioSnapshot.objects.bulk_create(
        [
            PortfolioSnapshot(account=account, at=now, reason=PortfolioSnapshot.Reason.HOURLY, quote=QUOTE, nav=NAV)
            for account in accounts
        ],
        _BATCH,
    )
    return accounts


def open_at_the_exchange(accounts: Sequence[ExchangeAccount]) -> None:
    """Paper accounts with what `populate` says they hold: whoever reads their balances again finds the same, and has
    nothing to trade.
    """
    holdings = {asset: Decimal(free) for asset, (free, _locked) in on_target().items()}
    for account in accounts:
        pair = paper.open_account(f"user {account.user_id}: {account.label}", holdings)
        account.paper_key, account.paper_secret = pair.api_key, pair.api_secret
    ExchangeAccount.objects.bulk_update(accounts, ["paper_key", "paper_secret"], _BATCH)


def fill(*, users: int) -> int:
    """`populate`, for another process to measure; how many there are now."""
    return len(populate(users))


def on_target() -> dict[str, list[str]]:
    """Balances of an account that holds what it wants, at prices of now."""
    prices = exchanges.shared_market(Venue.PAPER).prices
    amounts = {QUOTE: NAV * (100 - sum(TARGETS.values())) / 100}
    for asset, weight in TARGETS.items():
        price = prices.price(f"{asset}{QUOTE}")
        if price is None:
            raise RuntimeError(f"the paper exchange has no price of {asset}")
        amounts[asset] = floor_to_step(NAV * weight / 100 / price.value, Decimal("0.00000001"))
    return {asset: [plain(amount), "0"] for asset, amount in amounts.items()}


def write_orders(accounts: Sequence[ExchangeAccount], count: int) -> None:
    """`count` orders of the past that have filled, spread evenly over the accounts, twenty a rebalance."""
    strategies = dict(Strategy.objects.filter(account__in=accounts).values_list("account_id", "pk"))
    now, moment = timezone.now(), now_ms()
    owners = [accounts[number % len(accounts)] for number in range(-(-count // ORDERS_A_ROUND))]
    runs = Run.objects.bulk_create(
        [
            Run(
                user_id=account.user_id,
                account=account,
                strategy_id=strategies[account.pk],
                trigger=Run.Trigger.AUTOPILOT,
                state=Run.State.COMPLETE,
                reason_code="within_band",
                finished_at=now - timedelta(days=1),
            )
            for account in owners
        ],
        _BATCH,
    )
    rounds = Round.objects.bulk_create(
        [
            Round(run=run, user_id=run.user_id, number=1, tick_ts=moment - DAY_MS + number, nav=NAV)
            for number, run in enumerate(runs)
        ],
        _BATCH,
    )
    assets = list(TARGETS)
    orders = []
    for number in range(count):
        round_ = rounds[number // ORDERS_A_ROUND]
        base = assets[number % len(assets)]
        orders.append(
            Order(
                user_id=round_.user_id,
                account_id=round_.run.account_id,
                round=round_,
                index=number % ORDERS_A_ROUND,
                client_order_id=f"bench{number:015d}",
                exchange_order_id=number + 1,
                symbol=f"{base}{QUOTE}",
                base_asset=base,
                quote_asset=QUOTE,
                side="BUY" if number % 2 else "SELL",
                price=Decimal(100),
                quantity=Decimal(1),
                executed_quantity=Decimal(1),
                cumulative_quote=Decimal(100),
                recorded_quantity=Decimal(1),
                status="FILLED",
                sent_ms=moment - DAY_MS,
                finished_at=now - timedelta(days=1),
            )
        )
    Order.objects.bulk_create(orders, _BATCH)
