"""What every test stands on: a small made-up city in the test database, and clocks that tests set."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from scoc.core import now
from scoc.core.remembered import forget_all
from scoc.core.tests.factories import City, make_city

MONDAY_MORNING = datetime(2026, 6, 15, 1, 0, tzinfo=UTC)
"""Monday 2026-06-15 09:00 in the city: within office hours of a plain working week."""


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    forget_all()
    yield
    forget_all()


@pytest.fixture
def city(db: None) -> City:
    """The made-up test city: two districts, some organisations, a calendar and a run in normal operation."""
    return make_city()


@pytest.fixture
def monday(city: City) -> Iterator[datetime]:
    """The city's clock stands at Monday 2026-06-15 09:00 local time."""
    with now.city_time(MONDAY_MORNING):
        yield MONDAY_MORNING
