"""Forms of fields that the rows of packs share."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import Field

ZH = Field(min_length=1, max_length=120)
EN = Field(min_length=1, max_length=160)
ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)
"""First versions of definitions hold from here: before any history that a city may load."""
ALWAYS_DAY = ALWAYS.date()
CODE = Field(min_length=1, max_length=60, pattern=r"^[\w./@+\-]+$")


def from_csv(value: object) -> object:
    """A list as a cell of a CSV file holds it: `one;two`."""
    return [part.strip() for part in value.split(";") if part.strip()] if isinstance(value, str) else value
