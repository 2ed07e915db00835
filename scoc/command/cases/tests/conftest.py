"""The cast of the tests of cases."""

from __future__ import annotations

from datetime import datetime

import pytest

from scoc.command.cases.tests.factories import Cast, make_cast
from scoc.core.tests.factories import City


@pytest.fixture
def cast(city: City, monday: datetime) -> Cast:
    """The cast on Monday 2026-06-15 09:00."""
    return make_cast(city)
