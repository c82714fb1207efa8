"""The Celery application. Tasks are found in each app's `tasks.py`; the schedule is rows, editable in the admin."""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import task_postrun, task_prerun
from django.db import close_old_connections
from kombu.transport.redis import Channel

# What a worker has fetched and not begun is not put back when its connection to Redis breaks: whatever is lost comes
# round with the next turn of its row, and putting it back through the broken connection ends the worker.
Channel.do_restore = False

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "botbalance.settings")
app = Celery("botbalance")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# Connections to the database live as long as Django's settings say, as they do between requests, instead of being made
# anew for every task.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize


@task_prerun.connect
@task_postrun.connect
def _mind_connections(task: Any = None, **_more: Any) -> None:
    """Drop connections that have broken or had their time, and have the others tried before they are used again."""
    if task is not None and not task.request.is_eager:
        close_old_connections()
