"""`scoc load air`: the air archives of the folder outside, into the stations of the city that runs."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from scoc.core.access import system_actor
from scoc.core.city import city_settings
from scoc.core.models import Installation
from scoc.core.refusals import Invalid
from scoc.rehearsal.archive.files import BadArchive, archives
from scoc.rehearsal.pack import AirArchiveSettings
from scoc.rehearsal.simulator.town import ACTOR
from scoc.sensing import actions as sensing


class Command(BaseCommand):
    """Loads an archive as history: rules do not look at it. Done again, it finds every reading to be a duplicate."""

    help = "Load an archive of the outside data folder: air."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to load."""
        parser.add_argument("what", choices=["air"])

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, and print what became of every reading."""
        if not Installation.objects.exists():
            raise CommandError("No city is applied yet; run `scoc city apply beijing` first.")
        checks = city_settings(AirArchiveSettings)
        actor = system_actor(ACTOR)
        totals: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        head = ("file", "hours", "readings", "stored", "duplicate", "missing", "rejected")
        self.stdout.write("{:<44}{:>9}{:>11}{:>11}{:>11}{:>10}{:>10}".format(*head))
        begun = time.monotonic()
        try:
            for file in archives(settings.ENVIRONMENT.data_dir):
                doubter = file.doubter(checks)
                result = sensing.import_table(actor, f"archive:{file.path.name}", file.batches(doubter))
                reasons.update(result.rejected)
                row = {
                    "hours": doubter.hours.total(), "readings": result.rows, "stored": result.stored,
                    "duplicate": result.duplicate, "missing": result.missing,
                    "rejected": sum(result.rejected.values()),
                }  # fmt: skip
                totals.update(row)
                self._line(file.path.name, row)
        except (BadArchive, Invalid) as bad:
            raise CommandError(str(bad)) from bad
        self._line("all", totals)
        for reason, number in sorted(reasons.items()):
            self.stdout.write(f"  rejected: {reason:<33}{number:>9}")
        seconds = time.monotonic() - begun
        self.stdout.write(f"{totals['readings'] / max(seconds, 1e-9):,.0f} readings a second, {seconds:.1f} s")

    def _line(self, name: str, row: Any) -> None:
        self.stdout.write(
            f"{name:<44}{row['hours']:>9}{row['readings']:>11}{row['stored']:>11}{row['duplicate']:>11}"
            f"{row['missing']:>10}{row['rejected']:>10}"
        )
