"""New weights on schedule."""

from celery import shared_task

from strategies import services


@shared_task
def refresh_targets() -> int:
    """Ask the models whose time has come for new weights; how many were asked."""
    return services.refresh_due()
