"""/api/me/accounts/"""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from botbalance.lib.lists import AllInOne, list_of, page, page_query
from exchanges import selectors, services
from exchanges.models import ExchangeAccount


class AccountSerializer(serializers.ModelSerializer[ExchangeAccount]):
    class Meta:
        model = ExchangeAccount
        fields = ["id", "label", "venue", "quote", "key_tail", "status", "status_reason", "checked_at", "created_at"]


class ConnectSerializer(serializers.Serializer[Any]):
    label = serializers.CharField(max_length=40)  # type: ignore[assignment]  # DRF's Field has a `label` of its own
    venue = serializers.ChoiceField(choices=ExchangeAccount.Venue.choices, default=ExchangeAccount.Venue.PAPER)
    quote = serializers.CharField(max_length=10, default="USDT")
    api_key = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    api_secret = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        write_only=True,
        trim_whitespace=True,
        help_text="The secret of an HMAC key, or the private key of an RSA or Ed25519 key as PEM text.",
    )


class RenameSerializer(serializers.Serializer[Any]):
    label = serializers.CharField(max_length=40)  # type: ignore[assignment]  # DRF's Field has a `label` of its own


class AccountList(APIView):
    @extend_schema(parameters=[page_query(AllInOne)], responses=list_of(AccountSerializer))
    def get(self, request: Request) -> Response:
        """Connected accounts, oldest first."""
        rows = selectors.accounts_of(request.user)  # type: ignore[arg-type]
        return page(request, rows, AccountSerializer, pages=AllInOne)

    @extend_schema(request=ConnectSerializer, responses={201: AccountSerializer})
    def post(self, request: Request) -> Response:
        serializer = ConnectSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        account = services.connect_account(request.user, **serializer.validated_data)  # type: ignore[arg-type]
        return Response(AccountSerializer(account).data, status=201)


class AccountDetail(APIView):
    @extend_schema(responses=AccountSerializer)
    def get(self, request: Request, account_id: int) -> Response:
        return Response(AccountSerializer(selectors.account_of(request.user, account_id)).data)  # type: ignore[arg-type]

    @extend_schema(request=RenameSerializer, responses=AccountSerializer)
    def patch(self, request: Request, account_id: int) -> Response:
        account = selectors.account_of(request.user, account_id)  # type: ignore[arg-type]
        serializer = RenameSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(AccountSerializer(services.rename_account(account, serializer.validated_data["label"])).data)


class AccountCheck(APIView):
    """Ask the exchange whether the account's key works."""

    @extend_schema(request=None, responses=AccountSerializer)
    def post(self, request: Request, account_id: int) -> Response:
        account = selectors.account_of(request.user, account_id)  # type: ignore[arg-type]
        return Response(AccountSerializer(services.check_account(account)).data)
