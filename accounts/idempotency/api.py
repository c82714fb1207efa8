"""The header `Idempotency-Key` of requests that trade or change orders."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.idempotency import services
from accounts.idempotency.domain import fingerprint
from accounts.models import User

REPLAYED = "Idempotent-Replayed"

Post = Callable[..., Response]

KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description=(
        "Any text of up to 100 characters, new for everything you mean to be done. The same request with the same key "
        "is done once, and for 24 hours has the same answer; another request with it is refused (409 "
        "`idempotency_key_reused`), and so is the same one while it is being answered (409 `idempotency_in_progress`). "
        "What was refused or failed may be tried again with its key."
    ),
)
KEY_OF_ITS_OWN = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description=(
        "Any text of up to 100 characters, new for everything you mean to be done. The same key never does it twice: "
        "it gives what was begun with it, as that stands now. Another request with it is refused (409 "
        "`idempotency_key_reused`)."
    ),
)


class KeySerializer(serializers.Serializer[Any]):
    """It ends up in the database, so it is text that can stand there."""

    idempotency_key = serializers.CharField(allow_blank=True, max_length=100)


def key_of(request: Request) -> str:
    """The key that a request carries, "" for none. Raises ValidationError for one that cannot be kept."""
    given = KeySerializer(data={"idempotency_key": request.headers.get("Idempotency-Key", "")})
    given.is_valid(raise_exception=True)
    key: str = given.validated_data["idempotency_key"]
    return key


def idempotent(post: Post) -> Post:
    """A view's `post` that is done once for each key, and answers the same again."""

    @wraps(post)
    def answer(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = key_of(request)
        if not key:
            return post(view, request, *args, **kwargs)
        held = services.claim(_user(request), key, _fingerprint(request))
        if isinstance(held, services.Answered):
            body = json.loads(held.body) if held.body else None
            return Response(body, status=held.status, headers={REPLAYED: "true"})
        return _answer(held, lambda: post(view, request, *args, **kwargs))

    return extend_schema(parameters=[KEY])(answer)


def known_to_service(post: Post) -> Post:
    """For a `post` whose service does one thing for one key by itself, for ever, and says how that stands now. Here
    only another request with the same key is refused.
    """

    @wraps(post)
    def answer(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = key_of(request)
        if not key:
            return post(view, request, *args, **kwargs)
        try:
            held = services.claim(_user(request), key, _fingerprint(request))
        except services.InProgress:
            return post(view, request, *args, **kwargs)
        if isinstance(held, services.Answered):
            return post(view, request, *args, **kwargs)
        return _answer(held, lambda: post(view, request, *args, **kwargs))

    return extend_schema(parameters=[KEY_OF_ITS_OWN])(answer)


def _answer(held: services.Claim, ask: Callable[[], Response]) -> Response:
    try:
        response = ask()
    except BaseException:
        services.give_up(held)
        raise
    if 200 <= response.status_code < 300:
        services.keep(held, response.status_code, JSONRenderer().render(response.data).decode())
    else:
        services.give_up(held)
    return response


def _fingerprint(request: Request) -> str:
    data = request.data
    body = dict(data.lists()) if isinstance(data, QueryDict) else data
    # Without the version: /api/… and /api/v1/… are one address.
    return fingerprint(request.method or "", request.path_info, body)


def _user(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user
