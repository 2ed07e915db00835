"""What is released starts a city elsewhere: the wheel carries the front end and the city packs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _build(root: Path, target: str, out: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(out)],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip


def _run(where: Path, package: Path, *command: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SCOC_")}
    done = subprocess.run(
        [sys.executable, *command], cwd=where, capture_output=True, text=True, check=False,
        env={**clean, "SCOC_HOME": str(where / "state"), "PYTHONPATH": str(package)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_wheel_without_the_front_end_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "source"
    (root / "scoc").mkdir(parents=True)
    for name in ("pyproject.toml", "hatch_build.py", "README.md"):
        shutil.copy(ROOT / name, root / name)
    (root / "scoc" / "__init__.py").touch()
    done = _build(root, "wheel", tmp_path / "out")
    assert done.returncode != 0
    assert "web/dist is missing; build the front end first: make web" in done.stderr + done.stdout


@pytest.mark.proof
def test_a_wheel_built_from_the_sdist_starts_a_city_anywhere(tmp_path: Path) -> None:
    done = _build(ROOT, "sdist", tmp_path)
    assert done.returncode == 0, done.stderr
    shutil.unpack_archive(next(tmp_path.glob("*.tar.gz")), tmp_path / "source")
    (source,) = (tmp_path / "source").iterdir()
    done = _build(source, "wheel", tmp_path)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    package, elsewhere = tmp_path / "package", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(package)
    assert not list(package.glob("scoc/**/tests"))
    assert str(package) in _run(elsewhere, package, "-c", "import scoc; print(scoc.__file__)")
    _run(elsewhere, package, "-m", "scoc", "migrate", "--verbosity", "0")
    _run(elsewhere, package, "-m", "scoc", "city", "check", "binhai")
    page = (
        "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'scoc.site.settings'; django.setup(); "
        "from django.test import Client; print(Client().get('/cockpit', headers={'host': 'localhost'}).status_code)"
    )
    assert _run(elsewhere, package, "-c", page).strip() == "200"
