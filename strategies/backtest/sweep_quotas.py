"""How much of a server sweeps may take: read from the settings, each with its default.

SWEEPS_WAITING_PER_USER  2      queued and running ones of a user together
SWEEPS_KEPT_PER_USER     50     rows of a user, whatever became of them
SWEEP_MOST_SETTINGS      2000   of one sweep of a user; the command line goes further
SWEEP_MOST_PATHS         1000   of other pasts of one sweep
SWEEP_PROCESSES          the number of processors; processes on one machine
SWEEP_TURN_SECONDS       60     of one sweep, after which another that waits has its turn
"""

import os

from django.conf import settings


def waiting_per_user() -> int:
    return int(getattr(settings, "SWEEPS_WAITING_PER_USER", 2))


def kept_per_user() -> int:
    return int(getattr(settings, "SWEEPS_KEPT_PER_USER", 50))


def most_settings() -> int:
    return int(getattr(settings, "SWEEP_MOST_SETTINGS", 2000))


def most_paths() -> int:
    return int(getattr(settings, "SWEEP_MOST_PATHS", 1000))


def processes() -> int:
    return int(getattr(settings, "SWEEP_PROCESSES", 0)) or os.cpu_count() or 1


def turn_seconds() -> int:
    return int(getattr(settings, "SWEEP_TURN_SECONDS", 60))
