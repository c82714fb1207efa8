"""Telling users, when they are not looking, what they must know."""

from celery import shared_task

from accounts import services


@shared_task
def send_notices() -> int:
    """E-mail what is due; how many went out."""
    return services.send_notices()
