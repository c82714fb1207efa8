"""/api/auth/: register, sign in for a token, ask who one is. /api/me/notices: what one was told."""

from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.models import Notice, Role, User
from accounts.tokens.api import SECRET, TokenIn
from accounts.tokens.services import Lifetime, create_token
from botbalance.lib.errors import AppError
from botbalance.lib.lists import PAGE, list_of, page


class WrongCredentials(AppError):
    """One answer for an unknown address, a wrong password and an inactive user, so that nobody learns which."""

    status = 401
    default_code = "invalid_credentials"


class TooManyAttempts(AppError):
    status = 429
    default_code = "throttled"


class CredentialsIn(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=1024, trim_whitespace=False, style={"input_type": "password"})


class RegisteredOut(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["id", "email"]


class SignInIn(CredentialsIn, TokenIn):
    """Who asks, and for what token."""

    name = serializers.CharField(required=False, default="", allow_blank=True, max_length=60)


class TokenOut(serializers.Serializer[Any]):
    token = serializers.CharField()
    expiry = serializers.DateTimeField(allow_null=True)


class MeOut(serializers.ModelSerializer[User]):
    role = serializers.ChoiceField(choices=Role.choices)
    suspended = serializers.BooleanField(source="is_suspended")

    class Meta:
        model = User
        fields = ["id", "email", "role", "suspended"]


class NoticeOut(serializers.ModelSerializer[Notice]):
    class Meta:
        model = Notice
        fields = ["id", "at", "title", "text", "link", "seen_at", "sent_at", "problem"]


class NoticeFilter(serializers.Serializer[Any]):
    seen = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only those that are dismissed, or that are not."
    )


class RegisterView(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "auth"

    @extend_schema(operation_id="auth_register", request=CredentialsIn, responses={201: RegisteredOut}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Create a user."""
        data = CredentialsIn(data=request.data)
        data.is_valid(raise_exception=True)
        user = services.sign_up(data.validated_data["email"], data.validated_data["password"])
        return Response(RegisteredOut(user).data, status=201)


class TokenView(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "auth"

    @extend_schema(operation_id="auth_token", request=SignInIn, responses={200: TokenOut}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Exchange e-mail and password for a token. Send it as `Authorization: Token …`."""
        data = SignInIn(data=request.data)
        data.is_valid(raise_exception=True)
        values = data.validated_data
        try:
            # The door the sign-in page uses, so that both count the same failed attempts per address.
            user = get_adapter().authenticate(request._request, email=values["email"], password=values["password"])
        except ValidationError as error:
            raise TooManyAttempts(error.messages[0]) from None
        if not isinstance(user, User) or not user.is_active:
            raise WrongCredentials(_("The e-mail address or the password is wrong."))
        row, token = create_token(
            user, name=values["name"], scope=values["scope"], days=values.get("expires_in_days", Lifetime.USUAL)
        )
        return Response(TokenOut({"token": token, "expiry": row.expires_at}).data, headers=SECRET)


class MeView(APIView):
    @extend_schema(operation_id="auth_me", responses={200: MeOut}, tags=["auth"])
    def get(self, request: Request) -> Response:
        """Who am I, and may I trade?"""
        return Response(MeOut(_user(request)).data)


class NoticeList(APIView):
    @extend_schema(
        operation_id="me_notices", parameters=[NoticeFilter, PAGE], responses=list_of(NoticeOut), tags=["me"]
    )
    def get(self, request: Request) -> Response:
        """What I was told while I was not looking, newest first; `seen=false`: what I have not dismissed."""
        query = NoticeFilter(data=request.query_params)
        query.is_valid(raise_exception=True)
        rows = selectors.notices_of(_user(request))
        if query.validated_data["seen"] is not None:
            rows = rows.filter(seen_at__isnull=not query.validated_data["seen"])
        return page(request, rows, NoticeOut)


class NoticeSeen(APIView):
    @extend_schema(operation_id="me_notice_seen", request=None, responses=NoticeOut, tags=["me"])
    def post(self, request: Request, notice_id: int) -> Response:
        """Dismiss a notice: it is not shown on every page any more. Twice is the same as once."""
        return Response(NoticeOut(services.dismiss(selectors.notice_of(_user(request), notice_id))).data)


def _user(request: Request) -> User:
    assert not isinstance(request.user, AnonymousUser)
    return request.user
