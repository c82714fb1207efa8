"""With HTTPS on, what programs in this network ask for is answered over plain HTTP, and nothing else."""

import pytest
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
TOKEN = "a-token-of-more-than-twenty-characters"


@pytest.fixture(autouse=True)
def _https(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.METRICS_TOKEN = TOKEN


def test_a_health_check_and_a_program_with_the_token_are_answered() -> None:
    assert Client().get("/health/live").status_code == 200
    assert Client(headers={"Authorization": f"Bearer {TOKEN}"}).get("/metrics").status_code == 200


def test_metrics_are_nobody_elses_there_either() -> None:
    assert Client().get("/metrics").status_code == 401


@pytest.mark.parametrize("path", ["/", "/metrics/", "/metrics/more", "/api/me/accounts/", "/health"])
def test_everything_else_is_sent_to_https(path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer["Location"].partition("://")[0]) == (301, "https")
