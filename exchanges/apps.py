from celery.signals import task_postrun, task_prerun
from django.apps import AppConfig

from exchanges.ledger import patience


class ExchangesConfig(AppConfig):
    name = "exchanges"
    verbose_name = "Exchanges"

    def ready(self) -> None:
        """Whatever a worker does is background work."""
        task_prerun.connect(patience.enter_background)
        task_postrun.connect(patience.leave_background)
