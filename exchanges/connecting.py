"""Whether an account may be connected as it was typed."""

from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from accounts.models import User
from botbalance.lib.errors import Invalid
from exchanges import keys
from exchanges.models import ExchangeAccount

MAX_ACCOUNTS_PER_USER = 20


@sensitive_variables("api_key", "api_secret")
def check_fields(user: User, label: str, venue: str, quote: str, api_key: str, api_secret: str) -> None:
    """Raise Invalid with what is wrong with an account as it was typed, per field; nothing is asked of an exchange."""
    fields: dict[str, list[str]] = {}
    if not label or len(label) > 40:
        fields["label"] = [_("Give the account a label of 1 to 40 characters.")]
    elif ExchangeAccount.objects.filter(user=user, label=label, archived_at=None).exists():
        fields["label"] = [_("You have an account with this label.")]
    if venue not in ExchangeAccount.Venue.values:
        fields["venue"] = [_("Choose paper or binance.")]
    if quote not in ("USDT", "USDC", "FDUSD"):
        fields["quote"] = [_("Choose USDT, USDC or FDUSD.")]
    if bool(api_key) != bool(api_secret):
        missing = "api_secret" if api_key else "api_key"
        fields[missing] = [_("The API key and its secret belong together.")]
    if venue == ExchangeAccount.Venue.PAPER and api_key:
        fields["api_key"] = [_("A paper account needs no key. Choose binance to connect a real one.")]
    for name, problem in (
        ("api_key", keys.api_key_problem(api_key)),
        ("api_secret", keys.secret_problem(api_secret)),
    ):
        if problem:
            fields[name] = [problem]
    if ExchangeAccount.objects.filter(user=user, archived_at=None).count() >= MAX_ACCOUNTS_PER_USER:
        fields["label"] = [_("You have %(count)s accounts, the most there can be.") % {"count": MAX_ACCOUNTS_PER_USER}]
    if fields:
        raise Invalid(_("Some fields need your attention."), fields=fields)
