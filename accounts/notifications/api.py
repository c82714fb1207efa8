"""/api/me/channels, /api/me/notification-settings: how one is told. Addresses go in, and never out again."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.notifications import selectors, services
from accounts.notifications.models import Channel, Delivery, Kind, Preferences
from botbalance.lib.lists import PAGE, AllInOne, list_of, page, page_query

NO_STORE = {"Cache-Control": "no-store"}


@extend_schema_field({"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$", "example": "22:30"})
class ClockField(serializers.TimeField):
    """A time of day to the minute. JSON Schema's own `time` would have seconds and a zone."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%H:%M", input_formats=["%H:%M"], **kwargs)


class ChannelOut(serializers.ModelSerializer[Channel]):
    target = serializers.CharField(source="hint", help_text="The service, and its host where users choose one.")
    kinds = serializers.ListField(child=serializers.ChoiceField(choices=Kind.choices))

    class Meta:
        model = Channel
        fields = [
            "id", "type", "name", "target", "kinds", "enabled", "failures_in_a_row", "problem", "failed_at",
            "worked_at", "created_at",
        ]  # fmt: skip


class NewChannelOut(ChannelOut):
    secret = serializers.CharField(help_text="Of a webhook, this once; empty for others.")

    class Meta(ChannelOut.Meta):
        fields = [*ChannelOut.Meta.fields, "secret"]


class NewChannelIn(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=Channel.Type.choices)
    name = serializers.CharField(max_length=200)
    address = serializers.CharField(
        max_length=2000,
        write_only=True,
        help_text="An https or http address of a webhook; an Apprise address, or the one Slack or Discord gave you.",
    )
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=Kind.choices), default=lambda: list(Kind.values)
    )
    enabled = serializers.BooleanField(default=True)


class ChangedChannelIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200, required=False)
    address = serializers.CharField(max_length=2000, required=False, write_only=True)
    kinds = serializers.ListField(child=serializers.ChoiceField(choices=Kind.choices), required=False)
    enabled = serializers.BooleanField(required=False)


class VerdictOut(serializers.Serializer[Any]):
    arrived = serializers.BooleanField()
    problem = serializers.CharField(help_text="Why it did not, as a sentence; empty when it did.")


class SecretOut(serializers.Serializer[Any]):
    secret = serializers.CharField()


class DeliveryOut(serializers.ModelSerializer[Delivery]):
    event = serializers.UUIDField(source="event_id")
    kind = serializers.ChoiceField(choices=Kind.choices, source="event.kind")
    title = serializers.CharField(source="event.title")
    created_at = serializers.DateTimeField(source="event.at")

    class Meta:
        model = Delivery
        fields = [
            "id", "event", "kind", "title", "created_at", "tries", "held_until", "next_try_at", "sent_at", "problem",
        ]  # fmt: skip


class SettingsSerializer(serializers.ModelSerializer[Preferences]):
    email_kinds = serializers.ListField(child=serializers.ChoiceField(choices=Kind.choices))
    quiet_from = ClockField(allow_null=True, help_text="In your time zone, such as 22:30.")
    quiet_to = ClockField(allow_null=True, help_text="In your time zone.")
    urgent_breaks_quiet = serializers.BooleanField()

    class Meta:
        model = Preferences
        fields = ["email_kinds", "quiet_from", "quiet_to", "urgent_breaks_quiet"]


class ChannelList(APIView):
    @extend_schema(
        operation_id="me_channels", parameters=[page_query(AllInOne)], responses=list_of(ChannelOut), tags=["me"]
    )
    def get(self, request: Request) -> Response:
        """My channels besides e-mail to my own address."""
        return page(request, selectors.channels_of(_user(request)), ChannelOut, pages=AllInOne)

    @extend_schema(operation_id="me_channel_create", request=NewChannelIn, responses={201: NewChannelOut}, tags=["me"])
    def post(self, request: Request) -> Response:
        """A new channel. An address that leads to an internal one is refused."""
        data = NewChannelIn(data=request.data)
        data.is_valid(raise_exception=True)
        values = data.validated_data
        channel, secret = services.create_channel(_user(request), type_=values.pop("type"), **values)
        return Response({**ChannelOut(channel).data, "secret": secret}, status=201, headers=NO_STORE)


class ChannelDetail(APIView):
    @extend_schema(operation_id="me_channel", responses=ChannelOut, tags=["me"])
    def get(self, request: Request, channel_id: int) -> Response:
        """One of my channels: where it leads as far as may be shown, and how it does."""
        return Response(ChannelOut(selectors.channel_of(_user(request), channel_id)).data)

    @extend_schema(operation_id="me_channel_change", request=ChangedChannelIn, responses=ChannelOut, tags=["me"])
    def patch(self, request: Request, channel_id: int) -> Response:
        """Change what is given; the rest stays."""
        channel = selectors.channel_of(_user(request), channel_id)
        data = ChangedChannelIn(data=request.data)
        data.is_valid(raise_exception=True)
        return Response(ChannelOut(services.change_channel(channel, **data.validated_data)).data)

    @extend_schema(operation_id="me_channel_delete", responses={204: None}, tags=["me"])
    def delete(self, request: Request, channel_id: int) -> Response:
        """Remove it, and what is on its way through it."""
        services.delete_channel(selectors.channel_of(_user(request), channel_id))
        return Response(status=204)


class ChannelTest(APIView):
    @extend_schema(operation_id="me_channel_test", request=None, responses=VerdictOut, tags=["me"])
    def post(self, request: Request, channel_id: int) -> Response:
        """Send a trial now: whether it arrived, and why not."""
        problem = services.test_channel(selectors.channel_of(_user(request), channel_id))
        return Response({"arrived": not problem, "problem": problem})


class ChannelSecret(APIView):
    @extend_schema(operation_id="me_channel_rotate_secret", request=None, responses=SecretOut, tags=["me"])
    def post(self, request: Request, channel_id: int) -> Response:
        """A new secret of a webhook; the old one signs nothing any more."""
        secret = services.rotate_secret(selectors.channel_of(_user(request), channel_id))
        return Response({"secret": secret}, headers=NO_STORE)


class ChannelDeliveries(APIView):
    @extend_schema(operation_id="me_channel_deliveries", parameters=[PAGE], responses=list_of(DeliveryOut), tags=["me"])
    def get(self, request: Request, channel_id: int) -> Response:
        """What went through a channel, or is to, newest first."""
        return page(request, selectors.deliveries_of(selectors.channel_of(_user(request), channel_id)), DeliveryOut)


class SettingsView(APIView):
    @extend_schema(operation_id="me_notification_settings", responses=SettingsSerializer, tags=["me"])
    def get(self, request: Request) -> Response:
        """What I am e-mailed, and my quiet hours."""
        return Response(SettingsSerializer(selectors.preferences_of(_user(request))).data)

    @extend_schema(
        operation_id="me_notification_settings_change",
        request=SettingsSerializer,
        responses=SettingsSerializer,
        tags=["me"],
    )
    def put(self, request: Request) -> Response:
        """Save all of them: what I am e-mailed, and my quiet hours."""
        data = SettingsSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        return Response(SettingsSerializer(services.save_preferences(_user(request), **data.validated_data)).data)


def _user(request: Request) -> User:
    assert not isinstance(request.user, AnonymousUser)
    return request.user
