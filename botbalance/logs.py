"""What is written to the log, and error reports to Sentry. Read by the settings: imports nothing of Django."""

from typing import Any

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def configuration(level: str) -> dict[str, Any]:
    """Django's LOGGING: one line an event, to the console."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # It warns of malformed headers with the whole address, signature and all.
            "urllib3": {"level": "ERROR"},
            # What it says of a channel's address holds parts of the address.
            "apprise": {"level": "CRITICAL", "propagate": False},
            "celery": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
        },
    }


def report_errors_to(dsn: str) -> None:
    """Errors go to this Sentry project; without a DSN nothing is imported and nothing leaves the server."""
    if not dsn:
        return
    import sentry_sdk

    sentry_sdk.init(dsn=dsn, send_default_pii=False, include_local_variables=False, max_request_body_size="never")
