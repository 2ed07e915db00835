"""`scoc work`: the process that delivers facts and does tasks."""

from __future__ import annotations

import logging
import signal
import threading
import time
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from scoc.core import now, tasks
from scoc.core.models import Installation

log = logging.getLogger(__name__)
IDLE_SECONDS = 0.5
CRON_SECONDS = 1.0


class Command(BaseCommand):
    """Claims deliveries until SIGTERM; heals after the database was away."""

    help = "Deliver facts to their handlers and do timed work."
    requires_migrations_checks = True

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until told to stop."""
        stop = threading.Event()

        def asked(_: int, __: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, asked)
        signal.signal(signal.SIGINT, asked)
        looked_at_crons = 0.0
        while not stop.is_set():
            try:
                if time.monotonic() - looked_at_crons >= CRON_SECONDS and Installation.objects.exists():
                    looked_at_crons = time.monotonic()
                    for run_id in now.open_runs():
                        with now.in_run(run_id):
                            tasks.enqueue_due()
                result = tasks.deliver(stop=stop.is_set)
            except DatabaseError as error:
                log.warning("the database is away: %s", error)
                connection.close()
                stop.wait(1.0)
                continue
            if not result.done and not result.failed:
                stop.wait(IDLE_SECONDS)
