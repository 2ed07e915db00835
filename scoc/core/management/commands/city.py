"""`scoc city check|plan|apply|export`: the city as files."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from scoc.core.access import system_actor
from scoc.core.city import BadPack, Pack, apply_pack, export_pack, plan_pack, read_pack


class Command(BaseCommand):
    """Check, plan, apply or export a city pack."""

    help = "Check a city pack, show what applying it would change, apply it, or export what runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The verb and the pack."""
        parser.add_argument("verb", choices=["check", "plan", "apply", "export"])
        parser.add_argument("pack", help="name of a folder under cities/, or a path")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do the verb."""
        verb, name = options["verb"], options["pack"]
        if verb == "export":
            for path in export_pack(system_actor("city"), Path(name)):
                self.stdout.write(str(path))
            return
        pack = self._read(name)
        if verb == "check":
            rows = sum(len(rows) for rows in pack.rows.values())
            self.stdout.write(f"{pack.name}: {rows} rows in {len(pack.rows)} sections, no problem found")
            return
        changes = plan_pack(pack) if verb == "plan" else apply_pack(system_actor("city"), pack)
        counts: dict[tuple[str, str], int] = {}
        for change in changes:
            counts[change.section, change.kind] = counts.get((change.section, change.kind), 0) + 1
            if verb == "plan":
                self.stdout.write(str(change))
        for (section, kind), count in sorted(counts.items()):
            self.stdout.write(f"{section}: {kind} {count}")
        if not changes:
            self.stdout.write("nothing to change")

    def _read(self, name: str) -> Pack:
        try:
            return read_pack(name)
        except OperationalError as error:
            raise CommandError(f"The database is not ready ({error}); run `scoc migrate` first.") from error
        except BadPack as bad:
            lines = "\n".join(str(problem) for problem in bad.problems[:50])
            more = len(bad.problems) - 50
            tail = f"\n… and {more} more" if more > 0 else ""
            raise CommandError(f"{lines}{tail}\n{len(bad.problems)} problem(s); nothing was applied.") from None
