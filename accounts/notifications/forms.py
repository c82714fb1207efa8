"""Forms of channels and wishes. What the service refuses is added to the field it is about."""

from typing import Any
from urllib.parse import quote, urlencode

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.notifications.models import Channel, Kind
from accounts.notifications.services.channels import MOST_NAME_LETTERS

_SECRET = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off", "class": "mono"}


class WriteOnlyInput(forms.PasswordInput):
    """Shown while it is typed, never sent back to the browser."""

    input_type = "text"

    def __init__(self) -> None:
        super().__init__(attrs=_SECRET)


class KindsField(forms.MultipleChoiceField):
    def __init__(self, **options: Any) -> None:
        super().__init__(choices=Kind.choices, widget=forms.CheckboxSelectMultiple, required=False, **options)


class TimeInput(forms.TimeInput):
    input_type = "time"

    def __init__(self) -> None:
        super().__init__(format="%H:%M")


class PreferencesForm(forms.Form):
    email_kinds = KindsField(label=_("E-mail me when"))
    quiet_from = forms.TimeField(label=_("Quiet hours begin"), required=False, widget=TimeInput)
    quiet_to = forms.TimeField(
        label=_("Quiet hours end"),
        required=False,
        widget=TimeInput,
        help_text=_("Both empty: none. They may go over midnight. What is held back is delivered when they end."),
    )
    urgent_breaks_quiet = forms.BooleanField(
        label=_("Urgent ones come at any hour"),
        required=False,
        help_text=_("Urgent are: the autopilot has paused, a key is refused, trading is switched off."),
    )


class ChannelForm(forms.Form):
    """`address_field`: where it is shown what is wrong with the address that the fields make."""

    type_ = Channel.Type.APPRISE
    address_field = "address"
    heading: str | Promise = _("Another service")
    note: str | Promise = ""

    name = forms.CharField(
        label=_("Name"), max_length=MOST_NAME_LETTERS, help_text=_("Your name for it: Phone, Team chat, Home server …")
    )

    def __init__(self, *args: Any, is_new: bool = True, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["kinds"] = KindsField(label=_("Tell me there when"))
        self.fields["enabled"] = forms.BooleanField(label=_("On"), required=False, initial=True)
        if is_new:
            self.initial.setdefault("kinds", Kind.values)
            return
        for name in self.address_fields:
            self.fields[name].required = False
            self.fields[name].help_text = _("It is kept as it is unless you enter a new one.")

    @property
    def address_fields(self) -> list[str]:
        return [name for name in self.fields if name not in ("name", "kinds", "enabled")]

    def made_address(self) -> str:
        """The address that what was entered makes; "" where nothing was."""
        return str(self.cleaned_data[self.address_field]).strip()


class AppriseForm(ChannelForm):
    note = _(
        "An Apprise address: its first letters name the service. Which services there are is in the documentation."
    )
    address = forms.CharField(label=_("Apprise address"), max_length=2000, widget=WriteOnlyInput)


class WebhookForm(ChannelForm):
    type_ = Channel.Type.WEBHOOK
    heading = _("Webhook")
    note = _("Every event is sent as JSON, signed with a secret that you see once when you have saved.")
    address = forms.CharField(
        label=_("Address"), max_length=2000, widget=WriteOnlyInput, help_text=_("It begins with https:// or http://.")
    )


class TelegramForm(ChannelForm):
    address_field = "bot_token"
    heading = "Telegram"
    note = _("Make a bot with @BotFather and write it a message first: it may not begin the conversation.")
    bot_token = forms.CharField(label=_("Token of the bot"), max_length=200, widget=WriteOnlyInput)
    chat_id = forms.CharField(
        label=_("Number of the chat"),
        max_length=100,
        widget=WriteOnlyInput,
        help_text=_("@userinfobot tells you yours; of a group it begins with a minus."),
    )

    def made_address(self) -> str:
        token, chat = self.cleaned_data["bot_token"].strip(), self.cleaned_data["chat_id"].strip()
        return f"tgram://{quote(token, safe=':')}/{quote(chat, safe='@-')}/" if token or chat else ""


class SlackForm(ChannelForm):
    heading = "Slack"
    note = _("In Slack make an app with an incoming webhook, and copy its address.")
    address = forms.CharField(
        label=_("Address"), max_length=500, widget=WriteOnlyInput, help_text="https://hooks.slack.com/services/…"
    )


class DiscordForm(ChannelForm):
    heading = "Discord"
    note = _("In the settings of the channel, under Integrations, make a webhook and copy its address.")
    address = forms.CharField(
        label=_("Address"), max_length=500, widget=WriteOnlyInput, help_text="https://discord.com/api/webhooks/…"
    )


class EmailForm(ChannelForm):
    address_field = "sender"
    heading = _("E-mail, through a mail account of yours")
    note = _(
        "For another address than the one you sign in with. It is sent through your own mail account, so it needs "
        "that account's password; many providers have passwords for apps."
    )
    sender = forms.EmailField(label=_("Address of the mail account"), widget=WriteOnlyInput)
    password = forms.CharField(label=_("Its password"), max_length=300, widget=WriteOnlyInput)
    server = forms.CharField(
        label=_("Outgoing mail server"),
        max_length=253,
        required=False,
        help_text=_("Empty for well-known providers. It must speak STARTTLS."),
    )
    to = forms.EmailField(
        label=_("Send to"), required=False, widget=WriteOnlyInput, help_text=_("Empty: to the same address.")
    )

    def made_address(self) -> str:
        sender = self.cleaned_data["sender"]
        if not sender:
            return ""
        local, _at, domain = sender.rpartition("@")
        query = {"to": self.cleaned_data["to"] or sender, "from": sender}
        if self.cleaned_data["server"]:
            query |= {"smtp": self.cleaned_data["server"], "user": sender}
        password = quote(self.cleaned_data["password"], safe="")
        return f"mailtos://{quote(local, safe='')}:{password}@{domain}?{urlencode(query)}"


FORMS: dict[str, type[ChannelForm]] = {
    "telegram": TelegramForm,
    "slack": SlackForm,
    "discord": DiscordForm,
    "email": EmailForm,
    "webhook": WebhookForm,
    "apprise": AppriseForm,
}
