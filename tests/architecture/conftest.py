"""A copy of the code in which tests plant violations, and the commands of `make check` on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_NOT_COPIED = shutil.ignore_patterns("__pycache__", "node_modules", "dist", "var", ".venv", ".git", "*.pyc")


_OF_A_FRAME = {"__init__.py", "apps.py", "README.md", "environment.py"}


def _all_but_the_frame(folder: str, names: list[str]) -> set[str]:
    """Of modules, what checks of planted source do not need."""
    files = {name for name in names if not (Path(folder) / name).is_dir()}
    return _NOT_COPIED(folder, names) | (files - _OF_A_FRAME)


class Copy:
    """The code in a folder of its own; with `frame` only what names and describes the modules."""

    def __init__(self, root: Path, *, frame: bool = False) -> None:
        self.root = root
        shutil.copytree(ROOT / "scoc", root / "scoc", ignore=_all_but_the_frame if frame else _NOT_COPIED)
        for name in ("docs", "changes") if frame else ("scripts", "tests", "benchmarks", "docs", "changes"):
            shutil.copytree(ROOT / name, root / name, ignore=_NOT_COPIED)
        (root / "cities").symlink_to(ROOT / "cities")  # large, and nobody plants there
        for file in [*ROOT.glob("*.toml"), *ROOT.glob("*.lock"), *ROOT.glob("*.md"), *ROOT.glob("*.py")]:
            shutil.copy(file, root / file.name)

    def plant(self, path: str, text: str, *, instead_of: str = "") -> None:
        """Add `text` at the end of a file (made if new), or put it in the place of `instead_of`."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        if instead_of:
            assert instead_of in before, f"{path} no longer holds {instead_of!r}; plant elsewhere"
            file.write_text(before.replace(instead_of, text, 1), encoding="utf-8")
        else:
            file.write_text(before + text, encoding="utf-8")

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program, of .venv first, as `make check` does, here, on this copy's code alone."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("SCOC_", "GIT_", "PYTEST_"))
        }
        environment |= {"SCOC_HOME": str(self.root / "var"), "PYTHONPATH": str(self.root)}
        ours = Path(sys.executable).parent / program
        return subprocess.run(
            [ours if ours.exists() else program, *arguments], cwd=self.root, env=environment, capture_output=True,
            text=True, check=False,
        )  # fmt: skip

    def lint(self, *checks: str) -> tuple[int, str]:
        """Exit status and output of the house's own checks."""
        done = self.run("python", "-m", "scripts.lints", *checks)
        return done.returncode, done.stdout + done.stderr

    def linter_of_imports(self) -> tuple[int, str]:
        """Exit status and output of import-linter."""
        done = self.run("lint-imports", "--no-cache")
        return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.fixture
def frame(tmp_path: Path) -> Copy:
    """A fresh copy of the frame of the code: enough for checks of planted source."""
    return Copy(tmp_path / "frame", frame=True)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A fresh copy of the code."""
    return Copy(tmp_path / "copy")
