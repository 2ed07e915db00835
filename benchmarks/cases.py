"""How many cases a second one process takes through their life, each move one HTTP call with its photo, clock and fact.

`python -m benchmarks.cases [lifecycles]` on the database that SCOC_DATABASE_URL names (SQLite when unset), in a test
database that is removed afterwards. One client, one process, no network: the figures compare machines and versions,
they are no promise of what a city sees.
"""

from __future__ import annotations

import os
import sys

import django


def main() -> None:
    """Make the test database, run, remove it."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scoc.site.settings")
    django.setup()
    from django.db import connection
    from django.test.utils import setup_test_environment, teardown_test_environment

    from benchmarks._lifecycles import run

    setup_test_environment()
    name = connection.creation.create_test_db(verbosity=0, serialize=False)
    try:
        run(count)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
        teardown_test_environment()


if __name__ == "__main__":
    main()
