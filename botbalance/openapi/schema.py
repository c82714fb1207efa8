"""How drf-spectacular describes a view of ours."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from botbalance.openapi import refusals


class ApiSchema(AutoSchema):
    def get_operation_id(self) -> str:
        name: str = super().get_operation_id()
        if self.method == "GET" and self._answers_a_list():
            return f"{name.removesuffix('_retrieve')}_list"
        return name

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """With every refusal it may answer with."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        answer = self.resolve_serializer(refusals.ErrorAnswer(), "response").ref
        codes = refusals.codes_of(operation, self.method, is_throttled=bool(self.view.throttle_classes))
        documented = operation["responses"]
        operation["responses"] = {**documented, **refusals.responses(codes, answer)}
        return operation

    def _answers_a_list(self) -> bool:
        answer: Any = self.get_response_serializers()
        return isinstance(answer, serializers.Serializer) and {"results", "next"} <= answer.fields.keys()
