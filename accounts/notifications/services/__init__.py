"""The only writers of channels, preferences, events and deliveries."""

from accounts.notifications.services.channels import (
    change_channel,
    create_channel,
    delete_channel,
    rotate_secret,
    test_channel,
)
from accounts.notifications.services.preferences import hold_anew, save_preferences
from accounts.notifications.services.sending import send_due
from accounts.notifications.services.telling import is_news, mark, mark_everybody, notify, put_back, take

__all__ = [
    "change_channel",
    "create_channel",
    "delete_channel",
    "hold_anew",
    "is_news",
    "mark",
    "mark_everybody",
    "notify",
    "put_back",
    "rotate_secret",
    "save_preferences",
    "send_due",
    "take",
    "test_channel",
]
