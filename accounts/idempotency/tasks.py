from celery import shared_task

from accounts.idempotency import services


@shared_task
def forget_old() -> int:
    """Keys older than a day; how many there were."""
    return services.forget_old()
