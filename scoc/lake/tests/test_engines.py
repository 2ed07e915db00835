"""Delta and DuckDB stay out of processes that touch no lake."""

from __future__ import annotations

import os
import subprocess
import sys

_STARTED = """
import sys
import django
django.setup()
from scoc.core.actions import ACTIONS
assert "lake.append" in ACTIONS
print([name for name in ("deltalake", "duckdb") if name in sys.modules])
"""


def test_a_process_that_starts_knows_the_lakes_actions_and_loads_no_engine() -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "scoc.site.settings"}
    told = subprocess.run(
        [sys.executable, "-c", _STARTED], capture_output=True, text=True, check=True, env=environment, timeout=120
    )
    assert told.stdout.strip() == "[]"
