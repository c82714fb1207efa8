"""From a command line to an exit code."""

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from botbalance_client.api import READ_SECONDS, Client
from botbalance_client.command import looking, rebalancing, watching
from botbalance_client.command.codes import Exit, code_of, word_of
from botbalance_client.command.screen import Screen
from botbalance_client.command.task import NotChosen, Task
from botbalance_client.config import read_config, state_dir
from botbalance_client.errors import BotBalanceError

COMMANDS: Mapping[str, Callable[[Task], Exit]] = {
    "status": looking.status,
    "balances": looking.balances,
    "plan": looking.plan,
    "orders": looking.orders,
    "rebalance": rebalancing.rebalance,
    "start": rebalancing.start,
    "stop": rebalancing.stop,
    "watch": watching.watch,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; an exit code of `Exit`."""
    options = parser().parse_args(arguments)
    screen = Screen(as_json=options.json)
    try:
        config = read_config(os.environ, server=options.server, path=options.config)
        with Client(config.server, config.token, timeout=options.timeout, allow_http=config.allow_http) as client:
            return COMMANDS[options.command](Task(client, screen, options, state_dir(os.environ)))
    except NotChosen as error:
        screen.fail("strategy_not_named", str(error))
        return Exit.USAGE
    except BotBalanceError as error:
        screen.fail(word_of(error), error)
        return code_of(error)
    except KeyboardInterrupt:
        screen.say("")
        return Exit.INTERRUPTED
    except BrokenPipeError:  # whoever read has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except Exception as error:  # noqa: BLE001  (a mistake of ours, or an answer without what this version reads)
        screen.say(traceback.format_exc())
        screen.fail("failed", f"Something that should not happen: {type(error).__name__}. Is the server much older?")
        return Exit.FAILED


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="botbalance",
        description="Look after a BotBalance server from a shell. The server and the token come from BOTBALANCE_SERVER "
        "and BOTBALANCE_TOKEN (or BOTBALANCE_TOKEN_FILE), or from a configuration file.",
    )
    top.add_argument("--version", action="version", version=f"botbalance-client {_version()}")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="one JSON object on stdout, also for an error")
    shared.add_argument("--server", default="", metavar="URL", help="instead of BOTBALANCE_SERVER")
    shared.add_argument("--config", default="", metavar="FILE", help="instead of ~/.config/botbalance/config.toml")
    shared.add_argument(
        "--timeout", type=_seconds, default=READ_SECONDS, metavar="SECONDS", help="of silence (default: 60)"
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[shared])

    def strategy_of(one: argparse.ArgumentParser) -> None:
        one.add_argument("--strategy", type=_number, metavar="ID", help="needed where several are active")

    command("status", "Accounts, strategies and autopilots, and what this token may do.")
    one = command("balances", "What an account holds, and what it is worth.")
    one.add_argument("--account", type=_number, metavar="ID", help="the first one when left out")
    strategy_of(command("plan", "The exact orders that a rebalance would begin with. Nothing is sent."))

    one = command("rebalance", "Show the plan, and carry it out when told so. Safe to repeat after a lost answer.")
    strategy_of(one)
    one.add_argument("--yes", action="store_true", help="do not ask")
    one.add_argument("--wait", action="store_true", help="until it has ended")
    one.add_argument(
        "--wait-seconds", type=_seconds, default=1800.0, metavar="SECONDS", help="at most so long (default: 1800)"
    )

    one = command("orders", "Orders, newest first.")
    one.add_argument("--account", type=_number, metavar="ID")
    one.add_argument("--run", type=_number, metavar="ID")
    one.add_argument("--symbol")
    one.add_argument("--status", help="such as open, FILLED or CANCELED")
    one.add_argument("--side", choices=["BUY", "SELL"])
    one.add_argument("--limit", type=_number, default=20, metavar="N", help="at most so many (default: 20)")

    one = command("start", "Switch an autopilot on, or let a paused one go on: it trades by itself from then on.")
    strategy_of(one)
    one.add_argument("--yes", action="store_true", help="do not ask")
    strategy_of(command("stop", "Switch an autopilot off: what it has begun stops, and its orders are cancelled."))

    one = command("watch", "Say what changes, until Ctrl-C: the autopilot, the rebalance, open orders.")
    strategy_of(one)
    one.add_argument("--every", type=_seconds, default=5.0, metavar="SECONDS", help="look so often (default: 5)")
    one.add_argument("--seconds", type=_seconds, default=0.0, metavar="SECONDS", help="end after so long")
    return top


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**62):
        raise argparse.ArgumentTypeError("a whole number above 0")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 86_400 * 7:
        raise argparse.ArgumentTypeError("seconds, from 0.1 to a week")
    return value


def _version() -> str:
    try:
        return version("botbalance-client")
    except PackageNotFoundError:  # run from its source
        return "(not installed)"
