"""Observations that are changed or removed while others come in."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection

from scoc.core.acting import Actor
from scoc.core.tests.factories import City, make_actor
from scoc.sensing.models import Datastream, Latest, Observation, Rollup
from scoc.sensing.tests.sta_parts import BUOY, post, send

pytestmark = pytest.mark.only_on("postgresql", reason="SQLite lets one write at a time")


@pytest.fixture
def keeper(committed: City) -> Actor:
    """Who may do everything with sensing."""
    return make_actor("sensing.*")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Another thread."""
    with ThreadPoolExecutor(1) as there:
        yield there


def come_in(pool: ThreadPoolExecutor, keeper: Actor, line: Datastream) -> Future[Any]:
    """Have the other thread store the newest observation; go on once it is stored, or waits for this one."""
    block = [{"Datastream": {"@iot.id": line.pk}, "components": ["result", "phenomenonTime"],
              "dataArray": [[1, "2026-06-14T03:00:00Z"]]}]  # fmt: skip

    def store() -> Any:
        try:
            return send(keeper, "POST", "CreateObservations", block)
        finally:
            connection.close()

    coming = pool.submit(store)
    with suppress(TimeoutError):
        coming.result(0.5)
    return coming


def test_no_reading_comes_in_between_a_change_and_its_count(
    keeper: Actor, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Datastream.objects.get(thing=post(keeper, "Things", BUOY))
    write, coming = Latest.objects.update_or_create, list[Future[Any]]()

    def after_another(**what: Any) -> Any:
        coming.append(come_in(pool, keeper, line))
        return write(**what)

    monkeypatch.setattr(Latest.objects, "update_or_create", after_another)
    newest = Latest.objects.get(datastream=line).observation_id
    send(keeper, "PATCH", f"Observations({newest})", {"result": 3})
    assert coming[0].result().status == 201
    assert Latest.objects.get(datastream=line).at == Observation.objects.filter(datastream=line).latest("at").at
    assert Rollup.objects.get(datastream=line, grain=Rollup.Grain.DAY).n == 3


def test_nothing_is_stored_into_a_datastream_that_goes(
    keeper: Actor, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Datastream.objects.get(thing=post(keeper, "Things", BUOY))
    coming, found = list[Future[Any]](), Rollup.objects.filter

    def after_another(**what: Any) -> Any:
        coming.append(come_in(pool, keeper, line))
        return found(**what)

    monkeypatch.setattr(Rollup.objects, "filter", after_another)
    send(keeper, "DELETE", f"Datastreams({line.pk})")
    monkeypatch.undo()
    assert coming[0].exception() is not None
    assert not any(kind.objects.filter(datastream=line.pk).exists() for kind in (Observation, Rollup, Latest))
