"""`scoc make_binhai --seed N <folder>`: draw the made-up city anew."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from scoc.rehearsal.binhai import make_pack


class Command(BaseCommand):
    """Writes the generated files of the made-up city's pack; the same seed gives the same bytes."""

    help = "Draw the made-up city Binhai from a seed into a pack's folder."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The folder and the seed."""
        parser.add_argument("folder", type=Path)
        parser.add_argument("--seed", type=int, default=990100)

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the files."""
        for path in make_pack(options["folder"], options["seed"]):
            self.stdout.write(f"{path} {path.stat().st_size}")
