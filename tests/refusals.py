"""How tests read a refusal of the API."""

from typing import Any

ERROR = {"code", "message", "fields"}


def refusal(answer: Any, status: int, code: str = "") -> dict[str, list[str]]:
    """The messages per field of an answer that must be this refusal, in the one shape all refusals have."""
    assert answer.status_code == status, (answer.status_code, answer.content.decode()[:400])
    assert answer.headers["Content-Type"].startswith("application/json")
    body = answer.json()
    assert list(body) == ["error"]
    assert body["error"].keys() == ERROR
    assert isinstance(body["error"]["message"], str)
    assert body["error"]["message"]
    if code:
        assert body["error"]["code"] == code, body
    fields: dict[str, list[str]] = body["error"]["fields"]
    for texts in fields.values():
        assert texts
        assert all(isinstance(text, str) and text for text in texts)
    return fields
