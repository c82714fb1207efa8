"""Where the server is and who asks: from the environment, or from a file that only its owner can read."""

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from botbalance_client.errors import ConfigError

TOKEN_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Config:
    """The token is left out of its repr: configurations end up in logs."""

    server: str
    token: str = field(repr=False)
    allow_http: bool = False


def read_config(environ: Mapping[str, str], *, server: str = "", path: str = "") -> Config:
    """What is given on the command line comes first, then the environment, then the file. Raises ConfigError."""
    named = path or environ.get("BOTBALANCE_CONFIG", "")
    file = Path(named).expanduser() if named else default_path(environ)
    values = _read_file(file, must_exist=bool(named))
    address = server or environ.get("BOTBALANCE_SERVER", "") or values.get("server", "")
    token = environ.get("BOTBALANCE_TOKEN", "").strip()
    token_file = environ.get("BOTBALANCE_TOKEN_FILE", "")
    if not token and token_file:
        token = _read_private(Path(token_file).expanduser())
    if not token:
        token = values.get("token", "")
    if not token and values.get("token_file"):
        token = _read_private(file.parent / Path(values["token_file"]).expanduser())
    if not address:
        raise ConfigError(f'Say where the server is: BOTBALANCE_SERVER, or server = "https://…" in {file}.')
    if not token:
        raise ConfigError(
            f'Give a token: BOTBALANCE_TOKEN, BOTBALANCE_TOKEN_FILE, or token = "…" in {file}. Make one on the page '
            "Account, API tokens."
        )
    allow_http = environ.get("BOTBALANCE_ALLOW_HTTP", "") == "1" or values.get("allow_http", "") == "true"
    return Config(address, token, allow_http)


def default_path(environ: Mapping[str, str]) -> Path:
    return _home(environ, "XDG_CONFIG_HOME", ".config") / "config.toml"


def state_dir(environ: Mapping[str, str]) -> Path:
    """Where deeds are noted that have had no answer yet."""
    named = environ.get("BOTBALANCE_STATE_DIR", "")
    return Path(named).expanduser() if named else _home(environ, "XDG_STATE_HOME", ".local/state")


def _home(environ: Mapping[str, str], variable: str, otherwise: str) -> Path:
    base = environ.get(variable, "")
    if base and Path(base).is_absolute():
        return Path(base) / "botbalance"
    try:
        return Path.home() / otherwise / "botbalance"
    except RuntimeError:
        raise ConfigError(f"There is no home directory here: set {variable}.") from None


def _read_file(path: Path, *, must_exist: bool) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if must_exist:
            raise ConfigError(f"There is no file {path}.") from None
        return {}
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{path} cannot be read.") from None
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:  # its text quotes the line, which may be the token's
        raise ConfigError(f"{path} is not valid TOML.") from None
    unknown = sorted(set(table) - {"server", "token", "token_file", "allow_http"})
    if unknown:
        raise ConfigError(f"{path} has settings that do not exist: {', '.join(unknown)}.")
    if not all(isinstance(table.get(name, ""), str) for name in ("server", "token", "token_file")):
        raise ConfigError(f"{path}: server, token and token_file are texts in quotes.")
    if not isinstance(table.get("allow_http", False), bool):
        raise ConfigError(f"{path}: allow_http is true or false.")
    if "token" in table:
        _must_be_private(path)
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in table.items()}


def _read_private(path: Path) -> str:
    try:
        _must_be_private(path)
        with path.open("rb") as file:
            return file.read(TOKEN_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"The token's file {path} cannot be read.") from None


def _must_be_private(path: Path) -> None:
    """Refuses a file that somebody else may read or write; on Windows, where modes say nothing, it asks nothing."""
    if os.name != "posix":
        return
    found = path.stat()
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigError(f"{path} holds a token and can be read by others: chmod 600 {path}")
    if found.st_uid not in (os.geteuid(), 0):
        raise ConfigError(f"{path} holds a token and belongs to somebody else.")
