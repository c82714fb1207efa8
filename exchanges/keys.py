"""Whether keys can be used: by the look of them, and by the rights the exchange says they have."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from accounts import services as accounts
from accounts.notifications import services as notifications
from accounts.notifications.models import Kind
from exchanges import signing, verdicts
from exchanges.adapters.base import ExchangeAdapter
from exchanges.errors import CredentialsRefused, NotAvailable
from exchanges.models import ExchangeAccount
from exchanges.verdicts import Verdict

MOST_KEY_CHARACTERS = 200
# An RSA key of 4096 bits has 3,300.
MOST_SECRET_CHARACTERS = 4000


@sensitive_variables("api_key")
def api_key_problem(api_key: str) -> str:
    """What is wrong with an API key, "" when it can be sent."""
    return "" if _is_one_word(api_key) else _not_a_key()


@sensitive_variables("secret")
def secret_problem(secret: str) -> str:
    """What is wrong with a secret, "" when it can sign."""
    if len(secret) > MOST_SECRET_CHARACTERS:
        return _("This is too long for a private key.")
    if not signing.looks_like_pem(secret):
        return "" if _is_one_word(secret) else _not_a_key()
    key = signing.read_key(secret)
    if not isinstance(key, signing.KeyProblem):
        return ""
    return {
        signing.KeyProblem.ENCRYPTED: _("This private key is encrypted. Paste it without a passphrase."),
        signing.KeyProblem.PUBLIC: _("This is the public half. Paste the private key; the public one is for Binance."),
        signing.KeyProblem.UNREADABLE: _("This private key cannot be read. Paste all of it, from BEGIN to END."),
        signing.KeyProblem.WRONG_KIND: _("Binance takes RSA and Ed25519 keys; this is another kind."),
        signing.KeyProblem.TOO_SMALL: _("This RSA key is too small: Binance takes 2048 bits and more."),
    }[key]


def _is_one_word(value: str) -> bool:
    return len(value) <= MOST_KEY_CHARACTERS and value.isascii() and not any(letter.isspace() for letter in value)


def _not_a_key() -> str:
    return _("This does not look like a Binance key: no spaces, at most 200 characters.")


def check_rights(adapter: ExchangeAdapter, verdict: Verdict) -> str:
    """Refuse a key that can withdraw or cannot trade; a warning for one that works from anywhere, else ""."""
    try:
        with verdict.asking("withdrawals"):
            rights = adapter.api_restrictions()
            if rights.can_withdraw:
                raise CredentialsRefused(may_withdraw())
    except NotAvailable:  # not mainnet: no real money to withdraw
        for name in ("withdrawals", "addresses"):
            verdict.say(name, verdicts.UNKNOWN, _("only asked where real money is traded"))
        return ""
    with verdict.asking("trading"):
        if not rights.can_trade_spot:
            raise CredentialsRefused(may_not_trade())
    if rights.is_ip_restricted:
        verdict.say("addresses")
        return ""
    verdict.say("addresses", verdicts.WARNING, works_from_anywhere())
    return works_from_anywhere()


def tell_refused(account: ExchangeAccount) -> None:
    """Let its owner know that the exchange refuses an account's key, and what to do."""
    with accounts.speaking_to(account.user):
        title = _("The exchange refuses the key of %(label)s") % {"label": account.label}
        text = _(
            "Nothing is traded there, and open orders are not looked after, until it works again. The page of exchange "
            "accounts says what the exchange said. Mend the key at the exchange and check the account there, or "
            "disconnect it and connect it with a new key."
        )
        data = {"account": {"id": account.pk, "label": account.label}}
        notifications.notify(account.user, Kind.KEY_REFUSED, title, text, reverse("exchanges:list"), data)


def may_withdraw() -> str:
    """Said of a key that is refused for its rights."""
    return _("This key may withdraw, which is never needed here. Switch withdrawals off for it at Binance.")


def may_not_trade() -> str:
    return _("This key may not trade: enable Spot trading for it at the exchange.")


def works_from_anywhere() -> str:
    """Said of a key that is taken all the same."""
    return _("This key works from any address. Restrict it to this server's address at Binance.")
