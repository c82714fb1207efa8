"""Writing down a round: its tick time, and an intent for every leg of its plan."""

from botbalance.lib.clock import now_ms
from botbalance.lib.money import plain
from orders.domain import Status, client_order_id, next_tick_ts
from orders.models import Order, OrderEvent, Round, Run, TickClock
from orders.services import watching
from strategies.domain import Plan
from strategies.presentation import skip_reason
from strategies.services import Preview


def create_round(run: Run, number: int, prepared: Preview) -> Round:
    """A round with one PENDING order a leg, under a tick time that was never used. Inside a transaction."""
    plan = prepared.plan
    run.first_prices = {symbol: plain(price) for symbol, price in prepared.first_prices.items()}
    run.save(update_fields=["first_prices"])
    watching.note_work(run.account_id)
    TickClock.objects.get_or_create(user_id=run.user_id)
    clock = TickClock.objects.select_for_update(no_key=True).get(user_id=run.user_id)
    clock.last_tick_ts = next_tick_ts(clock.last_tick_ts, now_ms())
    clock.save(update_fields=["last_tick_ts"])
    round_ = Round.objects.create(
        run=run,
        user_id=run.user_id,
        number=number,
        tick_ts=clock.last_tick_ts,
        nav=plan.nav,
        allocations=[
            {
                "asset": row.asset,
                "weight_pct": _text(row.weight_pct),
                "target_pct": _text(row.target_pct),
                "after_pct": _text(row.after_pct),
            }
            for row in plan.allocations
        ],
        skips=[{"asset": skip.asset, "code": skip.code, "values": dict(skip.values)} for skip in plan.skips],
    )
    orders = Order.objects.bulk_create(
        Order(
            user_id=run.user_id,
            account=run.account,
            round=round_,
            index=index,
            client_order_id=client_order_id(run.user_id, leg.symbol, leg.side.value, round_.tick_ts, index),
            symbol=leg.symbol,
            base_asset=leg.asset,
            quote_asset=plan.quote if leg.direct is None else leg.direct.counter,
            side=leg.side.value,
            price=leg.price,
            quantity=leg.quantity,
            quote_price=None if leg.direct is None else leg.direct.counter_price,
        )
        for index, leg in enumerate(plan.legs)
    )
    OrderEvent.objects.bulk_create(OrderEvent(order=order, kind="intent", status=Status.PENDING) for order in orders)
    return round_


def _text(value: object) -> str | None:
    return None if value is None else f"{value:.4f}"


def left_over(plan: Plan) -> str:
    """What a plan ought to trade and cannot, with the reasons, in the language that is spoken."""
    return " ".join(f"{skip.asset}: {skip_reason(skip)}" for skip in plan.unsettled)
