"""Commands that change nothing."""

from itertools import islice

from botbalance_client.command.codes import Exit
from botbalance_client.command.screen import clean, table
from botbalance_client.command.task import Task
from botbalance_client.errors import Refused
from botbalance_client.shapes import Autopilot, Plan, Strategy


def status(task: Task) -> Exit:
    client = task.client
    me, token = client.me(), client.current_token()
    strategies = client.strategies()
    autopilots = {row["id"]: client.autopilot(row["id"]) for row in strategies if row["is_active"]}
    accounts = []
    for account in client.accounts():
        worth: dict[str, str | None] = {"nav": None, "as_of": None, "problem": ""}
        try:
            summary = client.summary(account["id"])
            worth.update(nav=summary["nav"], as_of=summary["as_of"])
        except Refused as error:  # its exchange does not answer, say: the others are still shown
            if error.status in (401, 403):
                raise
            worth["problem"] = error.message
        accounts.append({**account, **worth})
    body = {
        "server": client.server,
        "user": me,
        "token": token,
        "accounts": accounts,
        "strategies": [{**row, "autopilot": autopilots.get(row["id"])} for row in strategies],
    }
    scope = f"token {token['name'] or token['key']}, {token['scope']}" if token else "token of another kind"
    until = f", until {token['expires_at']}" if token and token["expires_at"] else ""
    lines = [f"{client.server}  {clean(me['email'])}  ({clean(scope)}{until})"]
    if me["suspended"]:
        lines.append("This user is suspended: nothing trades.")
    lines += [
        "",
        *table(
            ("ACCOUNT", "LABEL", "VENUE", "STATUS", "NAV", "QUOTE"),
            [(row["id"], row["label"], row["venue"], row["status"], row["nav"], row["quote"]) for row in accounts],
            right="ACCOUNT NAV",
        ),
    ]
    lines += [f"{clean(row['label'])}: {clean(row['problem'])}" for row in accounts if row["problem"]]
    rows = [
        (row["id"], row["name"], "yes" if row["is_active"] else "no", _state(autopilots.get(row["id"])))
        for row in strategies
    ]
    lines += ["", *table(("STRATEGY", "NAME", "ACTIVE", "AUTOPILOT"), rows, right="STRATEGY")]
    lines += [f"{row['id']}: {clean(autopilots[row['id']]['next'])}" for row in strategies if row["id"] in autopilots]
    task.screen.show(body, lines)
    return Exit.DONE


def _state(autopilot: Autopilot | None) -> str:
    return "–" if autopilot is None else state_of(autopilot)


def state_of(autopilot: Autopilot) -> str:
    """An autopilot in one word."""
    if autopilot["paused"]:
        return "paused"
    if not autopilot["is_on"]:
        return "off"
    return "held" if autopilot["held"] else "on"


def balances(task: Task) -> Exit:
    summary = task.client.summary(task.options.account)
    rows = [
        (row["asset"], row["free"], row["locked"], row["value"], row["weight_pct"], row["target_pct"])
        for row in summary["assets"]
    ]
    titles = ("ASSET", "FREE", "LOCKED", "VALUE", "WEIGHT%", "TARGET%")
    lines = [
        f"{summary['nav']} {summary['quote']}, as of {summary['as_of']}",
        "",
        *table(titles, rows, right="FREE LOCKED VALUE WEIGHT% TARGET%"),
    ]
    if summary["unpriced"]:
        lines.append(f"without a price, and not counted: {', '.join(map(clean, summary['unpriced']))}")
    task.screen.show(summary, lines)
    return Exit.DONE


def plan(task: Task) -> Exit:
    strategy = task.strategy()
    found = task.client.plan(strategy["id"])
    task.screen.show(found, plan_lines(strategy, found))
    return Exit.DONE


def plan_lines(strategy: Strategy, found: Plan) -> list[str]:
    """A plan, for a person who is about to decide."""
    lines = [f"{clean(strategy['name'])}: {found['nav']} {found['quote']}"]
    if found["orders"]:
        rows = [
            (row["side"], row["quantity"], row["symbol"], row["price"], row["notional"], row["fee"], row["price_in"])
            for row in found["orders"]
        ]
        titles = ("SIDE", "QUANTITY", "SYMBOL", "PRICE", "VALUE", "FEE", "IN")
        lines += ["", *table(titles, rows, right="QUANTITY PRICE VALUE FEE")]
    else:
        lines.append("No orders.")
    lines += [f"{clean(skip['asset'])}: {clean(skip['reason'])}" for skip in found["skips"]]
    return lines


def orders(task: Task) -> Exit:
    options = task.options
    filters = {name: getattr(options, name) for name in ("account", "run", "symbol", "status", "side")}
    limit = min(options.limit, 200)  # of one page; more of them are read as they are needed
    rows = list(islice(task.client.orders(limit=limit, **filters), options.limit))
    lines = table(
        ("ID", "CREATED", "SIDE", "QUANTITY", "SYMBOL", "PRICE", "EXECUTED", "STATUS"),
        [
            (
                row["id"], row["created_at"], row["side"], row["quantity"], row["symbol"], row["price"],
                row["executed_quantity"], row["status"],
            )
            for row in rows
        ],
        right="ID QUANTITY PRICE EXECUTED",
    )  # fmt: skip
    task.screen.show({"results": rows}, lines)
    return Exit.DONE
