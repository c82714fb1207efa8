"""What the token of a request may do. One class for every route: what is not safe needs a token that may trade."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request

from accounts.tokens.models import ApiToken

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which loads this module


class WithinScope(IsAuthenticated):
    """Somebody known, whose token may do what this request asks for. A session may do all that its user may."""

    code = "token_scope"
    message = _("This token may only read. Use one that may trade.")

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not super().has_permission(request, view):
            return False
        token = request.auth
        return request.method in SAFE_METHODS or not isinstance(token, ApiToken) or token.may_trade
