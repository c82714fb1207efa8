"""Which database a model lives in: the paper exchange's books in `paper`, everything else in `default`."""

from typing import Any

from django.db.models import Model


class PaperRouter:
    """Route the app `paper` to its own database, and nothing else there."""

    def _alias(self, app_label: str) -> str:
        return "paper" if app_label == "paper" else "default"

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        return self._alias(model._meta.app_label)

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        return self._alias(model._meta.app_label)

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool:
        return self._alias(first._meta.app_label) == self._alias(second._meta.app_label)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == self._alias(app_label)
