"""The pages of notifications, as a browser without JavaScript uses them."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from accounts.notifications import selectors, services
from accounts.notifications.models import Channel, Kind
from accounts.notifications.tests.receivers import PUBLIC, Receiver, Resolver

pytestmark = pytest.mark.django_db

PAGE = "/auth/account/notifications/"


@pytest.fixture
def browser(alice: User, client_for: Callable[[User], Client]) -> Client:
    return client_for(alice)


def text(browser: Client, address: str = PAGE) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_account_page_leads_there(browser: Client) -> None:
    assert f'href="{PAGE}"' in text(browser, "/auth/account/")


def test_every_sort_of_channel_has_a_form(browser: Client) -> None:
    found = re.findall(r'href="(\?sort=\w+)"', text(browser, f"{PAGE}add/"))
    assert len(found) == 6
    for address in found:
        assert 'name="name"' in text(browser, f"{PAGE}add/{address}")
    assert found[0] in text(browser, f"{PAGE}add/?sort=pigeon")


@pytest.mark.usefixtures("reach_here")
def test_a_webhook_is_added_tried_changed_and_removed(browser: Client, receiver: Receiver) -> None:
    values = {"name": "Hook", "kinds": ["fills"], "enabled": "on"}
    answer = browser.post(f"{PAGE}add/?sort=webhook", {**values, "address": receiver.url("/top-secret")})
    secret = re.search(r'id="new-secret" value="(whsec_[\w-]+)"', answer.content.decode())
    assert secret is not None
    channel = Channel.objects.get()
    one = f"{PAGE}{channel.pk}/"
    assert secret[1] not in text(browser, one)
    tried = browser.post(f"{one}test/", follow=True).content.decode()
    assert "The trial through Hook arrived." in tried
    assert "top-secret" not in tried + text(browser)
    answer = browser.post(one, {"name": "Home", "kinds": ["fills", "kill_switch"]}, follow=True)
    assert "Saved." in answer.content.decode()
    channel.refresh_from_db()
    assert (channel.name, channel.kinds, channel.enabled) == ("Home", ["fills", "kill_switch"], False)
    assert channel.address == receiver.url("/top-secret")
    assert "whsec_" in browser.post(f"{one}rotate/").content.decode()
    assert browser.post(f"{one}delete/").status_code == 302
    assert not Channel.objects.exists()


def test_an_internal_address_is_refused_at_its_field(browser: Client, receiver: Receiver) -> None:
    answer = browser.post(f"{PAGE}add/?sort=webhook", {"name": "Hook", "address": receiver.url("/top-secret")})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "127.0.0.1 leads to an internal address" in page
    assert "top-secret" not in page


@pytest.mark.parametrize(
    ("sort", "fields", "target"),
    [
        ("telegram", {"bot_token": "123456789:AbCdEfGhIjKlMnOpQrStUvWxYz012345678", "chat_id": "-10012"}, "Telegram"),
        ("slack", {"address": "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7F"}, "Slack"),
        ("discord", {"address": "https://discord.com/api/webhooks/0123456789012/AbCdEfGhIjKlMnOpQrStUvWx"}, "Discord"),
        ("email", {"sender": "me@example.org", "password": "p&s/s?", "server": "smtp.example.org"}, "E-mail"),
        ("email", {"sender": "me@gmail.com", "password": "p&s/s?", "to": "you@example.org"}, "E-mail"),
        ("apprise", {"address": "ntfys://ntfy.example.org/topic"}, "ntfy"),
    ],
)  # fmt: skip
def test_friendly_forms_make_the_address(
    sort: str, fields: dict[str, str], target: str, browser: Client, resolver: Resolver
) -> None:
    for host in (
        "api.telegram.org", "hooks.slack.com", "discord.com", "smtp.example.org", "smtp.gmail.com", "ntfy.example.org",
    ):  # fmt: skip
        resolver.names[host] = [[PUBLIC]]
    answer = browser.post(f"{PAGE}add/?sort={sort}", {"name": "Mine", "kinds": Kind.values, "enabled": "on", **fields})
    assert answer.status_code == 302, answer.content.decode()
    assert Channel.objects.get().hint.partition(", ")[0] == target
    for name, value in fields.items():
        assert name == "server" or value not in text(browser, answer.url)  # which mail server it is, is shown


def test_a_token_that_is_none_is_refused_at_its_field(browser: Client) -> None:
    answer = browser.post(f"{PAGE}add/?sort=telegram", {"name": "Mine", "bot_token": "nonsense", "chat_id": "1"})
    assert answer.status_code == 400
    assert "This is no complete address of Telegram" in answer.content.decode()


def test_wishes_are_saved_and_what_is_wrong_is_said(browser: Client, alice: User) -> None:
    wanted = {"email_kinds": ["fills"], "quiet_from": "22:00", "quiet_to": "07:00", "urgent_breaks_quiet": "on"}
    assert browser.post(PAGE, wanted).status_code == 302
    known = selectors.preferences_of(alice)
    assert (known.email_kinds, str(known.quiet_from)) == (["fills"], "22:00:00")
    assert 'value="22:00"' in text(browser)
    answer = browser.post(PAGE, {**wanted, "quiet_to": ""})
    assert answer.status_code == 400
    assert "Give both ends of the quiet hours" in answer.content.decode()
    answer = browser.post(PAGE, {**wanted, "quiet_from": "22:00:30", "quiet_to": "22:00:10"})
    assert "Quiet hours of no length" in answer.content.decode()


def test_it_says_when_nobody_would_be_told(browser: Client, alice: User) -> None:
    warning = "As things are nobody tells you"
    assert warning not in text(browser)
    services.save_preferences(alice, email_kinds=[], quiet_from=None, quiet_to=None, urgent_breaks_quiet=True)
    assert warning in text(browser)


@pytest.mark.usefixtures("reach_here")
def test_failures_stand_on_the_page(browser: Client, alice: User, receiver: Receiver) -> None:
    channel, _secret = services.create_channel(
        alice, type_="webhook", name="Hook", address=receiver.url(), kinds=Kind.values
    )
    receiver.answers = [(500, {})]
    services.notify(alice, Kind.PAUSED, "<b>Paused</b>")
    assert "on its way" in text(browser, f"{PAGE}{channel.pk}/")
    services.send_due()
    page = text(browser, f"{PAGE}{channel.pk}/")
    assert "next try at" in page
    assert "It answered with status 500." in page
    assert "<b>Paused" not in page
    assert "failing" in text(browser)


def test_another_users_channel_is_not_found(
    browser: Client, bob: User, client_for: Callable[[User], Client], resolver: Resolver
) -> None:
    resolver.names["example.org"] = [[PUBLIC]]
    channel, _secret = services.create_channel(
        bob, type_="webhook", name="Bob's own", address="https://example.org/", kinds=[]
    )
    assert "Bob" not in text(browser)
    assert browser.get(f"{PAGE}{channel.pk}/").status_code == 404
    for deed in ("test", "rotate", "delete"):
        assert browser.post(f"{PAGE}{channel.pk}/{deed}/").status_code == 404
    assert Channel.objects.count() == 1
