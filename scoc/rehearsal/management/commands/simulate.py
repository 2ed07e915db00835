"""`scoc simulate`: the made-up city lives on beside serve and work."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from scoc.core.models import Installation
from scoc.rehearsal.living import Living


class Command(BaseCommand):
    """Feeds the running installation with devices' readings, citizens' reports and the work of staff."""

    help = "Let the made-up city live: readings, reports and the work of its staff, until told to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whether staff works as well."""
        parser.add_argument("--no-staff", action="store_true", help="leave all work to people at their screens")

    def handle(self, *args: Any, **options: Any) -> None:
        """Live until SIGTERM."""
        if not Installation.objects.exists():
            raise CommandError("No city is applied yet; run `scoc demo`, or `scoc city apply binhai` first.")
        stop = threading.Event()

        def asked(_: int, __: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, asked)
        signal.signal(signal.SIGINT, asked)
        Living(with_staff=not options["no_staff"]).run(stop)
