"""The services of Apprise that users may name, and why: a table, read by `door.py` and narrowed by NOTIFY_SCHEMAS.

A service is here when all it sends goes through `requests` or `smtplib`, where `guard.py` takes its place, and when
none of the parameters that are let through reads a file, fetches something, switches off the check of certificates,
waits, or repeats: retries, times and redirects are ours. What is not in the table is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """`module` and `cls`: of Apprise's plugin. `params`: those of an address's query that may be used. `prefixes`: the
    first letters of such that are the user's own headers and fields. `has_host`: users choose the host, so it is shown.
    """

    name: str
    module: str
    cls: str
    example: str
    why: str
    params: frozenset[str] = frozenset()
    prefixes: str = ""
    has_host: bool = False


# Which module of Apprise asks the network, where it is not the plugin's own.
SENDING_MODULES: Mapping[str, tuple[str, ...]] = {
    "email.base": ("email.base", "email.smtp"),
}

# Harmless ones that every service has: how the text is laid out.
COMMON_PARAMS = frozenset({"format", "overflow", "emojis", "image", "footer"})

_TELEGRAM = Service(
    "Telegram", "telegram", "NotifyTelegram", "tgram://123456789:AbCdEfGhIjKlMnOpQrStUvWxYz012345678/12345678",
    "a fixed host; what most traders use", frozenset({"to", "topic", "thread", "silent", "preview"}),
)  # fmt: skip
_SLACK = Service(
    "Slack", "slack", "NotifySlack", "https://hooks.slack.com/services/T1/B1/KEY",
    "a fixed host", frozenset({"to", "token", "mode"}),
)  # fmt: skip
_DISCORD = Service(
    "Discord", "discord", "NotifyDiscord", "https://discord.com/api/webhooks/012345678901234567/AbCdEfGhIjKlMnOpQrStUvWxYz",
    "a fixed host", frozenset({"thread", "botname", "tts", "avatar"}),
)  # fmt: skip
_GOOGLE_CHAT = Service(
    "Google Chat", "google_chat", "NotifyGoogleChat", "https://chat.googleapis.com/v1/spaces/ID/messages?key=K&token=T",
    "a fixed host", frozenset({"key", "token", "workspace", "thread", "threadkey"}),
)  # fmt: skip
_MATTERMOST = Service(
    "Mattermost", "mattermost", "NotifyMattermost", "mmosts://chat.example.org/TOKEN",
    "one request to the user's host", frozenset({"to", "channel", "channels"}), has_host=True,
)  # fmt: skip
_ROCKET_CHAT = Service(
    "Rocket.Chat", "rocketchat", "NotifyRocketChat", "rockets://USER:PASSWORD@chat.example.org/#channel",
    "requests to the user's host", frozenset({"to", "webhook", "mode"}), has_host=True,
)  # fmt: skip
_NTFY = Service(
    "ntfy", "ntfy", "NotifyNtfy", "ntfys://ntfy.example.org/topic",
    "one request to ntfy.sh or the user's host", frozenset({"to", "token", "auth", "priority", "tags", "mode"}),
    has_host=True,
)  # fmt: skip
_GOTIFY = Service(
    "Gotify", "gotify", "NotifyGotify", "gotifys://push.example.org/TOKEN",
    "one request to the user's host", frozenset({"priority"}), has_host=True,
)  # fmt: skip
_PUSHOVER = Service(
    "Pushover", "pushover", "NotifyPushover", "pover://USER_KEY@TOKEN",
    "a fixed host", frozenset({"to", "priority", "sound", "expire", "interval"}),
)  # fmt: skip
_PUSHBULLET = Service(
    "Pushbullet", "pushbullet", "NotifyPushBullet", "pbul://ACCESS_TOKEN", "a fixed host", frozenset({"to"})
)
_SIGNAL = Service(
    "Signal", "signal_api", "NotifySignalAPI", "signals://signal.example.org/+12025550100/+12025550101",
    "one request to the user's own gateway", frozenset({"to", "from", "status"}), has_host=True,
)  # fmt: skip
_ZULIP = Service(
    "Zulip", "zulip", "NotifyZulip", "zulip://BOT@ORGANISATION/a6k4ij3zs04h2pwiqcyxzvgqwzkuijnh/CHANNEL",
    "a host below zulipchat.com, or the user's", frozenset({"to", "token"}),
)  # fmt: skip
_BARK = Service(
    "Bark", "bark", "NotifyBark", "barks://bark.example.org/DEVICE_KEY",
    "one request to the user's host", frozenset({"to", "level", "sound", "group"}), has_host=True,
)  # fmt: skip
_EMAIL = Service(
    "E-mail", "email.base", "NotifyEmail", "mailtos://USER:PASSWORD@example.org?smtp=smtp.example.org&to=ME@example.org",
    "through the user's own mail account, never this server's",
    frozenset({"to", "from", "name", "smtp", "mode", "user", "pass"}), has_host=True,
)  # fmt: skip
_JSON = Service(
    "JSON", "custom_json", "NotifyJSON", "jsons://example.org/path",
    "one request to the user's host, for receivers that read Apprise's own form", frozenset({"method"}),
    prefixes="+-:", has_host=True,
)  # fmt: skip
_FORM = Service(
    "Form", "custom_form", "NotifyForm", "forms://example.org/path",
    "the same as a form", frozenset({"method"}), prefixes="+-:", has_host=True,
)  # fmt: skip

SERVICES: Mapping[str, Service] = {
    "tgram": _TELEGRAM,
    "slack": _SLACK,
    "discord": _DISCORD,
    "gchat": _GOOGLE_CHAT,
    "mmost": _MATTERMOST,
    "mmosts": _MATTERMOST,
    "rocket": _ROCKET_CHAT,
    "rockets": _ROCKET_CHAT,
    "ntfy": _NTFY,
    "ntfys": _NTFY,
    "gotify": _GOTIFY,
    "gotifys": _GOTIFY,
    "pover": _PUSHOVER,
    "pbul": _PUSHBULLET,
    "signal": _SIGNAL,
    "signals": _SIGNAL,
    "zulip": _ZULIP,
    "bark": _BARK,
    "barks": _BARK,
    "mailto": _EMAIL,
    "mailtos": _EMAIL,
    "json": _JSON,
    "jsons": _JSON,
    "form": _FORM,
    "forms": _FORM,
}
# Services that give out an https address of their own to copy: Apprise reads it.
NATIVE: Mapping[str, str] = {
    "hooks.slack.com": "slack",
    "discord.com": "discord",
    "discordapp.com": "discord",
    "chat.googleapis.com": "gchat",
}
