"""Where a measurement takes place: databases of its own, and a Redis database that was empty. Gone after the run.

Nothing of the installation that starts the bench is read or written.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis
from cryptography.fernet import Fernet

from botbalance.chaos.servers import beside, drop, leave_redis, on_server, take_redis

ROOT = Path(__file__).resolve().parents[1]
_PREFIX = "botbalance_bench_"
_MARK = "botbalance-bench"
_COMMON = {
    "DJANGO_SETTINGS_MODULE": "botbalance.settings",
    "EXCHANGE_ENV": "mock",
    "HTTPS": "false",
    "SERVE_STATIC_FROM_SOURCE": "true",
    "EMAIL_URL": "dummymail://",
    "LOG_LEVEL": "ERROR",
    # What is measured is how much is asked for, not how it is refused.
    "PAPER_WEIGHT_PER_MINUTE": "1000000000",
    # A price that is held by hand, and drawn back, is no jump here.
    "PRICE_JUMP_PCT": "100",
}


@dataclass(frozen=True, slots=True)
class Grounds:
    """Environment of the processes that measure, on databases that are ready and empty. `kind` names the database."""

    folder: Path
    environment: Mapping[str, str]
    kind: str
    database_url: str = ""

    def with_period(self, seconds: int) -> "Grounds":
        """The same, with an autopilot that looks so often."""
        return replace(self, environment={**self.environment, "AUTOPILOT_PERIOD_SECONDS": str(seconds)})

    @contextmanager
    def copied(self) -> Iterator["Grounds"]:
        """The same in a folder and on databases of their own: what is written there is nobody else's."""
        with _folder() as folder:
            environment = {**self.environment, "DATA_DIR": str(folder)}
            if not self.database_url:
                for file in self.folder.glob("*.sqlite3"):
                    shutil.copy(file, folder)
                yield Grounds(folder, environment, self.kind)
                return
            templates, names = _names(self.database_url), _new_names()
            try:
                for name, template in zip(names, templates, strict=True):
                    on_server(self.database_url, "CREATE DATABASE {} TEMPLATE {}", name, template)
                url = beside(self.database_url, names[0])
                yield Grounds(folder, {**environment, "DATABASE_URL": url}, self.kind, url)
            finally:
                drop(self.database_url, names)


@contextmanager
def on_sqlite() -> Iterator[Grounds]:
    """Two SQLite files."""
    with _folder() as folder:
        grounds = Grounds(folder, _environment(folder), "SQLite")
        _prepare(grounds)
        yield grounds


@contextmanager
def on_servers(database_url: str, redis_url: str = "") -> Iterator[Grounds]:
    """Two databases beside `database_url`, and an empty database of the Redis server where one is given."""
    names, taken = _new_names(), ""
    with _folder() as folder:
        try:
            taken = take_redis(redis_url, _MARK) if redis_url else ""
            for name in names:
                on_server(database_url, "CREATE DATABASE {}", name)
            url = beside(database_url, names[0])
            servers = {"DATABASE_URL": url} | ({"REDIS_URL": taken} if taken else {})
            kind = "PostgreSQL and Redis" if taken else "PostgreSQL"
            grounds = Grounds(folder, _environment(folder, **servers), kind, url)
            _prepare(grounds)
            yield grounds
        finally:
            drop(database_url, names)
            if taken:
                leave_redis(taken, _MARK)


def _new_names() -> tuple[str, str]:
    """Of the main database and the paper exchange's, which settings look for beside it under this name."""
    name = f"{_PREFIX}{os.getpid()}_{secrets.token_hex(3)}"
    return name, f"{name}_paper"


def _names(database_url: str) -> tuple[str, str]:
    name = urlsplit(database_url).path.removeprefix("/")
    return name, f"{name}_paper"


def _prepare(grounds: Grounds) -> None:
    command = [sys.executable, "manage.py", "prepare"]
    subprocess.run(  # noqa: S603  (our own command)
        command, cwd=ROOT, env=dict(grounds.environment), check=True, stdout=subprocess.DEVNULL
    )


def unreachable(database_url: str, redis_url: str) -> str:
    """Why the part that needs both servers cannot run here; "" where it can."""
    if not database_url.startswith("postgres"):
        return "DATABASE_URL is not that of a PostgreSQL server"
    if not redis_url:
        return "REDIS_URL is not set"
    try:
        with psycopg.connect(database_url, connect_timeout=3), redis.Redis.from_url(redis_url) as server:
            server.ping()
    except (psycopg.OperationalError, redis.RedisError) as error:
        return f"{type(error).__name__}: {error}".strip()
    return ""


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _environment(folder: Path, **servers: str) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", ""),
        "ENV_FILE": str(folder / "none.env"),
        "DATA_DIR": str(folder),
        "SECRET_KEY": secrets.token_urlsafe(48),
        "FERNET_KEYS": Fernet.generate_key().decode(),
        **_COMMON,
        **servers,
    }
