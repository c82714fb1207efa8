import pytest
from django.test import Client

from accounts import services
from accounts.models import User

PASSWORD = "correct-horse-9"


@pytest.fixture
def alice(db: None) -> User:
    return services.register("alice@example.org", PASSWORD)


@pytest.fixture
def bob(db: None) -> User:
    return services.register("bob@example.org", PASSWORD)


@pytest.fixture
def charlie(db: None) -> User:
    user, _created = services.ensure_superadmin("charlie@example.org", PASSWORD)
    return user


@pytest.fixture
def as_alice(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def as_charlie(client: Client, charlie: User) -> Client:
    client.force_login(charlie)
    return client
