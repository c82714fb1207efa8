"""Every page says what the reader's paper accounts trade at, whatever the server's venue is."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from exchanges.models import ExchangeAccount

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
PAGE = "/strategies/"


def text(client: Client) -> str:
    return client.get(PAGE).content.decode()


def test_a_paper_server_names_its_market(alice: User, client_for: Callable[[User], Client]) -> None:
    assert "Paper exchange: no real money (made-up prices)" in text(client_for(alice))


@pytest.mark.parametrize(("environment", "said"), [
    ("testnet", "Binance testnet: no real money; paper accounts: made-up prices"),
    ("mainnet", "Binance: real money; paper accounts: made-up prices"),
])  # fmt: skip
def test_another_server_names_it_to_those_who_have_paper_accounts(
    environment: str,
    said: str,
    alice: User,
    charlie: User,
    paper_account: Callable[..., ExchangeAccount],
    client_for: Callable[[User], Client],
    settings: Any,
) -> None:
    paper_account(alice, {"USDT": 1000})
    settings.EXCHANGE_ENV = environment
    assert said in text(client_for(alice))
    assert "paper accounts:" not in text(client_for(charlie))
    anybody: Any = Client().get("/auth/login/", follow=True)
    assert "paper accounts:" not in anybody.content.decode()
