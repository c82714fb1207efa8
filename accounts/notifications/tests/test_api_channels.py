"""/api/me/channels: what goes in, and what never comes out again."""

import ipaddress
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from accounts.notifications import selectors, services
from accounts.notifications.models import Channel, Kind
from accounts.notifications.tests.receivers import PUBLIC, Receiver, Resolver

pytestmark = pytest.mark.django_db

LIST = "/api/me/channels"
SETTINGS = "/api/me/notification-settings"
SECRET_PATH = "/top-secret-path-4711"


@pytest.fixture
def api(alice: User, api_for: Callable[[User], APIClient]) -> APIClient:
    return api_for(alice)


def body(receiver: Receiver, **more: Any) -> dict[str, Any]:
    return {"type": "webhook", "name": "Hook", "address": receiver.url(SECRET_PATH), **more}


@pytest.mark.usefixtures("reach_here")
def test_a_webhook_is_made_tried_changed_and_removed(api: APIClient, receiver: Receiver) -> None:
    answer = api.post(LIST, body(receiver), format="json")
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert made["secret"].startswith("whsec_")
    assert made["target"] == "http://127.0.0.1/…"
    assert made["kinds"] == Kind.values
    one = f"{LIST}/{made['id']}"
    assert api.post(f"{one}/test").json() == {"arrived": True, "problem": ""}
    assert receiver.requests[0].json["kind"] == "test"
    changed = api.patch(one, {"kinds": ["fills"], "enabled": False, "name": "Other"}, format="json").json()
    assert (changed["kinds"], changed["enabled"], changed["name"]) == (["fills"], False, "Other")
    assert "secret" not in changed
    assert api.get(one).json() == changed
    assert [row["id"] for row in api.get(LIST).json()["results"]] == [made["id"]]
    rotated = api.post(f"{one}/rotate-secret").json()["secret"]
    assert rotated not in ("", made["secret"])
    assert api.delete(one).status_code == 204
    assert api.get(LIST).json()["results"] == []


@pytest.mark.usefixtures("reach_here")
def test_a_trial_says_why_it_did_not_arrive_and_is_not_made_again_at_once(api: APIClient, receiver: Receiver) -> None:
    one = f"{LIST}/{api.post(LIST, body(receiver), format='json').json()['id']}"
    receiver.answers = [(404, {})]
    assert api.post(f"{one}/test").json() == {"arrived": False, "problem": "It answered with status 404."}
    assert api.get(one).json()["problem"] == "It answered with status 404."
    answer = api.post(f"{one}/test")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "too_soon")


@pytest.mark.usefixtures("reach_here")
def test_deliveries_are_listed_with_how_they_went(api: APIClient, alice: User, receiver: Receiver) -> None:
    one = f"{LIST}/{api.post(LIST, body(receiver), format='json').json()['id']}"
    receiver.answers = [(500, {}), (200, {})]
    for title in ("First", "Second"):
        services.notify(alice, Kind.PAUSED, title)
    services.send_due()
    second, first = api.get(f"{one}/deliveries").json()["results"]
    assert (first["title"], first["tries"], first["problem"]) == ("First", 1, "It answered with status 500.")
    assert (second["title"], second["tries"], second["problem"], second["sent_at"]) == ("Second", 0, "", None)
    assert api.get(f"{one}/deliveries?limit=1").json()["next"]


def test_an_internal_address_is_refused_with_a_field_message(api: APIClient, receiver: Receiver) -> None:
    answer = api.post(LIST, body(receiver), format="json")
    assert answer.status_code == 400
    assert "127.0.0.1 leads to an internal address" in answer.json()["error"]["fields"]["address"][0]
    assert not Channel.objects.exists()


@pytest.mark.usefixtures("reach_here")
def test_a_changed_address_is_looked_at_as_well(api: APIClient, receiver: Receiver) -> None:
    one = f"{LIST}/{api.post(LIST, body(receiver), format='json').json()['id']}"
    answer = api.patch(one, {"address": "http://10.0.0.1/"}, format="json")
    assert answer.status_code == 400
    assert "address" in answer.json()["error"]["fields"]
    assert Channel.objects.get().address == receiver.url(SECRET_PATH)


@pytest.mark.usefixtures("reach_here")
def test_who_renames_a_channel_takes_nobodys_new_secret_back(api: APIClient, alice: User, receiver: Receiver) -> None:
    """Two browsers at once: one has read the channel before the other makes a new secret."""
    one = api.post(LIST, body(receiver), format="json").json()["id"]
    read_before = selectors.channel_of(alice, one)
    secret = api.post(f"{LIST}/{one}/rotate-secret").json()["secret"]
    services.change_channel(read_before, name="Other")
    kept = Channel.objects.get()
    assert (kept.name, kept.secret) == ("Other", secret)


@pytest.mark.usefixtures("reach_here")
def test_addresses_and_secrets_are_stored_encrypted_and_shown_nowhere(
    api: APIClient, alice: User, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = api.post(LIST, body(receiver), format="json").json()
    service = {
        "type": "apprise",
        "name": "Service",
        "address": f"json://user:top-secret-word@127.0.0.1:{receiver.port}{SECRET_PATH}?+Token=top-secret-header",
    }
    assert api.post(LIST, service, format="json").status_code == 201
    receiver.answers = [(500, {}), (302, {"Location": "http://10.0.0.1/"})]
    services.notify(alice, Kind.PAUSED, "Paused")
    services.send_due()
    for refused in ("json://top-secret@10.0.0.1/top-secret", "tgram://top-secret/", "nothing://top-secret"):
        text = api.post(LIST, {**service, "name": "x", "address": refused}, format="json").content.decode()
        assert "top-secret" not in text
    shown = api.get(LIST).content.decode()
    for row in api.get(LIST).json()["results"]:
        shown += api.get(f"{LIST}/{row['id']}").content.decode()
        shown += api.get(f"{LIST}/{row['id']}/deliveries").content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SELECT address, secret, hint FROM notifications_channel")
        stored = str(cursor.fetchall())
    assert "top-secret" not in shown + stored + caplog.text
    assert made["secret"] not in shown + stored + caplog.text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "pigeon"}, "type"),
        ({"name": " "}, "name"),
        ({"name": "x" * 41}, "name"),
        ({"kinds": ["weather"]}, "kinds.0"),
        ({"kinds": "fills"}, "kinds"),
        ({"address": ""}, "address"),
        ({"address": "https://"}, "address"),
        ({"address": "x" * 2001}, "address"),
        ({"type": "apprise", "address": "tgram://"}, "address"),
        ({"enabled": "perhaps"}, "enabled"),
    ],
)
@pytest.mark.usefixtures("reach_here")
def test_what_is_wrong_is_said_of_its_field(
    change: dict[str, Any], field: str, api: APIClient, receiver: Receiver
) -> None:
    answer = api.post(LIST, body(receiver, **change), format="json")
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == [field]


@pytest.mark.usefixtures("reach_here")
def test_a_name_is_taken_once_and_there_are_so_many_channels(
    api: APIClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert api.post(LIST, body(receiver), format="json").status_code == 201
    answer = api.post(LIST, body(receiver), format="json")
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["name"])
    monkeypatch.setattr("accounts.notifications.services.channels.MOST_CHANNELS", 1)
    answer = api.post(LIST, body(receiver, name="Another"), format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "too_many_channels")


def test_only_a_webhook_has_a_secret(api: APIClient, resolver: Resolver) -> None:
    resolver.names["example.org"] = [[PUBLIC]]
    service = {"type": "apprise", "name": "Service", "address": "jsons://example.org/"}
    made = api.post(LIST, service, format="json").json()
    assert (made["secret"], made["target"]) == ("", "JSON, example.org")
    assert api.post(f"{LIST}/{made['id']}/rotate-secret").json()["error"]["code"] == "no_secret"


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "Slack"),
        ("HTTPS://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "Slack"),
        ("https://discord.com/api/webhooks/012345678901234567/AbCdEfGhIjKlMnOpQrStUvWxYz", "Discord"),
        ("tgram://123456789:AbCdEfGhIjKlMnOpQrStUvWxYz012345678/-100123/", "Telegram"),
    ],
)
def test_addresses_that_services_give_out_are_read(
    address: str, target: str, api: APIClient, resolver: Resolver
) -> None:
    for host in ("hooks.slack.com", "discord.com", "api.telegram.org"):
        resolver.names[host] = [[PUBLIC]]
    answer = api.post(LIST, {"type": "apprise", "name": "Service", "address": address}, format="json")
    assert (answer.status_code, answer.json()["target"]) == (201, target)


def test_another_users_channels_do_not_exist(
    api: APIClient, bob: User, settings: Settings, api_for: Callable[[User], APIClient], receiver: Receiver
) -> None:
    settings.NOTIFY_ALLOWED_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"),)
    one = f"{LIST}/{api.post(LIST, body(receiver), format='json').json()['id']}"
    stranger = api_for(bob)
    assert stranger.get(LIST).json()["results"] == []
    for method, address in (
        ("get", one), ("patch", one), ("delete", one), ("post", f"{one}/test"), ("post", f"{one}/rotate-secret"),
        ("get", f"{one}/deliveries"),
    ):  # fmt: skip
        assert getattr(stranger, method)(address).status_code == 404
    assert receiver.requests == []


def test_wishes_are_read_and_written(api: APIClient) -> None:
    usual = ["autopilot_paused", "key_refused", "kill_switch", "new_weights"]
    assert api.get(SETTINGS).json() == {
        "email_kinds": usual, "quiet_from": None, "quiet_to": None, "urgent_breaks_quiet": True,
    }  # fmt: skip
    wanted = {"email_kinds": ["fills"], "quiet_from": "22:00", "quiet_to": "07:30", "urgent_breaks_quiet": False}
    assert api.put(SETTINGS, wanted, format="json").json() == wanted
    assert api.get(SETTINGS).json() == wanted
    for change, field in (
        ({"quiet_to": None}, "quiet_to"),
        ({"quiet_from": "07:30"}, "quiet_to"),
        ({"quiet_from": "25:00"}, "quiet_from"),
        ({"quiet_from": "22:00:30"}, "quiet_from"),
        ({"quiet_from": "22:00+02:00"}, "quiet_from"),
        ({"email_kinds": ["weather"]}, "email_kinds.0"),
    ):
        answer = api.put(SETTINGS, {**wanted, **change}, format="json")
        assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, [field])
    assert api.get(SETTINGS).json() == wanted
