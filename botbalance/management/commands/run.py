"""Web, worker and beat in one process, for one machine without servers."""

import errno
import os
import signal
import threading
import time
from typing import Any

from celery import Celery
from celery.beat import Service
from celery.worker import WorkController
from cheroot import wsgi
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import first_visit, selectors
from botbalance import services
from botbalance.celery import app
from botbalance.wsgi import application

WEB_THREADS = 8
WORKER_THREADS = 4
POLL_SECONDS = 1


class Command(BaseCommand):
    help = "Serve the site, run its background work and its schedule, all in this process, until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=os.environ.get("PORT") or 8000)

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        server = wsgi.Server((host, port), application, numthreads=WEB_THREADS, server_name=host)
        try:
            server.prepare()
        except OSError as error:
            # cheroot wraps the socket's error in one of its own, with the first as text.
            taken = error.errno == errno.EADDRINUSE or "in use" in str(error).lower()
            raise CommandError(
                f"Port {port} is taken. Choose another: PORT={port + 1} make run" if taken else str(error)
            ) from None
        # A signal that interrupted the web server's own loop could cost it a wake-up; this thread waits for it instead.
        received: list[int] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda signum, _frame: received.append(signum))
        background = Background(app)
        background.start()
        web = threading.Thread(target=server.serve, name="web", daemon=True)
        web.start()
        self._announce(f"http://{host}:{port}/")
        while not received and web.is_alive():
            time.sleep(POLL_SECONDS)
        self.stdout.write("\nStopping …")
        server.stop()
        background.stop()
        self.stdout.write("Stopped.")

    def _announce(self, address: str) -> None:
        self.stdout.write(f"\nBotBalance is at {address}  (EXCHANGE_ENV={settings.EXCHANGE_ENV}; Ctrl-C stops it)")
        if selectors.is_unused():
            self.stdout.write("  open it and make the first account, the superadmin's")
            self.stdout.write(f"  from another machine it asks for the set-up code {first_visit.code()}")
        for email, password in services.SignIns().working().items():
            self.stdout.write(f"  sign in as {email}  password {password}")
        self.stdout.flush()


class Background:
    """A Celery worker and beat in threads of this process, over the broker in its memory."""

    def __init__(self, celery_app: Celery) -> None:
        self.worker = WorkController(
            app=celery_app, pool_cls="threads", concurrency=WORKER_THREADS, loglevel="WARNING", without_gossip=True
        )
        self.beat = Service(celery_app, scheduler_cls=settings.CELERY_BEAT_SCHEDULER)

    def start(self) -> None:
        threading.Thread(target=self.worker.start, name="worker", daemon=True).start()
        threading.Thread(target=self.beat.start, name="beat", daemon=True).start()

    def stop(self) -> None:
        """Let the task in hand end; nothing new starts."""
        self.beat.stop()
        self.worker.stop()
