"""`manage.py check` in many environments, quickly: a process that has loaded what reads no setting, and a fork of it
for each environment. What is loaded is the same for all of them, and takes longer than the check.

Run as a script. A line of its input is [environment, file for stdout, file for stderr]; it answers with the exit code.
"""

import json
import os
import sys
import traceback

# Loaded before the first fork, and for nothing else.
import celery  # noqa: F401
import cryptography.fernet  # noqa: F401
import django.core.management
import django.db.models
import django.http  # noqa: F401
import environ  # noqa: F401
import numpy as np  # noqa: F401
import redis  # noqa: F401
import requests  # noqa: F401
import rest_framework  # noqa: F401
import sentry_sdk  # noqa: F401

import manage


def check() -> int:
    """The exit code that Python would end with."""
    sys.argv = ["manage.py", "check"]
    try:
        manage.main()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
            return 1
        return ended.code or 0
    except BaseException:  # noqa: BLE001  (shown as Python shows it)
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    for line in sys.stdin:
        environment, out, errors = json.loads(line)
        child = os.fork()
        if child == 0:
            os.environ.clear()
            os.environ.update(environment)
            for number, path in ((1, out), (2, errors)):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
            code = check()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
