"""Which addresses a setting may hold: no host where real money is traded, however it is written."""

import pytest

from botbalance.environment import host_of, is_at
from botbalance.settings import DEMO_HOSTS, MAINNET_DOMAINS


def is_mainnet(url: str) -> bool:
    return is_at(host_of(url), MAINNET_DOMAINS, besides=DEMO_HOSTS)


@pytest.mark.parametrize(
    "host",
    ["api", "api1", "api5", "api-gcp", "www", "testnet", "fapi", "demo-fapi", "x.demo-api", "API", "demo-api.api"],
)
@pytest.mark.parametrize("domain", ["binance.com", "binance.us", "BINANCE.COM", "binance.com.", "binance.com..:443"])
def test_every_host_of_the_real_exchange_is_recognised(host: str, domain: str) -> None:
    assert is_mainnet(f"https://{host}.{domain}/api")


def test_the_domains_themselves_are_recognised_too() -> None:
    assert is_mainnet("https://binance.com")
    assert is_mainnet("http://binance.us.:8443/?x=1")


@pytest.mark.parametrize(
    "url",
    [
        "https://testnet.binance.vision",
        "https://demo-api.binance.com",
        "https://demo-api.binance.com.",
        "https://notbinance.com",
        "https://binance.com.example",
        "http://127.0.0.1:8100",
        "http://[::1]:8100",
        "http://paper_exchange:8100",
    ],
)
def test_other_hosts_are_not_taken_for_it(url: str) -> None:
    assert not is_mainnet(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.binance.com%2e",
        "https://api%2ebinance.com",
        "https://user@api.binance.com",
        "https://user:word@testnet.binance.vision",
        "https://testnet.binance.vision\\@api.binance.com",
        "https://api.binance\u3002com",
        "https://api.binance.com\t",
        "https://api. binance.com",
        "https://api..binance.com",
        "https://.binance.com",
        "https://",
        "https://.",
        "https://host:port",
        "https://host:99999",
        "https://[::1",
        "ftp://testnet.binance.vision",
        "testnet.binance.vision",
        "",
    ],
)
def test_an_address_that_may_be_read_in_two_ways_is_none(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (whatever the library says, the setting says its own sentence)
        host_of(url)
