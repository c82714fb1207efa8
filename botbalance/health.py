"""Whether this process is alive."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers; it asks nothing of the database, so that a restart helps when it fails."""
    return JsonResponse({"status": "ok"})
