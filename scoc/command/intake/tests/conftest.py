"""What most tests of intake need: the categories, and people at the desk."""

from __future__ import annotations

from datetime import datetime

import pytest

from scoc.command.intake.tests.factories import make_categories
from scoc.core.acting import Actor
from scoc.core.tests.factories import make_actor


@pytest.fixture
def acceptor(monday: datetime) -> Actor:
    """An acceptor who may do everything at the desk."""
    make_categories()
    return make_actor("intake.*", role="acceptor")
