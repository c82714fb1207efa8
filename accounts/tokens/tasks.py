from celery import shared_task

from accounts.tokens import services


@shared_task
def forget_expired() -> int:
    """Tokens that expired a month ago; how many there were."""
    return services.forget_expired()
