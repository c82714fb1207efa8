"""What the server answers, as far as this package reads it. An answer may hold more."""

from typing import TypedDict


class Me(TypedDict):
    id: int
    email: str
    role: str
    suspended: bool


class Token(TypedDict):
    key: str
    name: str
    scope: str
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    is_expired: bool
    is_current: bool


class Account(TypedDict):
    id: int
    label: str
    venue: str
    quote: str
    key_tail: str
    status: str
    status_reason: str


class Balance(TypedDict):
    asset: str
    free: str
    locked: str


class Balances(TypedDict):
    account: int
    as_of: str
    balances: list[Balance]


class Holding(TypedDict):
    asset: str
    free: str
    locked: str
    price: str | None
    value: str | None
    weight_pct: str | None
    target_pct: str | None


class Summary(TypedDict):
    account: int
    nav: str
    quote: str
    as_of: str
    assets: list[Holding]
    unpriced: list[str]


class Strategy(TypedDict):
    id: int
    account: int
    name: str
    quote: str
    is_active: bool


class Allocation(TypedDict):
    asset: str
    weight_pct: str | None
    target_pct: str | None
    after_pct: str | None


class PlannedOrder(TypedDict):
    symbol: str
    side: str
    price: str
    quantity: str
    notional: str
    fee: str
    price_in: str


class Skip(TypedDict):
    asset: str
    code: str
    reason: str


class Plan(TypedDict):
    nav: str
    quote: str
    allocations: list[Allocation]
    orders: list[PlannedOrder]
    skips: list[Skip]
    plan_digest: str


class RunOrder(TypedDict):
    id: int
    client_order_id: str
    symbol: str
    side: str
    price: str
    quantity: str
    status: str


class Run(TypedDict):
    """A rebalance; `state` is active, complete or stopped."""

    run: int
    state: str
    reason: str
    orders: list[RunOrder]
    skips: list[Skip]


class RunRow(TypedDict):
    id: int
    account: int
    strategy: int
    trigger: str
    state: str
    reason_code: str
    reason: str
    problem: str
    started_at: str
    finished_at: str | None


class Order(TypedDict):
    id: int
    client_order_id: str
    account: int
    run: int
    symbol: str
    side: str
    type: str
    price: str
    quantity: str
    executed_quantity: str
    average_price: str | None
    fee: str
    fee_asset: str | None
    status: str
    error: str
    created_at: str
    updated_at: str


class Autopilot(TypedDict):
    strategy: int
    is_on: bool
    paused: bool
    pause_reason: str
    held: bool
    hold_reason: str
    is_late: bool
    next_look_at: str | None
    last_look_at: str | None
    run: int | None
    open_orders: int
    does: str
    next: str
    problem: str
