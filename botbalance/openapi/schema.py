"""How drf-spectacular describes a view of ours."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers


class ApiSchema(AutoSchema):
    def get_operation_id(self) -> str:
        name: str = super().get_operation_id()
        if self.method == "GET" and self._answers_a_list():
            return f"{name.removesuffix('_retrieve')}_list"
        return name

    def _answers_a_list(self) -> bool:
        answer: Any = self.get_response_serializers()
        return isinstance(answer, serializers.Serializer) and {"results", "next"} <= answer.fields.keys()
