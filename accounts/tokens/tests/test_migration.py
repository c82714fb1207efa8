"""Tokens that were made before scopes go on working, and may trade as they could."""

import hashlib

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tokens.models import ApiToken

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE, AFTER = [("tokens", "0001_initial")], [("tokens", "0002_tokens_of_knox")]
OLD = "0123456789abcdef" * 4


@pytest.fixture(autouse=True)
def _as_it_was(alice: User) -> None:
    """The table as it was, with a token of Alice's."""
    MigrationExecutor(connection).migrate(BEFORE)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE knox_authtoken (digest varchar(128) PRIMARY KEY, token_key varchar(25), user_id bigint, "
            "created timestamp with time zone, expiry timestamp with time zone)"
        )
        values = [hashlib.sha512(OLD.encode()).hexdigest(), OLD[:15], alice.pk]
        cursor.execute(
            "INSERT INTO knox_authtoken VALUES (%s, %s, %s, '2026-01-02 03:04:05', '2999-01-02 03:04:05')", values
        )
    MigrationRecorder(connection).record_applied("knox", "0001_initial")


def test_a_token_of_before_works_and_may_trade(alice: User) -> None:
    MigrationExecutor(connection).migrate(AFTER)
    row = ApiToken.objects.get()
    assert (row.user, row.scope, row.key) == (alice, "trade", OLD[:15])
    assert row.expires_at is not None
    assert row.expires_at.isoformat() == "2999-01-02T03:04:05+00:00"
    assert APIClient(HTTP_AUTHORIZATION=f"Token {OLD}").get("/api/auth/me").json()["id"] == alice.pk
    assert "knox_authtoken" not in connection.introspection.table_names()
    assert not MigrationRecorder(connection).migration_qs.filter(app="knox").exists()
