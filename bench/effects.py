"""What each setting of a strategy changes, by back-test: the table of docs/settings-tried.md.

By hand: python -m bench.effects. Needs the candles of its coins, by the hour, in CANDLES_DIR (manage.py candles). Every
line is one run of `manage.py backtest`, whose options it says; all else is as in the first.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COMMON = (
    "--targets=BTC=30,ETH=25,BNB=15,SOL=10,ADA=10,XRP=5,LINK=5",
    "--from=2021-01-11",
    "--to=2023-01-10",
    "--start=25000",
    "--spread=0.02",
)
TRIED = (
    ("--band 5", "as a start"),
    ("--band 2", "a narrow band"),
    ("--band 10", "a wide band"),
    ("--band 20 --band-type relative", "a band relative to the target"),
    ("--band 20 --band-type relative --whole-portfolio", "then move everything"),
    ("--band 5 --trade-to edge", "to the edge"),
    ("--band 5 --trade-to edge --set hysteresis_pct=50", "half-way inside the edge"),
    ("--band 2 --set cost_horizon_days=30", "narrow, with the cost test"),
    ("--trigger periodic --every day", "every day, to the targets"),
    ("--trigger periodic --every week", "every week"),
    ("--trigger periodic --every month", "every month"),
    ("--trigger both --every day --band 5", "looked at once a day"),
    ("--band 5 --order-size 1", "in small orders"),
    ("--band 5 --order-step 0.1", "orders a tenth of a percent away from the market"),
    ("--band 5 --order-step -0.1", "orders that take at once"),
    ("--band 5 --reserve 10", "a tenth is never spent"),
    ("--band 5 --bnb", "fees in BNB"),
    ("--band 5 --bnb --set bnb_for_fees=50", "with BNB kept for them"),
    ("--band 5 --model equal", "equal weights"),
    ("--band 5 --model inverse_volatility", "weights by 1 / volatility"),
    ("--band 5 --model risk_parity", "risk parity"),
    ("--band 5 --model minimum_variance", "minimum variance"),
    ("--band 5 --model momentum", "momentum, the best three"),
)


def main() -> None:
    print(
        "| options | what | rebalances | orders | turnover a year | fees | spread | tracking error | cost of trading"
        " | cost of drift | return a year |"
    )
    print("|---|---|" + "---:|" * 9)
    for options, what in TRIED:
        print(f"| `{options}` | {what} | {' | '.join(row(run(options.split())['summary']))} |", flush=True)


def run(options: list[str]) -> dict[str, Any]:
    command = [sys.executable, "manage.py", "backtest", *COMMON, *options, "--json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=600)  # noqa: S603
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def row(summary: dict[str, Any]) -> list[str]:
    ideal, costs = summary["against"]["targets"], summary["costs"]
    return [
        f"{sum(summary['rebalances'].values()):,}",
        f"{summary['trades']['orders_filled']:,}",
        f"{float(summary['turnover_per_year']):.2f}",
        f"{float(summary['fees']):,.0f}",
        f"{float(summary['spread_paid']):,.0f}",
        f"{float(ideal['tracking_error']):.1%}",
        f"{float(costs['trading']):.2%}",
        f"{float(costs['drift']):.2%}",
        f"{float(summary['cagr']):.1%}",
    ]


if __name__ == "__main__":
    main()
