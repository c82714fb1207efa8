"""The only writers of exchange accounts, and `adapter_for`, the only place that looks at EXCHANGE_ENV."""

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

import requests
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from accounts.models import User
from botbalance.lib import system_settings
from botbalance.lib.errors import Conflict, Invalid, NotFound
from exchanges import markets, medians, signing, standing, verdicts
from exchanges.adapters.binance import READ_SECONDS, BinanceAdapter
from exchanges.adapters.session import new_session
from exchanges.connecting import MAX_ACCOUNTS_PER_USER as MAX_ACCOUNTS_PER_USER
from exchanges.connecting import check_fields
from exchanges.domain import Candle, ExchangeInfo, KeySource, NoVenue, PriceSnapshot, Venue, resolve_venue
from exchanges.errors import CredentialsRefused, ExchangeError
from exchanges.ledger import services as ledger
from exchanges.ledger.domain import SERVER
from exchanges.ledger.services import Meter
from exchanges.models import ExchangeAccount
from exchanges.paper import services as paper
from exchanges.paper.transport import PaperTransport
from exchanges.recent_candles import recent_candles
from exchanges.verdicts import Verdict

logger = logging.getLogger(__name__)

_thread = threading.local()


def _session() -> requests.Session:
    """This thread's pooled session. The paper exchange answers in-process, through its transport."""
    session: requests.Session | None = getattr(_thread, "session", None)
    if session is None:
        session = new_session()
        session.mount(paper.BASE_URL, PaperTransport())
        _thread.session = session
    return session


def _has_system_keys() -> bool:
    return bool(
        settings.ENABLE_SYSTEM_TESTNET_ACCOUNT
        and settings.BINANCE_SPOT_TESTNET_API_KEY
        and settings.BINANCE_SPOT_TESTNET_API_SECRET
    )


def venue_of(account: ExchangeAccount) -> tuple[Venue, KeySource]:
    """Where the account trades now and with whose keys; CredentialsRefused or Conflict says why it cannot."""
    resolved = resolve_venue(
        on_paper=account.venue == ExchangeAccount.Venue.PAPER,
        has_own_keys=account.has_own_keys,
        exchange_env=settings.EXCHANGE_ENV,
        has_system_keys=_has_system_keys(),
    )
    if resolved == NoVenue.NEVER_CONTACTED:
        raise Conflict(
            _(
                "This server runs with EXCHANGE_ENV=mock: the keys of this account are stored, "
                "and Binance is never contacted."
            ),
            code="venue_not_contacted",
        )
    if resolved == NoVenue.NO_KEYS:
        raise CredentialsRefused(_("This account has no API key. Add one to trade at Binance."))
    assert isinstance(resolved, tuple)
    return resolved


def adapter_for(account: ExchangeAccount, *, hurried: bool = False) -> BinanceAdapter:
    """The adapter that trades this account, by the venue table of the architecture page.

    A `hurried` one gives an own key's exchange less time to answer: somebody waits before a page.
    """
    venue, source = venue_of(account)
    if source == KeySource.OWN:
        uid, key, secret = account.exchange_uid, account.api_key, account.api_secret
        return _adapter(venue, key, secret, _meter(account), uid, hurried=hurried)
    if source == KeySource.SYSTEM:
        return system_adapter(account.user_id, account.exchange_uid)
    if not account.paper_key:
        _open_paper_on_first_use(account)
    return _adapter(venue, account.paper_key, account.paper_secret, _meter(account), account.exchange_uid)


def _meter(account: ExchangeAccount) -> Meter:
    """On whose behalf it is asked; an account that is being connected has no number yet, and places no orders."""
    return Meter(ledger.current(), account.user_id, account.pk or 0)


@contextmanager
def trial_adapter() -> Iterator[BinanceAdapter]:
    """An adapter without real money that no user owns: a paper account of its own, or the server's testnet keys."""
    if settings.EXCHANGE_ENV == "mainnet":
        raise Conflict(_("On mainnet there is no account for trials."), code="mainnet")
    if settings.EXCHANGE_ENV == "testnet":
        yield system_adapter()
        return
    pair = paper.open_account("trial", {"USDT": system_settings.current().paper_start_balance})
    try:
        yield _adapter(Venue.PAPER, pair.api_key, pair.api_secret)
    finally:
        paper.close_account(pair.api_key)


def system_adapter(owner: int = SERVER, uid: int | None = None) -> BinanceAdapter:
    """An adapter with the server's own keys: testnet only, where they are set and switched on.

    Whoever trades with them shares their one account there, and its limit of orders.
    """
    if settings.EXCHANGE_ENV != "testnet" or not _has_system_keys():
        raise CredentialsRefused(
            _("This server has no testnet keys of its own, or ENABLE_SYSTEM_TESTNET_ACCOUNT is off.")
        )
    key, secret = settings.BINANCE_SPOT_TESTNET_API_KEY, settings.BINANCE_SPOT_TESTNET_API_SECRET
    return _adapter(Venue.TESTNET, key, secret, Meter(ledger.current(), owner), uid)


def base_url_of(venue: Venue) -> str:
    """Where a venue is."""
    base_urls = {
        Venue.PAPER: paper.BASE_URL,
        Venue.TESTNET: settings.BINANCE_TESTNET_URL,
        Venue.MAINNET: settings.BINANCE_MAINNET_URL,
    }
    return str(base_urls[venue]).rstrip("/")


def _adapter(
    venue: Venue,
    api_key: str = "",
    api_secret: str = "",
    meter: Meter | None = None,
    uid: int | None = None,
    *,
    hurried: bool = False,
) -> BinanceAdapter:
    """Without a meter it asks for the server itself."""
    timeout = (settings.EXCHANGE_CONNECT_TIMEOUT_SECONDS, settings.EXCHANGE_READ_TIMEOUT_SECONDS)
    if hurried:
        timeout = (min(timeout[0], verdicts.CONNECT_SECONDS), min(timeout[1], verdicts.READ_SECONDS))
    return BinanceAdapter(
        base_url_of(venue),
        api_key=api_key,
        api_secret=api_secret,
        session=_session(),
        meter=meter or Meter(ledger.current()),
        venue=venue,
        uid=uid,
        timeout=timeout,
        read_seconds=verdicts.TRY_SECONDS if hurried else READ_SECONDS,
        recv_window_ms=settings.EXCHANGE_RECV_WINDOW_MS,
        backoff_seconds=settings.EXCHANGE_BACKOFF_SECONDS,
    )


@dataclass(frozen=True, slots=True)
class Market:
    """Prices and rules of the venue an account trades at."""

    venue: Venue
    prices: PriceSnapshot
    info: ExchangeInfo


def market_for(account: ExchangeAccount, *, trading: bool) -> Market:
    """Market data for an account. For trading, stale prices raise Unavailable; for display they carry their age."""
    venue, _source = venue_of(account)
    adapter = _adapter(venue)
    read = markets.prices_for_trading if trading else markets.prices_for_display
    return Market(venue, read(venue, adapter), markets.rules(venue, adapter))


def price_jumps(account: ExchangeAccount, prices: PriceSnapshot, symbols: Iterable[str]) -> dict[str, Decimal]:
    """By how many percent prices have jumped: those beyond the system settings' limit. Raises an ExchangeError."""
    venue, _source = venue_of(account)
    effective = system_settings.current()
    return medians.jumps(
        venue,
        _adapter(venue),
        prices,
        symbols,
        most_pct=effective.price_jump_pct,
        minutes=effective.price_jump_minutes,
    )


def venue_by(*, on_paper: bool, has_own_keys: bool) -> Venue | None:
    """`venue_of` without the account's row, for many accounts at once; None where it can not trade."""
    resolved = resolve_venue(
        on_paper=on_paper,
        has_own_keys=has_own_keys,
        exchange_env=settings.EXCHANGE_ENV,
        has_system_keys=_has_system_keys(),
    )
    return resolved[0] if isinstance(resolved, tuple) else None


def shared_market(venue: Venue) -> Market:
    """Prices and rules of a venue as last known, with their age: to look by, not to trade on."""
    adapter = _adapter(venue)
    return Market(venue, markets.prices_for_display(venue, adapter), markets.rules(venue, adapter))


def exchange_info_for(account: ExchangeAccount) -> ExchangeInfo:
    """Symbol rules of the account's venue."""
    venue, _source = venue_of(account)
    return markets.rules(venue, _adapter(venue))


def candles_for(account: ExchangeAccount, asset: str, interval: str, count: int) -> tuple[Candle, ...]:
    """The last candles of an asset in the account's quote, oldest first; none where the two have no market. Raises an
    AppError where they cannot be had.
    """
    venue, _source = venue_of(account)
    adapter = _adapter(venue)
    pair = markets.rules(venue, adapter).pair(asset, account.quote)
    return recent_candles(venue, adapter, pair.symbol, interval, count) if pair is not None else ()


def know_fee_asset(account: ExchangeAccount, quote: str) -> None:
    """See to it that it is known whether the account pays fees in BNB. Raises an ExchangeError."""
    rules = exchange_info_for(account).pair(standing.BNB, quote)
    if rules is not None:
        standing.know_fee_asset(account, adapter_for(account), rules.symbol)


def refresh_rules_for(account: ExchangeAccount) -> None:
    """Read the venue's symbol rules again, after the exchange refused an order for a filter."""
    venue, _source = venue_of(account)
    markets.refresh_rules(venue, _adapter(venue))


@sensitive_variables("api_key", "api_secret")
def connect_account(
    user: User,
    *,
    label: str,
    venue: str,
    quote: str = "USDT",
    api_key: str = "",
    api_secret: str = "",
    paper_balances: Mapping[str, Decimal] | None = None,
    verdict: Verdict | None = None,
) -> ExchangeAccount:
    """Connect an account: paper at once, Binance after its key has answered (where this server contacts Binance).

    `api_secret` is the secret of an HMAC key, or the private key of an RSA or Ed25519 key as PEM text. Raises Invalid
    with field messages; a refused key is not stored. `verdict` is told what was found, also where it raises.
    """
    verdict = verdict or Verdict()
    label, api_key, api_secret = label.strip(), api_key.strip(), signing.tidy(api_secret)
    check_fields(user, label, venue, quote, api_key, api_secret)
    verdict.say("format")
    account = ExchangeAccount(
        user=user,
        label=label,
        venue=venue,
        quote=quote,
        api_key=api_key,
        api_secret=api_secret,
        key_tail=api_key[-4:],
    )
    if _trades_paper(account):
        _open_paper(account, paper_balances or {quote: system_settings.current().paper_start_balance})
        account.status = ExchangeAccount.Status.OK
        account.checked_at = timezone.now()
    else:
        _verify_new_keys(account, verdict)
    try:
        with transaction.atomic():
            account.save()
    except IntegrityError:
        raise Invalid(
            _("Some fields need your attention."), fields={"label": [_("You have an account with this label.")]}
        ) from None
    return account


def _trades_paper(account: ExchangeAccount) -> bool:
    """Whether the account trades at the paper exchange now; False also where it can not trade at all."""
    try:
        return venue_of(account)[0] == Venue.PAPER
    except (Conflict, CredentialsRefused):
        return False


def _verify_new_keys(account: ExchangeAccount, verdict: Verdict) -> None:
    try:
        account.status_reason = standing.ask(account, adapter_for(account, hurried=True), verdict)
    except Conflict as error:  # mock: stored, never contacted
        account.status_reason = error.message
        return
    except CredentialsRefused as error:
        raise Invalid(_("The key was not accepted."), fields={"api_key": [error.message]}) from error
    except ExchangeError as error:
        raise Invalid(_("The key could not be checked."), fields={"api_key": [error.message]}) from error
    standing.refuse_second_connection(account)
    account.status = ExchangeAccount.Status.OK
    account.checked_at = timezone.now()


def check_account(account: ExchangeAccount, verdict: Verdict | None = None) -> ExchangeAccount:
    """Ask the exchange whether the account's keys work and remember the answer. Never raises an ExchangeError.

    An account that was paused by hand is left as it is: nothing but that hand lets it go on.
    """
    if account.status == ExchangeAccount.Status.PAUSED:
        return account
    status, reason = account.status, ""
    try:
        reason = standing.ask(account, adapter_for(account, hurried=True), verdict or Verdict())
        status = ExchangeAccount.Status.OK
    except CredentialsRefused as error:
        status, reason = ExchangeAccount.Status.REFUSED, error.message
    except (ExchangeError, Conflict) as error:
        reason = error.message
    standing.remember(account, status, reason)
    return account


mark_refused, remember_uid = standing.mark_refused, standing.remember_uid


def rename_account(account: ExchangeAccount, label: str) -> ExchangeAccount:
    label = label.strip()
    if not label or len(label) > 40:
        raise Invalid(
            _("Some fields need your attention."),
            fields={"label": [_("Give the account a label of 1 to 40 characters.")]},
        )
    try:
        with transaction.atomic():
            ExchangeAccount.objects.filter(pk=account.pk).update(label=label)
    except IntegrityError:
        raise Invalid(
            _("Some fields need your attention."), fields={"label": [_("You have an account with this label.")]}
        ) from None
    account.label = label
    return account


def _open_paper(account: ExchangeAccount, balances: Mapping[str, Decimal]) -> None:
    pair = paper.open_account(f"user {account.user_id}: {account.label}", balances)
    account.paper_key, account.paper_secret = pair.api_key, pair.api_secret


def _open_paper_on_first_use(account: ExchangeAccount) -> None:
    """A Binance account without keys trades paper in the mock environment; two first uses open one paper account."""
    with transaction.atomic():
        row = ExchangeAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        if not row.paper_key:
            _open_paper(row, {row.quote: system_settings.current().paper_start_balance})
            row.save(update_fields=["paper_key", "paper_secret"])
    account.paper_key, account.paper_secret = row.paper_key, row.paper_secret


def reset_paper(account: ExchangeAccount) -> None:
    """Start a paper account afresh: its open orders are cancelled, its balances set to the start balance."""
    venue, _source = venue_of(account)
    if venue != Venue.PAPER:
        raise Conflict(_("Only a paper account can be reset."), code="not_paper")
    adapter_for(account)  # opens the paper account where it has never been used
    paper.reset_account(account.paper_key, {account.quote: system_settings.current().paper_start_balance})


def archive_account(account: ExchangeAccount) -> None:
    """Disconnect: the keys are erased, orders and fills stay readable."""
    if account.paper_key:
        try:
            paper.close_account(account.paper_key)
        except NotFound:
            logger.warning("account %s: its paper account was gone already", account.pk)
    account.api_key = account.api_secret = account.paper_key = account.paper_secret = ""
    account.archived_at = timezone.now()
    account.save(update_fields=["api_key", "api_secret", "paper_key", "paper_secret", "archived_at"])
