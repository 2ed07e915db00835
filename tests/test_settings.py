"""Settings that the environment gives, as the site reads them."""

from __future__ import annotations

import pytest

from scoc.core.environment import BadEnvironment
from scoc.site.settings import _database


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql://host", "sqlite:///x", "nonsense"])
def test_only_postgresql_can_be_named(url: str) -> None:
    with pytest.raises(BadEnvironment, match="SCOC_DATABASE_URL"):
        _database(url)
