"""What the tests of SensorThings asked and were answered, for the matrix that `scripts.sensorthings_matrix` writes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scoc.sensing.tests.sta_parts import EXCHANGES


@pytest.fixture(autouse=True)
def _recorded(request: pytest.FixtureRequest) -> Iterator[None]:
    EXCHANGES.clear()
    yield
    folder = os.environ.get("STA_RECORD")
    if folder and EXCHANGES:
        node = request.node.nodeid
        file = Path(folder) / f"{hashlib.sha256(node.encode()).hexdigest()}.json"
        file.write_text(json.dumps([node, EXCHANGES], ensure_ascii=False, default=str))
