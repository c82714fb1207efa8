"""The Celery application. Tasks are found in each app's `tasks.py`; the schedule is rows, editable in the admin."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "botbalance.settings")
app = Celery("botbalance")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
