"""`make check` as a whole: every step runs, each failure is named, and the exit status says so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.architecture.conftest import Copy


@pytest.mark.proof
def test_make_check_names_every_step_that_failed(copy: Copy) -> None:
    (copy.root / ".venv").symlink_to(Path(sys.executable).parents[1])
    copy.plant("scoc/command/rogue/__init__.py", '"""A rogue module."""\n')
    copy.plant("scoc/kit/planted.py", "import scoc.core.now\nX : int = 'text'\n")
    copy.plant("scoc/spatial/models.py", '\n\nclass Planted(models.Model):\n    """Has no migration."""\n')
    done = copy.run("bash", "scripts/check")
    assert done.returncode == 1, done.stdout + done.stderr
    told = next(line for line in done.stdout.splitlines() if line.startswith("[check] to mend:"))
    for step in ("form", "ruff", "imports", "migrations", "house", "types"):
        assert step in told, done.stdout
    assert "scoc.command.rogue does not stand in the list of layers" in done.stdout
    assert 'Incompatible types in assignment (expression has type "str", variable has type "int")' in done.stdout
