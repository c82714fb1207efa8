import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from botbalance.lib import system_settings
from orders import services


class Command(BaseCommand):
    help = (
        "Stop all trading of this server, at once and in every process, or let it go on. Without a word: how it stands."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("word", nargs="?", choices=["on", "off"], help="on: nothing trades; off: trading goes on")
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument("--cancel", action="store_true", help="cancel all open orders of ours (with `on`)")
        choice.add_argument("--keep", action="store_true", help="leave open orders at the exchange (with `on`)")
        parser.add_argument("--json", action="store_true", help="one JSON object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        said: dict[str, Any] = {}
        if options["word"] == "on":
            cancels = options["cancel"] or (not options["keep"] and system_settings.read().kill_switch_cancels)
            result = services.switch_off(cancel=cancels)
            said = {"runs_ended": result.runs, "orders_cancelled": result.cancelled, "problems": list(result.problems)}
        elif options["word"] == "off":
            services.switch_on()
        effective = system_settings.read()
        state = {"killswitch": "off" if effective.trading_enabled else "on", **said}
        if options["json"]:
            self.stdout.write(json.dumps(state))
            return
        if effective.trading_enabled:
            self.stdout.write("The kill switch is off: this server trades.")
            return
        self.stdout.write("The kill switch is on: no order leaves this server.")
        if said:
            self.stdout.write(f"{said['runs_ended']} rebalances ended, {said['orders_cancelled']} orders cancelled.")
            for problem in said["problems"]:
                self.stdout.write(f"Not cancelled yet, and tried again by the workers: {problem}")
