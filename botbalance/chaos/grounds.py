"""Where a drill takes place: a directory, databases and a Redis database of its own, and the environments in which its
processes run. Nothing of the installation that starts the drill is read or written.
"""

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from cryptography.fernet import Fernet
from django.conf import settings

from botbalance.chaos.servers import drop, leave_redis, on_server, take_redis

_PREFIX = "botbalance_chaos_"
_MARK = "botbalance-chaos"
_TIMEOUT_MS = 500
_SPEED = 600

# What every process of a drill has in common. The market is fast, so that there is always something to trade; guards
# that would rightly stop trading in such a market are out of the way.
_COMMON = {
    "DJANGO_SETTINGS_MODULE": "botbalance.settings",
    "HTTPS": "false",
    "SERVE_STATIC_FROM_SOURCE": "true",
    "EMAIL_URL": "dummymail://",
    "PAPER_MARKET": "walk",
    "PAPER_SPEED": str(_SPEED),
}
_OF_BOTBALANCE = {
    "EXCHANGE_ENV": "testnet",
    "EXCHANGE_CONNECT_TIMEOUT_SECONDS": "0.5",
    "EXCHANGE_READ_TIMEOUT_SECONDS": "0.5",
    "EXCHANGE_RECV_WINDOW_MS": "1000",
    "EXCHANGE_BACKOFF_SECONDS": "0.05",
    "EXCHANGE_BREAKER_SECONDS": "1",
    "AUTOPILOT_PERIOD_SECONDS": "1",
    "PRICING_TTL_SECONDS": "1",
    "PRICE_JUMP_PCT": "100",
    "FAILURES_BEFORE_PAUSE": "100",
}
_OF_EXCHANGE = {"EXCHANGE_ENV": "mock", "PAPER_WEIGHT_PER_MINUTE": "1000000000"}


@dataclass(frozen=True, slots=True)
class Grounds:
    """Addresses of a drill. `redis_url` is "" where there is no Redis: then web, worker and beat are one process."""

    folder: Path
    database_url: str
    exchange_database_url: str
    redis_url: str
    secret_key: str
    fernet_key: str
    seed: int
    timeout_ms: int = _TIMEOUT_MS

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def of_exchange(self) -> dict[str, str]:
        """The exchange's environment: it knows nothing of BotBalance's database."""
        return self._environment("exchange", _OF_EXCHANGE, PAPER_DATABASE_URL=self.exchange_database_url)

    def of_director(self) -> dict[str, str]:
        """The director reads both sides' tables, past every proxy. Where its exchange is it finds out itself."""
        return self._environment(
            "director",
            _OF_BOTBALANCE,
            DATABASE_URL=self.database_url,
            PAPER_DATABASE_URL=self.exchange_database_url,
        )

    def of_botbalance(self, exchange_url: str, lines: Mapping[str, int]) -> dict[str, str]:
        """The environment of web, worker and beat; `lines` are the ports of the proxies to the database and to Redis.

        The exchange's database is not in it.
        """
        more = {
            "DATABASE_URL": at_port(self.database_url, lines.get("postgres")),
            "PAPER_DATABASE_URL": f"sqlite:///{self.folder / 'no-paper-exchange-here.sqlite3'}",
            "BINANCE_TESTNET_URL": exchange_url,
        }
        if self.redis_url:
            more["REDIS_URL"] = at_port(self.redis_url, lines.get("redis"))
        return self._environment("botbalance", _OF_BOTBALANCE, **more)

    def _environment(self, name: str, kind: Mapping[str, str], **more: str) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", ""),
            "LOG_LEVEL": os.environ.get("CHAOS_LOG_LEVEL", "WARNING"),
            "ENV_FILE": str(self.folder / "none.env"),
            "DATA_DIR": str(self.folder / name),
            "SECRET_KEY": self.secret_key,
            "FERNET_KEYS": self.fernet_key,
            "PAPER_SEED": str(self.seed),
            **_COMMON,
            **kind,
            **more,
        }


@contextmanager
def made(seed: int) -> Iterator[Grounds]:
    """Grounds like those of this installation: PostgreSQL and Redis where it has them. Gone after the block."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    config = settings.DATABASES["default"]
    name = f"{_PREFIX}{os.getpid()}_{secrets.token_hex(3)}"
    exchange_name = f"{name}_exchange"
    on_postgres = config["ENGINE"].endswith("postgresql")
    redis_url = ""
    try:
        (folder / "logs").mkdir()
        redis_url = take_redis(settings.REDIS_URL, _MARK) if settings.REDIS_URL else ""
        if on_postgres:
            for each in (name, exchange_name):
                on_server(_postgres_url(config, name), "CREATE DATABASE {}", each)
                # The server itself is never killed: what is committed is kept, also without waiting for a disk.
                on_server(_postgres_url(config, name), "ALTER DATABASE {} SET synchronous_commit TO off", each)
        yield Grounds(
            folder=folder,
            database_url=_postgres_url(config, name) if on_postgres else f"sqlite:///{folder / 'botbalance.sqlite3'}",
            exchange_database_url=(
                _postgres_url(config, exchange_name) if on_postgres else f"sqlite:///{folder / 'exchange.sqlite3'}"
            ),
            redis_url=redis_url,
            secret_key=secrets.token_urlsafe(48),
            fernet_key=Fernet.generate_key().decode(),
            seed=seed,
        )
    finally:
        if on_postgres:
            drop(_postgres_url(config, name), (name, exchange_name))
        if redis_url:
            leave_redis(redis_url, _MARK)
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def place_of(url: str) -> tuple[str, int]:
    """Host and port of a server's address."""
    parts = urlsplit(url)
    default = 6379 if parts.scheme.startswith("redis") else 5432
    return parts.hostname or "127.0.0.1", parts.port or default


def at_port(url: str, port: int | None) -> str:
    """The same address at a port of this machine; unchanged where there is none."""
    if port is None:
        return url
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{port}" if user else f"127.0.0.1:{port}"))


def _postgres_url(config: Mapping[str, Any], name: str) -> str:
    user, password = quote(str(config["USER"] or ""), safe=""), quote(str(config["PASSWORD"] or ""), safe="")
    login = f"{user}:{password}@" if password else f"{user}@" if user else ""
    return f"postgres://{login}{config['HOST'] or '127.0.0.1'}:{config['PORT'] or 5432}/{name}"
