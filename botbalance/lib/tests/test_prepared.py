"""A prepared query gives what the query itself gives, to each user their own."""

import pytest
from django.db.models import QuerySet
from django.db.models.functions import JSONObject
from django.utils import timezone

from accounts.models import Notice, User
from botbalance.lib.prepared import NOBODY, Prepared

NAMES = ("pk", "at", "title", "seen_at", "all")


def of(user_id: int) -> QuerySet[Notice]:
    return Notice.objects.filter(user_id=user_id).annotate(all=JSONObject(title="title")).order_by("pk")


@pytest.fixture
def told(alice: User, bob: User) -> None:
    for user, seen_at in ((alice, None), (alice, timezone.now()), (bob, None)):
        Notice.objects.create(user=user, title="Something happened.", seen_at=seen_at)


@pytest.mark.django_db
def test_its_rows_are_those_of_the_query_with_the_values_of_the_fields(told: None, alice: User, bob: User) -> None:
    prepared = Prepared(lambda: of(NOBODY).values_list(*NAMES))
    for user in (alice, bob, alice):
        assert prepared.rows(user.pk) == list(of(user.pk).values_list(*NAMES))
    assert len(prepared.rows(alice.pk)) == 2


@pytest.mark.django_db
def test_who_has_nothing_is_given_nothing(told: None, charlie: User) -> None:
    assert Prepared(lambda: of(NOBODY).values_list(*NAMES)).rows(charlie.pk) == []


@pytest.mark.django_db
def test_it_is_put_together_once(told: None, alice: User, bob: User) -> None:
    built: list[int] = []

    def build() -> QuerySet[Notice, tuple[int]]:
        built.append(1)
        return of(NOBODY).values_list("pk")

    prepared = Prepared(build)
    assert prepared.raw(alice.pk) != prepared.raw(bob.pk)
    assert built == [1]
