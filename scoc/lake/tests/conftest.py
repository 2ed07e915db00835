"""Every test of the lake has a lake of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scoc.core.access import system_actor
from scoc.core.acting import Actor
from scoc.core.tests.factories import City


@pytest.fixture
def root(tmp_path: Path, settings: Any) -> Path:
    """The folder of the lake."""
    settings.SCOC_LAKE = (str(tmp_path / "lake"), {})
    return tmp_path / "lake"


@pytest.fixture
def sensing(city: City, root: Path) -> Actor:
    """Who keeps tables in the lake."""
    return system_actor("sensing")
