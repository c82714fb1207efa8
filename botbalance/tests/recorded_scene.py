"""An account with a recorded history: valuations, trades with fees, a deposit."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

from exchanges.models import ExchangeAccount
from orders.models import Fill, Order, Round, Run
from portfolio.models import CashFlow, PortfolioSnapshot
from strategies.models import Strategy

D = Decimal
NOW = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)

_numbers = count(1)


def ago(days: int, hours: int = 0) -> datetime:
    return NOW - timedelta(days=days, hours=hours)


def valued(
    account: ExchangeAccount,
    at: datetime,
    totals: Mapping[str, object],
    prices: Mapping[str, object],
    reason: str = "hourly",
) -> PortfolioSnapshot:
    """A valuation as the hourly task stores it; what is missing in `prices` has none, and the quote is 1."""
    known = {asset: D(str(price)) for asset, price in {**prices, account.quote: 1}.items()}
    amounts = {asset: D(str(total)) for asset, total in totals.items()}
    values = {asset: amounts[asset] * known[asset] for asset in amounts if asset in known}
    holdings = [
        {"asset": asset, "total": str(amount), "value": str(values[asset]) if asset in values else None}
        for asset, amount in amounts.items()
    ]
    nav = sum(values.values(), D(0))
    return PortfolioSnapshot.objects.create(
        account=account, at=at, reason=reason, quote=account.quote, nav=nav, holdings=holdings
    )


def filled(
    strategy: Strategy,
    at: datetime,
    side: str,
    pair: str,
    quantity: object,
    price: object,
    fee: object = 0,
    fee_asset: str = "BNB",
) -> Fill:
    """One order that traded once."""
    number = next(_numbers)
    base, quote = pair.split("/")
    run = Run.objects.create(
        user=strategy.user, account=strategy.account, strategy=strategy, trigger="api", state="complete"
    )
    one = Round.objects.create(run=run, user=strategy.user, number=1, tick_ts=number, nav=D(1))
    amount, rate = D(str(quantity)), D(str(price))
    order = Order.objects.create(
        user=strategy.user, account=strategy.account, round=one, index=0, client_order_id=f"scene-{number}",
        symbol=base + quote, base_asset=base, quote_asset=quote, side=side, price=rate, quantity=amount,
        executed_quantity=amount, recorded_quantity=amount, cumulative_quote=amount * rate, status="FILLED",
    )  # fmt: skip
    return Fill.objects.create(
        user=order.user, order=order, trade_id=number, price=rate, quantity=amount, quote_quantity=amount * rate,
        commission=D(str(fee)), commission_asset=fee_asset, is_maker=True, at=at,
    )  # fmt: skip


def came(
    account: ExchangeAccount, at: datetime, asset: str, amount: object, value: object = None, kind: str = "deposit"
) -> CashFlow:
    worth = None if value is None else D(str(value))
    return CashFlow.objects.create(account=account, at=at, kind=kind, asset=asset, amount=D(str(amount)), value=worth)


def record(strategy: Strategy) -> None:
    """Forty days: 5,000 USDT, 0.05 BTC and 2 BNB at first; BTC bought 20 days ago, 1,000 USDT paid in 10 days ago, half
    of the BTC that was bought sold 5 days ago; BTC goes from 60,000 to 90,000, BNB stays at 500.
    """
    account = strategy.account
    for day in range(40, -1, -1):
        at = ago(day)
        price = 60_000 + (40 - day) * 750
        usdt, btc, bnb = D(5_000), D("0.05"), D(2)
        if day < 20:
            usdt, btc, bnb = usdt - D("0.04") * 75_000, btc + D("0.04"), bnb - D("0.004")
        if day < 10:
            usdt += 1_000
        if day < 5:
            usdt, btc = usdt + D("0.02") * 86_250 - D("1.725"), btc - D("0.02")
        valued(account, at, {"USDT": usdt, "BTC": btc, "BNB": bnb}, {"BTC": price, "BNB": 500})
    filled(strategy, ago(20) + timedelta(minutes=5), "BUY", "BTC/USDT", "0.04", 75_000, "0.004", "BNB")
    came(account, ago(10) + timedelta(minutes=5), "USDT", 1_000, 1_000)
    filled(strategy, ago(5) + timedelta(minutes=5), "SELL", "BTC/USDT", "0.02", 86_250, "1.725", "USDT")
