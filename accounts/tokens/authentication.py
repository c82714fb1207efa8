"""Who sends an API request: the token in `Authorization: Token …`."""

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed

from accounts.models import User
from accounts.tokens import selectors, services
from accounts.tokens.models import ApiToken


class TokenAuthentication(authentication.TokenAuthentication):
    """How the header is read is the framework's; what a token is, is ours."""

    def authenticate_credentials(self, key: str) -> tuple[User, ApiToken]:
        token, now = selectors.token_behind(key), timezone.now()
        if token is None or not token.user.is_active:
            raise AuthenticationFailed(_("This token is unknown, or was revoked."))
        if token.is_expired(now):
            raise AuthenticationFailed(_("This token has expired. Make a new one."), code="token_expired")
        services.note_use(token, now)
        return token.user, token


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.tokens.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": (
                "`Token` and a space, then a token from the page *API tokens*, from POST /api/v1/me/tokens, or from "
                "POST /api/v1/auth/token. With scope `read` every change is refused (403 `token_scope`)."
            ),
        }
