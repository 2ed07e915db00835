"""Observations that are changed or removed while others come in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from scoc.core.tests.factories import City, make_actor
from scoc.sensing.models import Datastream, Latest, Observation, Rollup
from scoc.sensing.tests.sta_parts import BUOY, post, send


@pytest.mark.only_on("postgresql", reason="SQLite lets one write at a time")
def test_no_reading_comes_in_between_a_change_and_its_count(committed: City) -> None:
    keeper = make_actor("sensing.*")
    thing = post(keeper, "Things", BUOY)
    line = Datastream.objects.get(thing=thing)
    newest = Latest.objects.get(datastream=line).observation_id
    block = [{"Datastream": {"@iot.id": line.pk}, "components": ["result", "phenomenonTime"],
              "dataArray": [[1, "2026-06-14T03:00:00Z"]]}]  # fmt: skip

    def beside(work: Any) -> Any:
        def done() -> Any:
            try:
                return work()
            finally:
                connection.close()

        return pool.submit(done)

    with ThreadPoolExecutor(2) as pool:
        for _ in range(10):
            changes = [
                beside(lambda: send(keeper, "PATCH", f"Observations({newest})", {"result": 3})),
                beside(lambda: send(keeper, "POST", "CreateObservations", block)),
            ]
            assert [one.result().status for one in changes] == [200, 201]
            last = Latest.objects.get(datastream=line)
            assert last.at == Observation.objects.filter(datastream=line).latest("at").at
            sums = Rollup.objects.filter(datastream=line, grain=Rollup.Grain.DAY)
            assert sum(row.n for row in sums) == Observation.objects.filter(datastream=line).count()
        ends = [
            beside(lambda: send(keeper, "POST", "CreateObservations", block)),
            beside(lambda: send(keeper, "DELETE", f"Datastreams({line.pk})")),
        ]
        assert ends[1].result().status == 200
        ends[0].exception()  # stored before it, or refused
    assert not any(kind.objects.filter(datastream=line.pk).exists() for kind in (Observation, Rollup, Latest))
