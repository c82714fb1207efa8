"""The periodic jobs are rows that an operator owns: seeded once, never changed back."""

import pytest
from django.core.management import call_command
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from botbalance.celery import app
from botbalance.services import SCHEDULE, ensure_schedule

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


@pytest.fixture(autouse=True)
def _nothing_scheduled() -> None:
    PeriodicTask.objects.all().delete()


def test_every_job_is_seeded_once() -> None:
    assert ensure_schedule() == [name for name, *_ in SCHEDULE]
    assert ensure_schedule() == []
    rows = {row.name: row for row in PeriodicTask.objects.select_related("interval")}
    assert len(rows) == len(SCHEDULE)
    for name, task, seconds, description in SCHEDULE:
        row = rows[name]
        assert (row.task, row.description, row.enabled) == (task, description, True)
        assert (row.interval.every, row.interval.period) == (seconds, IntervalSchedule.SECONDS)


def test_every_job_names_a_task_that_exists() -> None:
    app.loader.import_default_modules()
    assert {task for _, task, *_ in SCHEDULE} <= set(app.tasks)


def test_orders_are_tracked_every_thirty_seconds() -> None:
    assert ("orders.tasks.track_orders", 30) in {(task, seconds) for _, task, seconds, _ in SCHEDULE}


def test_what_an_operator_changed_survives_prepare() -> None:
    ensure_schedule()
    slower, _ = IntervalSchedule.objects.get_or_create(every=7, period=IntervalSchedule.MINUTES)
    row = PeriodicTask.objects.get(task="orders.tasks.track_orders")
    row.interval, row.enabled, row.description = slower, False, "Slowly, please."
    row.save()
    call_command("prepare", verbosity=0)
    row.refresh_from_db()
    assert (row.interval, row.enabled, row.description) == (slower, False, "Slowly, please.")
    assert PeriodicTask.objects.count() == len(SCHEDULE)


def test_a_job_that_was_renamed_does_not_come_back_under_its_old_name() -> None:
    ensure_schedule()
    PeriodicTask.objects.filter(task="orders.tasks.track_orders").update(name="Ask Binance")
    call_command("prepare", verbosity=0)
    assert PeriodicTask.objects.filter(task="orders.tasks.track_orders").count() == 1
