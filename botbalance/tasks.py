"""What needs several floors, from time to time."""

from celery import shared_task

from botbalance import daily_summary


@shared_task
def tell_summaries() -> int:
    """Tell those who wish it, once a day, how the last day went; how many."""
    return daily_summary.tell_all()
