"""Errors a person is told about: a stable code for programs, a sentence for people, an HTTP status.

AppError
|- Invalid      400  something in the request is wrong; `fields` says what, per field
|- Forbidden    403  not allowed for this user, however often it is asked
|- NotFound     404  no such thing, or not yours: the two look the same
|- Conflict     409  right in itself, but not in the present state
`- Unavailable  503  not now; try again later
"""

from collections.abc import Mapping, Sequence

Fields = Mapping[str, Sequence[str]]


class AppError(Exception):
    """Base of all errors that are shown to people. `message` says what happened and what to do."""

    status = 400
    default_code = "error"

    def __init__(self, message: str, *, code: str = "", fields: Fields | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.fields: dict[str, list[str]] = {name: list(texts) for name, texts in (fields or {}).items()}


class Invalid(AppError):
    default_code = "invalid"


class Forbidden(AppError):
    status = 403
    default_code = "forbidden"


class NotFound(AppError):
    status = 404
    default_code = "not_found"


class Conflict(AppError):
    status = 409
    default_code = "conflict"


class Unavailable(AppError):
    status = 503
    default_code = "unavailable"
