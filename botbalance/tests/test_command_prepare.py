"""`manage.py prepare`: the databases and the schedule are ready afterwards, however often it runs."""

import io
import re

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django_celery_beat.models import PeriodicTask

from exchanges.paper.models import PaperAccount

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


def prepare() -> str:
    out = io.StringIO()
    call_command("prepare", stdout=out)
    return out.getvalue().strip()


@pytest.mark.usefixtures("alice")
def test_it_says_what_it_scheduled_and_the_second_time_that_there_was_nothing_to_do() -> None:
    PeriodicTask.objects.all().delete()
    assert prepare() == (
        "Databases ready. Scheduled: Autopilot, Track orders, Send notices, Forget expired tokens, "
        "Forget idempotency keys, Send notifications, Daily summaries, Tell owners, Refresh target models, Sweeps, "
        "Resume back-tests, Snapshot portfolios."
    )
    assert prepare() == "Databases ready."


def test_it_prints_the_set_up_code_until_there_is_a_user(client: Client) -> None:
    code = re.search(r"(?:[A-Z2-7]{5}-){3}[A-Z2-7]{5}", prepare())
    assert code is not None
    form = {"email": "alice@example.org", "password1": "correct-horse-9", "code": code[0]}
    assert client.post("/auth/set-up/", form, REMOTE_ADDR="203.0.113.7").status_code == 302
    assert code[0] not in prepare()


def test_both_databases_and_the_cache_can_be_used_afterwards() -> None:
    prepare()
    assert PaperAccount.objects.using("paper").count() == 0
    cache.set("prepared", "yes")
    assert cache.get("prepared") == "yes"
