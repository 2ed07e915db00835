"""`scoc replay beijing --from 2016-11-01 --days 30`: a real past through the whole loop."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from argparse import ArgumentParser
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from scoc.core.city import BadPack, read_pack
from scoc.core.environment import child_environment
from scoc.core.models import Installation
from scoc.rehearsal.archive.files import BadArchive
from scoc.rehearsal.replay import replay_archive, table


class Command(BaseCommand):
    """Replays into an empty installation: on SQLite into a folder of its own below SCOC_HOME."""

    help = "Live a span of a city's archives again, through the whole loop, and print what came of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The pack and the span."""
        parser.add_argument("pack")
        parser.add_argument("--from", dest="start", required=True, type=date.fromisoformat, metavar="DATE")
        parser.add_argument("--days", type=int, default=30)
        parser.add_argument("--here", action="store_true", help="into this very installation, which must be empty")

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay and print the table."""
        if not 1 <= options["days"] <= 400:
            raise CommandError("--days is a number from 1 to 400.")
        if connection.vendor == "sqlite" and not options["here"]:
            self._elsewhere(options)
            return
        call_command("migrate", verbosity=0)
        if Installation.objects.exists():
            raise CommandError("This installation holds a city already; a replay needs an empty one.")
        try:
            pack = read_pack(options["pack"])
            day = options["start"]
            start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(pack.manifest.timezone))
            result = replay_archive(
                pack, settings.ENVIRONMENT.data_dir, start, options["days"], self._progress(options)
            )
        except BadPack as bad:
            raise CommandError("\n".join(str(problem) for problem in bad.problems)) from bad
        except BadArchive as bad:
            raise CommandError(str(bad)) from bad
        self.stdout.write(table(result))

    def _progress(self, options: dict[str, Any]) -> Any:
        """Tell each finished day on the error stream, so that the table stays alone on the other."""
        begun = time.monotonic()
        zone: list[int] = []

        def told(moment: datetime) -> None:
            zone.append(1)
            if len(zone) % 24 == 0:
                done = len(zone) // 24
                seconds = time.monotonic() - begun
                self.stderr.write(f"day {done} of {options['days']}, {seconds:.0f} s")

        return told

    def _elsewhere(self, options: dict[str, Any]) -> None:
        name = f"{options['pack']}-{options['start']:%Y%m%d}-{options['days']}d".replace("/", "_")
        home = settings.SCOC_HOME / "replays" / name
        if home.exists():
            shutil.rmtree(home)
        home.mkdir(parents=True)
        self.stderr.write(f"into {home} (look at it with SCOC_HOME={home} scoc serve)")
        command = [sys.executable, "-m", "scoc", "replay", options["pack"], "--from", options["start"].isoformat(),
                   "--days", str(options["days"]), "--here"]  # fmt: skip
        done = subprocess.run(command, env=child_environment(home=str(home)), check=False)  # noqa: S603  # ourselves
        if done.returncode:
            raise CommandError("The replay did not end; its reason stands above.", returncode=done.returncode)
