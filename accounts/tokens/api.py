"""/api/me/tokens: a user's API tokens; /api/auth/logout: the end of the one that asks."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.tokens import selectors, services
from accounts.tokens.authentication import TokenAuthentication
from accounts.tokens.models import ApiToken
from botbalance.lib.api import OldestLast
from botbalance.lib.lists import PAGE, list_of

SECRET = {"Cache-Control": "no-store"}


class TokenIn(serializers.Serializer[Any]):
    """What is said of a new token."""

    name = serializers.CharField(max_length=60)
    scope = serializers.ChoiceField(required=False, default=ApiToken.Scope.TRADE, choices=ApiToken.Scope.choices)
    expires_in_days = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=services.MOST_DAYS,
        help_text="null: it works until it is revoked. Left out: 90 days, or as long as the token that asks for it.",
    )


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    is_expired = serializers.SerializerMethodField()
    is_current = serializers.SerializerMethodField(help_text="Whether it is the one that this request carries.")

    class Meta:
        model = ApiToken
        fields = [
            "key", "name", "scope", "created_at", "expires_at", "last_used_at", "is_expired", "is_current",
        ]  # fmt: skip

    def get_is_expired(self, token: ApiToken) -> bool:
        return token.is_expired(timezone.now())

    def get_is_current(self, token: ApiToken) -> bool:
        presented = self.context.get("presented")
        return isinstance(presented, ApiToken) and presented.pk == token.pk


class NewTokenSerializer(TokenSerializer):
    token = serializers.CharField(help_text="Shown this once.")

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]


class RevokedSerializer(serializers.Serializer[Any]):
    revoked = serializers.IntegerField()


class TokenList(APIView):
    @extend_schema(operation_id="me_tokens_list", parameters=[PAGE], responses=list_of(TokenSerializer), tags=["me"])
    def get(self, request: Request) -> Response:
        """My tokens, newest first; one that has expired stays on the list for a month."""
        paginator = OldestLast()
        page = paginator.paginate_queryset(selectors.tokens_of(_user(request)), request, view=self)
        rows = TokenSerializer(page, many=True, context={"presented": request.auth})
        return Response({"results": rows.data, "next": paginator.get_next_link()})

    @extend_schema(operation_id="me_tokens_create", request=TokenIn, responses={201: NewTokenSerializer}, tags=["me"])
    def post(self, request: Request) -> Response:
        """Make a token. It is shown in this answer only. A token makes none that may do more, or works longer, than
        itself.
        """
        data = TokenIn(data=request.data)
        data.is_valid(raise_exception=True)
        values = data.validated_data
        row, plain_text = services.create_token(
            _user(request),
            name=values["name"],
            scope=values["scope"],
            days=values.get("expires_in_days", services.Lifetime.USUAL),
            by=_presented(request),
        )
        body = TokenSerializer(row, context={"presented": request.auth}).data
        return Response({**body, "token": plain_text}, status=201, headers=SECRET)

    @extend_schema(operation_id="me_tokens_revoke_all", responses={200: RevokedSerializer}, tags=["me"])
    def delete(self, request: Request) -> Response:
        """Revoke all my tokens, the one that this request carries among them."""
        return Response({"revoked": services.revoke_tokens(_user(request))})


class TokenDetail(APIView):
    @extend_schema(operation_id="me_tokens_revoke", responses={204: None}, tags=["me"])
    def delete(self, request: Request, key: str) -> Response:
        """Revoke one token. Programs that use it stop working at once."""
        services.revoke_token(_user(request), key)
        return Response(status=204)


class LogoutView(APIView):
    authentication_classes = [TokenAuthentication]
    # Whatever a token may do, it may be given up.
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="auth_logout", request=None, responses={204: None}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Revoke the token that this request carries, of either scope."""
        assert isinstance(request.auth, ApiToken)
        services.revoke_token(_user(request), request.auth.key)
        return Response(status=204)


def _presented(request: Request) -> ApiToken | None:
    return request.auth if isinstance(request.auth, ApiToken) else None


def _user(request: Request) -> User:
    assert not isinstance(request.user, AnonymousUser)
    return request.user
