"""Exit codes. Scripts rely on them: none ever changes its meaning."""

from enum import IntEnum

from botbalance_client.errors import (
    AnswerLost,
    BotBalanceError,
    ConfigError,
    NotUnderstood,
    Refused,
    Unreachable,
)


class Exit(IntEnum):
    DONE = 0
    FAILED = 1  # something that should not happen
    USAGE = 2  # wrong arguments, or a strategy has to be named
    CONFIG = 3  # no server, no token, a file that others can read
    UNREACHABLE = 4  # no answer, none of this API's, or not now; nothing was changed
    TOKEN = 5  # the token is unknown, revoked or expired
    FORBIDDEN = 6  # the token or its user may not do this
    REFUSED = 7  # the server said no: nothing was begun
    LOST = 8  # no answer to a deed: the same command again asks for the same one
    STOPPED = 9  # the rebalance ended before every target was within its band
    WAITING = 10  # it is still under way
    UNCONFIRMED = 11  # nobody said yes
    INTERRUPTED = 130


def code_of(error: BotBalanceError) -> Exit:
    if isinstance(error, ConfigError):
        return Exit.CONFIG
    if isinstance(error, Refused):
        known = {401: Exit.TOKEN, 403: Exit.FORBIDDEN, 429: Exit.UNREACHABLE}
        return Exit.UNREACHABLE if error.status >= 500 else known.get(error.status, Exit.REFUSED)
    if isinstance(error, AnswerLost):
        return Exit.LOST
    if isinstance(error, Unreachable | NotUnderstood):
        return Exit.UNREACHABLE
    return Exit.FAILED


def word_of(error: BotBalanceError) -> str:
    """The code of an error in JSON: the server's own, or one for what went wrong on the way."""
    if isinstance(error, Refused):
        return error.code
    return {
        Exit.CONFIG: "config",
        Exit.LOST: "answer_lost",
        Exit.UNREACHABLE: "unreachable",
    }.get(code_of(error), "failed")
