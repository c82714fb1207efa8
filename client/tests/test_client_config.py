"""Where the server and the token come from, and whom a file with a token must be closed to."""

import os
from pathlib import Path

import pytest
from botbalance_client import ConfigError
from botbalance_client.config import read_config

TOKEN = "bb_0123456789ab_secret"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def write(home: dict[str, str], text: str, mode: int = 0o600) -> Path:
    path = Path(home["XDG_CONFIG_HOME"]) / "botbalance" / "config.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_environment_is_enough(home: dict[str, str]) -> None:
    config = read_config({**home, "BOTBALANCE_SERVER": "https://a", "BOTBALANCE_TOKEN": f" {TOKEN}\n"})
    assert (config.server, config.token, config.allow_http) == ("https://a", TOKEN, False)


def test_the_file_is_enough(home: dict[str, str]) -> None:
    write(home, f'server = "https://b"\ntoken = "{TOKEN}"\nallow_http = true\n')
    config = read_config(home)
    assert (config.server, config.token, config.allow_http) == ("https://b", TOKEN, True)


def test_what_is_nearer_comes_first(home: dict[str, str]) -> None:
    write(home, 'server = "https://file"\ntoken = "of-the-file"\n')
    environ = {**home, "BOTBALANCE_SERVER": "https://environment", "BOTBALANCE_TOKEN": TOKEN}
    assert read_config(environ).server == "https://environment"
    assert read_config(environ, server="https://flag").server == "https://flag"
    assert read_config(environ).token == TOKEN


def test_a_token_may_lie_in_a_file_of_its_own(home: dict[str, str], tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text(TOKEN + "\n")
    secret.chmod(0o400)
    environ = {**home, "BOTBALANCE_SERVER": "https://a", "BOTBALANCE_TOKEN_FILE": str(secret)}
    assert read_config(environ).token == TOKEN
    write(home, 'server = "https://a"\ntoken_file = "../token"\n', mode=0o644)
    assert read_config(home).token == TOKEN
    secret.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_config(environ)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o604])
def test_a_token_that_others_can_reach_is_refused(mode: int, home: dict[str, str]) -> None:
    path = write(home, f'server = "https://a"\ntoken = "{TOKEN}"\n', mode)
    with pytest.raises(ConfigError, match="chmod 600") as caught:
        read_config(home)
    assert str(path) in str(caught.value)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["token = bb_secret", 'tokem = "bb_secret"', "token = 7", 'allow_http = "yes"', "\x00", 'server = ["a"]']
)
def test_a_file_that_is_wrong_is_named_and_not_quoted(text: str, home: dict[str, str]) -> None:
    path = write(home, text)
    with pytest.raises(ConfigError) as caught:
        read_config(home)
    assert str(path) in str(caught.value)
    assert "bb_secret" not in str(caught.value)


@pytest.mark.parametrize("missing", ["BOTBALANCE_SERVER", "BOTBALANCE_TOKEN"])
def test_what_is_missing_is_named(missing: str, home: dict[str, str]) -> None:
    environ = {**home, "BOTBALANCE_SERVER": "https://a", "BOTBALANCE_TOKEN": TOKEN}
    del environ[missing]
    with pytest.raises(ConfigError, match=missing):
        read_config(environ)


def test_a_file_that_was_named_must_be_there(home: dict[str, str]) -> None:
    environ = {**home, "BOTBALANCE_SERVER": "https://a", "BOTBALANCE_TOKEN": TOKEN}
    with pytest.raises(ConfigError, match="no file"):
        read_config(environ, path="/nowhere/config.toml")


def test_the_token_is_in_no_repr(home: dict[str, str]) -> None:
    assert TOKEN not in repr(read_config({**home, "BOTBALANCE_SERVER": "https://a", "BOTBALANCE_TOKEN": TOKEN}))


def test_another_owners_file_is_refused(home: dict[str, str]) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    path = write(home, f'server = "https://a"\ntoken = "{TOKEN}"\n')
    os.chown(path, 12345, -1)
    with pytest.raises(ConfigError, match="somebody else"):
        read_config(home)
