"""What a request takes from its reader before any page is made."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import User
from botbalance.lib.moments import zone

# Read by programs: the API speaks UTC, and who asks for the others is nobody.
SPEAK_UTC = ("/api/", "/health/", "/metrics")


class TimeZoneMiddleware:
    """Pages show times in their reader's zone; UTC where they have chosen none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = None if request.path.startswith(SPEAK_UTC) else request.user
        with timezone.override(zone(user.time_zone) if isinstance(user, User) else zone("")):
            return self.get_response(request)
