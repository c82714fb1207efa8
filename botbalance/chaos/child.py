"""What a process of a drill runs: the product's own commands, or the site over HTTP; with --sabotage NAME, broken on
purpose before it begins.

python -m botbalance.chaos.child [--sabotage NAME] celery|manage|web ARGUMENTS
"""

import os
import sys


def main(arguments: list[str]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "botbalance.settings")
    if arguments[0] == "--sabotage":
        import django

        django.setup()
        from botbalance.chaos.sabotage import SABOTAGE

        SABOTAGE[arguments[1]]()
        arguments = arguments[2:]
    program, *rest = arguments
    if program == "celery":
        from celery.__main__ import main as celery

        sys.argv = ["celery", *rest]
        celery()
    elif program == "manage":
        from django.core.management import execute_from_command_line

        execute_from_command_line(["manage.py", *rest])
    elif program == "web":
        _serve(int(rest[0]))
    else:
        sys.exit(f"There is nothing called {program}.")


def _serve(port: int) -> None:
    """The site, in this one process: a SIGKILL leaves nothing of it."""
    from cheroot import wsgi

    from botbalance.wsgi import application

    wsgi.Server(("127.0.0.1", port), application, numthreads=8, server_name="127.0.0.1").safe_start()


if __name__ == "__main__":
    main(sys.argv[1:])
