"""What one network address may use, counted for all processes together.

REQUEST_WEIGHT per minute and RAW_REQUESTS per five minutes, in windows aligned to the clock. Above a limit requests are
refused with 429 until the window ends. Who goes on regardless until a fifth more than a limit is used is banned: 418
for two minutes, then for twice as long each time, at most for three days; a week after a ban offences are forgotten.
Binance documents the answers and "2 minutes to 3 days, growing"; how much it tolerates and how bans grow is our choice.
"""

from dataclasses import dataclass

from django.conf import settings
from django.db import connections, transaction

from exchanges.paper import store
from exchanges.paper.exchange_info import RATE_LIMITS
from exchanges.paper.models import RequestWeight
from exchanges.paper.wire import ApiRefusal

MINUTE_MS = 60_000
RAW_WINDOW_MS = 300_000
RAW_REQUESTS_PER_WINDOW = int(RATE_LIMITS[-1]["limit"])
BAN_ABOVE_PERCENT = 120
FIRST_BAN_MS = 2 * MINUTE_MS
LONGEST_BAN_MS = 3 * 86_400_000
FORGOTTEN_AFTER_MS = 7 * 86_400_000
_LONGEST_DOUBLINGS = 12

# One statement a request. During a ban nothing is counted: its end is the end of it.
_COUNT = """
INSERT INTO paper_requestweight AS kept
    (address, minute, used, raw_window, raw_requests, offences, last_offence_ms, banned_until_ms)
VALUES (%s, %s, %s, %s, %s, 0, 0, 0)
ON CONFLICT (address) DO UPDATE SET
    minute = excluded.minute,
    used = (CASE WHEN kept.minute = excluded.minute THEN kept.used ELSE 0 END)
        + (CASE WHEN kept.banned_until_ms > %s THEN 0 ELSE excluded.used END),
    raw_window = excluded.raw_window,
    raw_requests = (CASE WHEN kept.raw_window = excluded.raw_window THEN kept.raw_requests ELSE 0 END)
        + (CASE WHEN kept.banned_until_ms > %s THEN 0 ELSE excluded.raw_requests END)
RETURNING used, raw_requests, banned_until_ms
"""


@dataclass(frozen=True, slots=True)
class Usage:
    """What an address has used in the windows of the moment `now_ms`."""

    address: str
    now_ms: int
    used: int
    raw_requests: int
    banned_until_ms: int

    @property
    def headers(self) -> dict[str, str]:
        return {"X-MBX-USED-WEIGHT": str(self.used), "X-MBX-USED-WEIGHT-1M": str(self.used)}

    def check(self) -> None:
        """Raise the 429 or 418 that this request meets, if any; a ban begins here."""
        if self.banned_until_ms > self.now_ms:
            raise self._banned(self.banned_until_ms)
        most = settings.PAPER_WEIGHT_PER_MINUTE
        limits = (
            (self.used, most, MINUTE_MS, "Too much request weight used", "request weight", "1"),
            (self.raw_requests, RAW_REQUESTS_PER_WINDOW, RAW_WINDOW_MS, "Too many requests", "requests", "5"),
        )
        if any(used * 100 > limit * BAN_ABOVE_PERCENT for used, limit, *_ in limits):
            raise self._banned(_ban(self.address, self.now_ms))
        for used, limit, length_ms, what, unit, minutes in limits:
            if used > limit:
                text = (
                    f"{what}; current limit is {limit} {unit} per {minutes} MINUTE. "
                    "Please use WebSocket Streams for live updates to avoid polling the API."
                )
                raise self._refused(text, 429, length_ms - self.now_ms % length_ms)

    def _banned(self, until_ms: int) -> ApiRefusal:
        text = (
            f"Way too much request weight used; IP banned until {until_ms}. "
            "Please use WebSocket Streams for live updates to avoid bans."
        )
        return self._refused(text, 418, until_ms - self.now_ms)

    def _refused(self, text: str, status: int, wait_ms: int) -> ApiRefusal:
        return ApiRefusal(-1003, text, status, {**self.headers, "Retry-After": str(-(-wait_ms // 1000))})


def count(address: str, weight: int, now_ms: int, *, requests: int = 1) -> Usage:
    """Add `weight` and `requests` to what `address` has used; nothing is refused yet."""
    values = (address, now_ms // MINUTE_MS, weight, now_ms // RAW_WINDOW_MS, requests, now_ms, now_ms)
    with connections[store.ALIAS].cursor() as cursor:
        cursor.execute(_COUNT, values)
        used, raw_requests, banned_until_ms = cursor.fetchone()
    return Usage(address, now_ms, used, raw_requests, banned_until_ms)


def _ban(address: str, now_ms: int) -> int:
    """Ban an address from now on, unless another thread just has; until when, in ms."""
    with transaction.atomic(using=store.ALIAS):
        row = RequestWeight.objects.using(store.ALIAS).select_for_update().get(address=address)
        if row.banned_until_ms <= now_ms:
            if now_ms - row.last_offence_ms > FORGOTTEN_AFTER_MS:
                row.offences = 0
            length = min(LONGEST_BAN_MS, FIRST_BAN_MS << min(row.offences, _LONGEST_DOUBLINGS))
            row.offences += 1
            row.banned_until_ms = row.last_offence_ms = now_ms + length
            # The five minutes may outlast the ban: who comes back after it is over the limit, but not banned at once.
            row.raw_requests = min(row.raw_requests, RAW_REQUESTS_PER_WINDOW)
            row.save(using=store.ALIAS)
        return row.banned_until_ms
