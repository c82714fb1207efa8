"""What can go wrong between a program and its server.

BotBalanceError
|- ConfigError     nothing was asked: an address, a token or a file of this machine is not right
|- Refused         the server said no, with a code for programs and a sentence for people
|- Unreachable     no answer to a question, which may be asked again
|- AnswerLost      no answer to a deed: it may have been done. The same with the same key is safe
`- NotUnderstood   an answer that is not this API's
"""

from collections.abc import Mapping


class BotBalanceError(Exception):
    """Base of all of them; its text is for people and never holds a token."""


class ConfigError(BotBalanceError):
    pass


class Unreachable(BotBalanceError):
    pass


class AnswerLost(BotBalanceError):
    pass


class NotUnderstood(BotBalanceError):
    pass


class Refused(BotBalanceError):
    """`status` is HTTP's, `code` stable, `fields` what is wrong by field."""

    def __init__(self, status: int, code: str, message: str, fields: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = dict(fields or {})
