"""What can go wrong with an exchange. The tree answers one question: may I retry?

ExchangeError
|- Rejected             no: the exchange understood and refused; `exchange_code` and `exchange_message` say why
|- CredentialsRefused   no: stop this account until its owner changes the key
|- Throttled            later: after `retry_after` seconds; nothing was executed. `banned` means HTTP 418, `not_sent`
|                       that this server itself held it back
|- Unavailable          yes: a read that failed, or a write that is known not to have been executed
|  `- StalePrices       yes: there are prices, too old to be traded on; `age_seconds` says how old
|- ClockSkew            once: refused before execution (-1021); resync the clock, send again with the same id
`- OutcomeUnknown       ask, never resend: an order or a cancel that may or may not have been executed

NotAvailable is no answer of an exchange: this server does not have what was asked for, however often it is asked.
"""

from botbalance.lib.errors import AppError


class ExchangeError(AppError):
    """Base; `exchange_code` is Binance's negative code, 0 where the answer carried none."""

    status = 502
    default_code = "exchange_error"

    def __init__(
        self, message: str, *, exchange_code: int = 0, exchange_message: str = "", http_status: int = 0
    ) -> None:
        super().__init__(message)
        self.exchange_code = exchange_code
        self.exchange_message = exchange_message
        self.http_status = http_status


class Rejected(ExchangeError):
    status = 422
    default_code = "exchange_rejected"

    @property
    def is_filter_failure(self) -> bool:
        """Our symbol rules may be out of date."""
        return self.exchange_message.startswith("Filter failure")

    @property
    def is_duplicate(self) -> bool:
        """An open order carries this client id already: it was placed."""
        return self.exchange_code == -2010 and "duplicate" in self.exchange_message.lower()

    @property
    def is_no_such_order(self) -> bool:
        """Also where the symbol itself is gone: none of its orders can be found any more."""
        return self.exchange_code in (-2013, -2011, -1121)


class CredentialsRefused(ExchangeError):
    status = 409
    default_code = "credentials_refused"


class Throttled(ExchangeError):
    status = 503
    default_code = "exchange_throttled"
    retry_after: float = 1.0
    banned: bool = False
    not_sent: bool = False


class Unavailable(ExchangeError):
    """`not_before_ms` is 0, or the time on our clock before which nothing is sent to this exchange."""

    status = 503
    default_code = "exchange_unavailable"
    not_before_ms: int = 0


class StalePrices(Unavailable):
    """The latest prices are too old to be traded on."""

    default_code = "stale_prices"

    def __init__(self, message: str, age_seconds: int) -> None:
        super().__init__(message)
        self.age_seconds = age_seconds


class ClockSkew(ExchangeError):
    status = 503
    default_code = "clock_skew"


class OutcomeUnknown(ExchangeError):
    status = 503
    default_code = "outcome_unknown"


class NotAvailable(AppError):
    """The sentence says what is not there, and why."""

    status = 501
    default_code = "not_available"
