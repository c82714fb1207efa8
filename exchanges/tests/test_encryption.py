"""Keys at rest: encrypted in the column, readable after a rotation, and only their tail is ever shown."""

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.db import connection

from accounts.models import User
from exchanges import services
from exchanges.models import ExchangeAccount
from exchanges.paper.models import PaperAccount
from exchanges.tests.support import DATABASES

pytestmark = pytest.mark.django_db(databases=DATABASES)

KEY, SECRET = "planted-key-tail", "planted-secret-of-the-account"
SECRET_COLUMNS = ("api_key", "api_secret", "paper_key", "paper_secret")


@pytest.fixture
def account(alice: User) -> ExchangeAccount:
    return services.connect_account(alice, label="Mine", venue="binance", api_key=KEY, api_secret=SECRET)


def raw(account: ExchangeAccount, column: str) -> bytes:
    """What the database itself holds."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {ExchangeAccount._meta.db_table} WHERE id = %s", [account.pk])  # noqa: S608
        (value,) = cursor.fetchone()
    return value.encode() if isinstance(value, str) else bytes(value)


def read_with(keys: list[str], column: str, stored: bytes, settings) -> str:
    """`stored` as a server with these FERNET_KEYS reads it."""
    settings.FERNET_KEYS = keys
    return ExchangeAccount._meta.get_field(column).clone().from_db_value(stored, None, connection)


def test_no_column_holds_a_key_in_the_clear(account: ExchangeAccount) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {ExchangeAccount._meta.db_table} WHERE id = %s", [account.pk])  # noqa: S608
        row = [bytes(value) if isinstance(value, memoryview) else value for value in cursor.fetchone()]
    assert KEY not in str(row)
    assert SECRET not in str(row)
    assert "tail" in row
    fresh = ExchangeAccount.objects.get(pk=account.pk)
    assert (fresh.api_key, fresh.api_secret) == (KEY, SECRET)


def test_the_paper_exchange_encrypts_its_secrets_too(alice: User) -> None:
    account = services.connect_account(alice, label="Paper", venue="paper")
    assert account.paper_key.encode() not in raw(account, "paper_key")
    assert account.paper_secret.encode() not in raw(account, "paper_secret")
    stored = PaperAccount.objects.using("paper").get(api_key=account.paper_key)
    assert stored.api_secret == account.paper_secret


def test_the_same_key_is_never_encrypted_alike(account: ExchangeAccount) -> None:
    before = raw(account, "api_secret")
    account.save()
    assert raw(account, "api_secret") != before


def test_a_new_key_comes_first_and_the_old_one_still_reads(account: ExchangeAccount, settings) -> None:
    (old,) = settings.FERNET_KEYS
    new = Fernet.generate_key().decode()
    for column, value in (("api_key", KEY), ("api_secret", SECRET)):
        assert read_with([new, old], column, raw(account, column), settings) == value


def test_what_is_written_after_a_rotation_needs_the_new_key_only(settings) -> None:
    old, new = settings.FERNET_KEYS[0], Fernet.generate_key().decode()
    settings.FERNET_KEYS = [new, old]
    value = ExchangeAccount._meta.get_field("api_secret").clone().get_db_prep_save(SECRET, connection)
    written = bytes(getattr(value, "obj", value))  # PostgreSQL's driver wraps it
    assert Fernet(new).decrypt(written).decode() == SECRET
    with pytest.raises(InvalidToken):
        Fernet(old).decrypt(written)


def test_a_key_dropped_too_early_fails_and_does_not_show_anything(account: ExchangeAccount, settings) -> None:
    with pytest.raises(InvalidToken) as caught:
        read_with([Fernet.generate_key().decode()], "api_secret", raw(account, "api_secret"), settings)
    assert SECRET not in str(caught.value)


def test_an_account_without_keys_stores_nothing_readable_and_reads_empty(alice: User) -> None:
    account = services.connect_account(alice, label="Paper", venue="paper")
    fresh = ExchangeAccount.objects.get(pk=account.pk)
    assert (fresh.api_key, fresh.api_secret, fresh.has_own_keys) == ("", "", False)
