"""A process that asks an exchange for one account's balances, again and again: `python -m exchanges.tests.asking 7 5`.

Prints how often it was answered, and how often nothing was sent.
"""

import sys
import time
from collections import Counter

import django

django.setup()

from exchanges import services  # noqa: E402  (needs the registry of apps)
from exchanges.errors import ExchangeError, Throttled  # noqa: E402
from exchanges.models import ExchangeAccount  # noqa: E402


def main(account: int, seconds: float) -> None:
    adapter = services.adapter_for(ExchangeAccount.objects.get(pk=account))
    found: Counter[str] = Counter()
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            adapter.account_info()
            found["answered"] += 1
        except ExchangeError as error:
            found["not_sent" if isinstance(error, Throttled) and error.not_sent else "failed"] += 1
        time.sleep(0.02)
    sys.stdout.write(f"{dict(found)}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
