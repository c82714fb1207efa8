"""Wiring and composition. Imported by nobody but the process that starts."""

from botbalance.celery import app as celery_app

__all__ = ["celery_app"]
