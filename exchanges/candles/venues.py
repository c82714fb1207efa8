"""The venues that candles are fetched from, without any key: candles are public.

    paper    the paper exchange, in this process       stored as "paper <its market>"
    testnet  Binance's test network                    stored as "testnet"
    binance  Binance itself                            stored as the market's

What is not the market's never mixes with the market's.
"""

from django.conf import settings
from django.utils.translation import gettext as _

from botbalance.lib.errors import Invalid
from exchanges import services
from exchanges.adapters.binance import BinanceAdapter
from exchanges.adapters.session import new_session
from exchanges.candles import store
from exchanges.candles.fetching import CandleSource
from exchanges.domain import Venue
from exchanges.ledger import services as ledger
from exchanges.ledger.services import Meter
from exchanges.paper import services as paper
from exchanges.paper.transport import PaperTransport

PAPER, TESTNET, BINANCE = "paper", "testnet", "binance"
VENUES = (PAPER, TESTNET, BINANCE)
_BY_ENVIRONMENT = {"mock": PAPER, "testnet": TESTNET, "mainnet": BINANCE}


def default_venue() -> str:
    """The one that EXCHANGE_ENV trades at."""
    return _BY_ENVIRONMENT[settings.EXCHANGE_ENV]


def source_of(venue: str) -> CandleSource:
    """A venue to fetch candles from; Invalid for a name that is none."""
    if venue not in VENUES:
        raise Invalid(
            _("%(venue)r is no venue; choose one of %(known)s.") % {"venue": venue, "known": ", ".join(VENUES)}
        )
    if venue == PAPER:
        return CandleSource(_adapter(Venue.PAPER, paper.BASE_URL), f"paper {_paper_market()}", ends_at_empty=False)
    if venue == TESTNET:
        address = services.base_url_of(Venue.TESTNET)
        return CandleSource(_adapter(Venue.TESTNET, address), "testnet", ends_at_empty=True)
    return CandleSource(_adapter(Venue.MAINNET, _public_address()), store.MARKET, ends_at_empty=True)


def _public_address() -> str:
    """Where Binance's candles are read: on a server that does not trade there, from its host of public data only."""
    if settings.EXCHANGE_ENV == "mainnet":
        return services.base_url_of(Venue.MAINNET)
    return str(settings.PAPER_LIVE_URL).rstrip("/")


def _paper_market() -> str:
    """What decides the paper exchange's prices: with another seed or speed they are others at the same times."""
    if settings.PAPER_MARKET == "walk":
        return f"walk seed {settings.PAPER_SEED} x{settings.PAPER_SPEED}"
    if settings.PAPER_MARKET == "live":
        return "live"
    return f"{settings.PAPER_MARKET} x{settings.PAPER_SPEED} from {settings.PAPER_REPLAY_START or 'its first candle'}"


def _adapter(venue: Venue, base_url: str) -> BinanceAdapter:
    session = new_session()
    session.mount(paper.BASE_URL, PaperTransport())
    return BinanceAdapter(
        base_url,
        session=session,
        meter=Meter(ledger.current()),
        venue=venue,
        timeout=(settings.EXCHANGE_CONNECT_TIMEOUT_SECONDS, settings.EXCHANGE_READ_TIMEOUT_SECONDS),
        recv_window_ms=settings.EXCHANGE_RECV_WINDOW_MS,
        backoff_seconds=settings.EXCHANGE_BACKOFF_SECONDS,
    )
