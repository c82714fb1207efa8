"""What went wrong with a delivery, as a sentence in the reader's language."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

PROBLEMS: Mapping[str, str | Promise] = {
    "internal_address": _(
        "%(host)s leads to an internal address, which is not reached from here. Whoever runs this server can allow it."
    ),
    "port_refused": _(
        "Port %(port)s of %(host)s is not reached from here: of the ports below 1024 only 80, 443, 465 and 587 are."
    ),
    "not_found": _("The name %(host)s cannot be found. Check it, or try again later."),
    "redirect": _("It answered with a redirect (%(status)s), which is not followed: enter the address it leads to."),
    "status": _("It answered with status %(status)s."),
    "mail_password": _("The mail server does not take this account and password (%(status)s)."),
    "mail_refused": _("The mail server refused it (%(status)s)."),
    "timeout": _("%(host)s did not answer in time."),
    "unreachable": _("%(host)s could not be reached, or broke the connection off."),
    "bad_certificate": _("The certificate of %(host)s could not be verified."),
    "not_taken": _("The service did not take the message."),
    "unusable": _("This address cannot be used any more: enter it again."),
    "not_allowed": _("Whoever runs this server does not allow this service any more."),
    "switched_off": _("The channel was switched off."),
    "unknown_outcome": _("It is not known whether the last try arrived: the server was stopped meanwhile."),
    "mistake": _("Something went wrong here, which is in the log of the server."),
}


def sentence(problem: str, values: Mapping[str, str]) -> str:
    """A problem in words, "" for none."""
    return str(PROBLEMS[problem]) % values if problem else ""
