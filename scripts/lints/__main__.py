"""`python -m scripts.lints [names]`: the house's own checks, with what to do for each thing found.

`--list` names them; `--renew-snapshots` writes tests/snapshots anew.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from scripts.lints import dependencies, registries, snapshots, structure, words
from scripts.lints.house import CHECKS, NEEDS_DJANGO, House

_DECLARING = (dependencies, registries, snapshots, structure, words)


def _load_django() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scoc.site.settings")
    django.setup()


def main(arguments: list[str]) -> int:
    """Print every finding; 1 if there is one."""
    house = House(Path.cwd())
    if arguments == ["--list"]:
        for name, function in sorted(CHECKS.items()):
            print(f"{name:20} {(function.__doc__ or '').strip()}")
        return 0
    if arguments == ["--renew-snapshots"]:
        _load_django()
        for path in snapshots.renew(house):
            print(f"renewed {path}")
        return 0
    wanted = arguments or sorted(CHECKS)
    unknown = sorted(set(wanted) - set(CHECKS))
    if unknown:
        print(f"There is no check {', '.join(unknown)}; see --list.")
        return 2
    if NEEDS_DJANGO & set(wanted):
        _load_django()
    found = [f"[{name}] {finding}" for name in wanted for finding in CHECKS[name](house)]
    for line in dict.fromkeys(found):
        print(line)
    if found:
        print(f"{len(set(found))} to mend.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
