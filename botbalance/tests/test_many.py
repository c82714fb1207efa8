"""Filtering by many numbers at once, on every database alike."""

import pytest

from accounts.models import User
from botbalance.lib.many import among

pytestmark = pytest.mark.django_db


@pytest.fixture
def users() -> list[User]:
    return User.objects.bulk_create([User(email=f"user{number}@example.org") for number in range(5)])


def test_it_finds_exactly_the_rows_of_these_numbers(users: list[User]) -> None:
    wanted = [users[0].pk, users[3].pk]
    assert sorted(User.objects.filter(pk__in=among(wanted)).values_list("pk", flat=True)) == wanted


def test_it_takes_unknown_and_repeated_numbers(users: list[User]) -> None:
    wanted = [users[1].pk, users[1].pk, users[-1].pk + 1_000]
    assert list(User.objects.filter(pk__in=among(wanted)).values_list("pk", flat=True)) == [users[1].pk]


def test_no_numbers_find_nothing(users: list[User]) -> None:
    assert not User.objects.filter(pk__in=among([])).exists()


def test_it_can_be_updated_by(users: list[User]) -> None:
    assert User.objects.filter(pk__in=among(user.pk for user in users[:3])).update(language="ru") == 3
    assert User.objects.filter(language="ru").count() == 3
