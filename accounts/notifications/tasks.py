"""Sending what users are to be told."""

from celery import shared_task

from accounts.notifications import services


@shared_task
def send_due() -> int:
    """Send what is due through users' channels; how many arrived."""
    return services.send_due()
