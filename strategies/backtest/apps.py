from importlib import import_module

from django.apps import AppConfig


class BacktestConfig(AppConfig):
    name = "strategies.backtest"
    label = "backtest"
    verbose_name = "Back-tests"

    def ready(self) -> None:
        # Celery looks for tasks in tasks.py alone.
        import_module("strategies.backtest.sweep_tasks")
