"""Rebalances that were sent and have had no answer yet, on disk: a program that is run again asks for the same one."""

import contextlib
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from botbalance_client.errors import ConfigError

# Afterwards nobody waits for it any more, and a new plan is made. The server knows the key for longer.
KEPT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Everything that was sent: the same again is the same rebalance."""

    strategy: int
    plan_digest: str
    key: str
    at: str


class Pending:
    """The attempt of one strategy at one server; there is one at a time."""

    def __init__(self, folder: Path, server: str, user: int, strategy: int) -> None:
        name = hashlib.sha256(f"{server} {user} {strategy}".encode()).hexdigest()[:24]
        self._path = folder / f"rebalance-{name}.json"

    def read(self, now: datetime) -> Attempt | None:
        """What has had no answer yet. Raises ConfigError for a note that cannot be read: it may be of money."""
        try:
            values = json.loads(self._path.read_text(encoding="utf-8"))
            attempt = Attempt(
                int(values["strategy"]), str(values["plan_digest"]), str(values["key"]), str(values["at"])
            )
            old = now - datetime.fromisoformat(attempt.at) > KEPT
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            raise ConfigError(
                f"{self._path} notes a rebalance without an answer and cannot be read. Look at the last rebalances of "
                "the strategy, then delete it."
            ) from None
        if old:
            self.forget()
            return None
        return attempt

    def note(self, strategy: int, plan_digest: str, key: str, now: datetime) -> Attempt | None:
        """Write down what is about to be sent; None where another process has noted its own a moment before."""
        attempt = Attempt(strategy, plan_digest, key, now.astimezone(UTC).isoformat())
        text = json.dumps(asdict(attempt))
        scratch = self._path.with_suffix(f".{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            scratch.unlink(missing_ok=True)
            with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(scratch, self._path)  # whole or not at all, and never over another
            except FileExistsError:
                return None
            finally:
                scratch.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(
                f"Nothing was sent: {self._path.parent} cannot be written ({error.strerror}), and a lost answer could "
                "not be asked for again. BOTBALANCE_STATE_DIR names another folder."
            ) from None
        return attempt

    def forget(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
