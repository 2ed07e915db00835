"""Indicators in the search."""

from __future__ import annotations

from scoc.command.indicators.models import Indicator
from scoc.command.indicators.tests.factories import make_indicator
from scoc.core.finding import search
from scoc.core.tests.factories import City, make_actor


def test_an_indicator_is_found_by_name_and_code(city: City) -> None:
    make_indicator()
    row = Indicator.objects.get()
    reader = make_actor("indicators.read_values")
    for text in (row.code, row.name.zh, row.name.en.upper()):
        found = [hit.path for group in search(reader, text, kind="indicator") for hit in group.hits]
        assert found == [f"/indicators/{row.code}"], text
    assert search(make_actor(), row.code) == []
