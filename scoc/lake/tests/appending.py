"""What the tests run in processes of their own: `python -m scoc.lake.tests.appending <database> <lake> …`.

`… race <first> <last>` appends the batches of these numbers; `… load <told>` goes on appending where the cursor stands,
and writes each number that was acknowledged to the file `told`, on the disk before the next.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROWS = 40
APP = "archive"


def _begin(database: str, root: str) -> None:
    import django
    from django.conf import settings

    os.environ["DJANGO_SETTINGS_MODULE"] = "scoc.site.settings"
    settings.DATABASES["default"]["NAME"] = database
    settings.SCOC_LAKE = (root, {})
    django.setup()


def _append(number: int) -> None:
    from scoc.core.access import system_actor
    from scoc.lake import actions
    from scoc.lake.schemas import Cursor
    from scoc.lake.tests.factories import make_rows

    rows = make_rows(ROWS, first=number * ROWS)
    written = actions.append(system_actor("sensing"), "readings", rows, Cursor(APP, number))
    print(f"{number} {written.version} {written.fresh}", flush=True)


def race(first: int, last: int) -> None:
    """Append the batches of these numbers, whoever else does."""
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(first, last + 1):
        _append(number)


def load(told: Path) -> None:
    """Append batch after batch from where the cursor stands."""
    from scoc.core.access import system_actor
    from scoc.lake import queries

    reached = queries.cursor(system_actor("sensing"), "readings", APP)
    number = 0 if reached is None else reached + 1
    with told.open("ab") as file:
        while True:
            _append(number)
            file.write(f"{number}\n".encode())
            file.flush()
            os.fsync(file.fileno())
            number += 1


if __name__ == "__main__":
    _begin(sys.argv[1], sys.argv[2])
    if sys.argv[3] == "race":
        race(int(sys.argv[4]), int(sys.argv[5]))
    else:
        load(Path(sys.argv[4]))
