"""The venue table: where an account trades and with whose keys, and that mainnet is reached in one way only."""

import itertools
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import responses

from accounts.models import User
from botbalance.lib.errors import Conflict
from exchanges import services
from exchanges.domain import KeySource, NoVenue, Venue, resolve_venue
from exchanges.errors import CredentialsRefused
from exchanges.models import ExchangeAccount
from exchanges.paper import services as paper
from exchanges.tests.support import ACCOUNT, DATABASES

PAPER = (Venue.PAPER, KeySource.PAPER)
TABLE = [
    # account's venue and keys, mock, testnet, testnet with flagged system keys, mainnet
    ("paper", PAPER, PAPER, PAPER, PAPER),
    (
        "own keys",
        NoVenue.NEVER_CONTACTED,
        (Venue.TESTNET, KeySource.OWN),
        (Venue.TESTNET, KeySource.OWN),
        (Venue.MAINNET, KeySource.OWN),
    ),
    ("no keys", PAPER, NoVenue.NO_KEYS, (Venue.TESTNET, KeySource.SYSTEM), NoVenue.NO_KEYS),
]
ENVIRONMENTS = [("mock", False), ("testnet", False), ("testnet", True), ("mainnet", False)]
CELLS = [
    (row[0], environment, flagged, expected)
    for row in TABLE
    for (environment, flagged), expected in zip(ENVIRONMENTS, row[1:], strict=True)
]


@pytest.mark.parametrize(("kind", "environment", "flagged", "expected"), CELLS)
def test_every_cell_of_the_table(kind: str, environment: str, flagged: bool, expected) -> None:
    resolved = resolve_venue(
        on_paper=kind == "paper",
        has_own_keys=kind == "own keys",
        exchange_env=environment,
        has_system_keys=flagged,
    )
    assert resolved == expected


@pytest.mark.parametrize("kind", ["paper", "own keys", "no keys"])
@pytest.mark.parametrize("environment", ["mock", "mainnet"])
def test_system_keys_change_nothing_outside_testnet(kind: str, environment: str) -> None:
    answers = {
        resolve_venue(
            on_paper=kind == "paper", has_own_keys=kind == "own keys", exchange_env=environment, has_system_keys=flagged
        )
        for flagged in (False, True)
    }
    assert len(answers) == 1


def test_mainnet_needs_its_environment_and_own_keys() -> None:
    for on_paper, own, environment, system in itertools.product(
        (False, True), (False, True), ("mock", "testnet", "mainnet", "MAINNET", ""), (False, True)
    ):
        resolved = resolve_venue(on_paper=on_paper, has_own_keys=own, exchange_env=environment, has_system_keys=system)
        if isinstance(resolved, tuple) and resolved[0] == Venue.MAINNET:
            assert (on_paper, own, environment) == (False, True, "mainnet")
            assert resolved[1] == KeySource.OWN


# --- through adapter_for, to the requests themselves ---------------------------------------------------------


@pytest.fixture
def network() -> Iterator[responses.RequestsMock]:
    """Both real exchanges, answering everybody; what was sent is in `network.calls`."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for url in ("https://testnet.binance.vision", "https://api.binance.com"):
            mock.get(f"{url}/api/v3/account", json=ACCOUNT)
        yield mock


def account_of_kind(user: User, kind: str) -> ExchangeAccount:
    account = ExchangeAccount(user=user, label=kind, venue="paper" if kind == "paper" else "binance")
    if kind == "own keys":
        account.api_key, account.api_secret = "own-key", "own-secret"
    if kind == "paper":
        keys = paper.open_account("test", {})
        account.paper_key, account.paper_secret = keys.api_key, keys.api_secret
    account.save()
    return account


HOSTS = {
    (Venue.TESTNET, KeySource.OWN): ("testnet.binance.vision", "own-key"),
    (Venue.TESTNET, KeySource.SYSTEM): ("testnet.binance.vision", "system-key"),
    (Venue.MAINNET, KeySource.OWN): ("api.binance.com", "own-key"),
}


@pytest.mark.django_db(databases=DATABASES)
# Outside testnet the table must hold with the flag set as well: the worst an operator can do.
@pytest.mark.parametrize(
    ("kind", "environment", "flagged", "expected"),
    [
        *CELLS,
        *[(kind, environment, True, expected) for kind, environment, _, expected in CELLS if environment != "testnet"],
    ],
)
def test_requests_go_where_the_table_says_with_the_keys_it_says(
    kind: str, environment: str, flagged: bool, expected, alice: User, network, settings
) -> None:
    settings.EXCHANGE_ENV = environment
    settings.ENABLE_SYSTEM_TESTNET_ACCOUNT = flagged
    settings.BINANCE_SPOT_TESTNET_API_KEY = "system-key"
    settings.BINANCE_SPOT_TESTNET_API_SECRET = "system-secret"
    account = account_of_kind(alice, kind)
    if isinstance(expected, NoVenue):
        refusal = Conflict if expected == NoVenue.NEVER_CONTACTED else CredentialsRefused
        with pytest.raises(refusal):
            services.adapter_for(account)
        with pytest.raises(refusal):
            services.market_for(account, trading=False)
        assert len(network.calls) == 0
        return
    services.adapter_for(account).account_info()
    sent = [(urlsplit(call.request.url).hostname, call.request.headers["X-MBX-APIKEY"]) for call in network.calls]
    assert sent == ([HOSTS[expected]] if expected in HOSTS else [])


@pytest.mark.django_db(databases=DATABASES)
@pytest.mark.parametrize(("key", "secret"), [("", "system-secret"), ("system-key", "")])
def test_half_a_pair_of_system_keys_is_none(key: str, secret: str, alice: User, settings) -> None:
    settings.EXCHANGE_ENV = "testnet"
    settings.ENABLE_SYSTEM_TESTNET_ACCOUNT = True
    settings.BINANCE_SPOT_TESTNET_API_KEY = key
    settings.BINANCE_SPOT_TESTNET_API_SECRET = secret
    with pytest.raises(CredentialsRefused):
        services.adapter_for(account_of_kind(alice, "no keys"))


@pytest.mark.django_db(databases=DATABASES)
def test_an_account_without_keys_opens_its_paper_account_once(alice: User) -> None:
    account = account_of_kind(alice, "no keys")
    services.adapter_for(account).account_info()
    first = ExchangeAccount.objects.get(pk=account.pk).paper_key
    assert first
    services.adapter_for(ExchangeAccount.objects.get(pk=account.pk)).account_info()
    assert ExchangeAccount.objects.get(pk=account.pk).paper_key == first


@pytest.mark.django_db(databases=DATABASES)
def test_keys_added_later_are_never_sent_to_the_paper_exchange(alice: User) -> None:
    account = account_of_kind(alice, "no keys")
    services.adapter_for(account)
    account.api_key, account.api_secret = "own-key", "own-secret"
    account.save()
    with pytest.raises(Conflict):
        services.adapter_for(account)
