"""What drills and benchmarks borrow of a machine's servers: databases of their own, and an empty Redis database."""

import os
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from psycopg import sql


def beside(database_url: str, name: str) -> str:
    """The address of another database on the same server."""
    return urlunsplit(urlsplit(database_url)._replace(path=f"/{name}"))


def on_server(database_url: str, statement: str, *names: str) -> None:
    """Run a statement about databases, whose names take the place of its `{}`."""
    with psycopg.connect(beside(database_url, "postgres"), autocommit=True, connect_timeout=10) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def drop(database_url: str, names: tuple[str, ...]) -> None:
    """Drop databases, whoever is connected to them; nothing happens where there is none."""
    for name in names:
        on_server(database_url, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def take_redis(url: str, mark: str) -> str:
    """The address of a Redis database that was empty, marked as ours."""
    parts = urlsplit(url)
    for number in range(15, -1, -1):
        address = urlunsplit(parts._replace(path=f"/{number}"))
        with redis.Redis.from_url(address) as server:
            try:
                if server.dbsize() == 0 and server.set(mark, os.getpid(), nx=True):
                    return address
            except redis.ResponseError:
                continue  # this server has fewer databases
    raise RuntimeError(f"Every database of the Redis server at {parts.hostname} is in use; an empty one is needed.")


def leave_redis(url: str, mark: str) -> None:
    """Empty our Redis database, unless the mark on it is not ours any more."""
    with redis.Redis.from_url(url) as server:
        if server.get(mark) == str(os.getpid()).encode():
            server.flushdb()
