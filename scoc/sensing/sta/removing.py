"""Entities removed, with what cannot be without them (18-088 table 25)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

from scoc.core.now import wall_now
from scoc.sensing.ingest import accounting
from scoc.sensing.ingest.directory import forget_directory
from scoc.sensing.ingest.rebuilding import hold, recount
from scoc.sensing.models import (
    Datastream,
    Device,
    Feature,
    HistoricalLocation,
    Latest,
    Location,
    Observation,
    ObservedProperty,
    Rollup,
    Sensor,
    Thing,
)
from scoc.sensing.sta import placing


def _observations(rows: QuerySet[Observation]) -> None:
    """Remove observations; roll-ups and newest readings are as if they had never been."""
    hold(set(rows.values_list("datastream_id", flat=True)))
    accounting.withdraw(rows)
    touched: dict[int, list[Any]] = {}
    for datastream_id, at in rows.values_list("datastream_id", "at"):
        touched.setdefault(datastream_id, []).append(at)
    rows.delete()
    for datastream_id, times in touched.items():
        recount(Datastream.objects.get(pk=datastream_id), times)


def _streams(rows: QuerySet[Datastream]) -> None:
    """Remove datastreams with all that they hold; one of the city pack is refused."""
    hold(rows.values_list("pk", flat=True))
    found = list(rows.select_for_update(of=("self",)).select_related("thing__device").order_by("pk"))
    for row in found:
        if row.thing is not None:
            placing.refuse_listed(row.thing)
    ids = [row.pk for row in found]
    accounting.withdraw(Observation.objects.filter(datastream__in=ids))
    Observation.objects.filter(datastream__in=ids).delete()
    Latest.objects.filter(datastream__in=ids).delete()
    Rollup.objects.filter(datastream__in=ids).delete()
    Datastream.objects.filter(pk__in=ids).delete()
    Device.objects.filter(pk__in={row.device_id for row in found}).update(changed=wall_now())
    forget_directory()


def _thing(row: Thing) -> None:
    _streams(Datastream.objects.filter(thing=row))
    row.delete()
    if row.device is not None:
        Device.objects.filter(pk=row.device.pk).update(state=Device.State.RETIRED, changed=wall_now())
        forget_directory()


def _location(row: Location) -> None:
    """What happened at it happened at no known place; a history that knew no other place is gone."""
    histories = list(HistoricalLocation.objects.filter(locations=row).values_list("id", flat=True))
    things = list(Thing.objects.filter(locations=row).values_list("id", flat=True))
    row.delete()
    for thing_id in things:
        placing.stand_anew(thing_id)
    HistoricalLocation.objects.filter(pk__in=histories, locations=None).delete()


def _feature(row: Feature) -> None:
    _observations(Observation.objects.filter(feature_id=row.pk))
    row.delete()
    if row.location is not None:  # further observations there are not about it
        Device.objects.filter(thing__locations=row.location).update(changed=wall_now())
        forget_directory()


def _sensor(row: Sensor) -> None:
    _streams(Datastream.objects.filter(sensor=row))
    row.delete()


def _property(row: ObservedProperty) -> None:
    _streams(Datastream.objects.filter(observed_property=row))
    _streams(Datastream.objects.filter(observed_properties=row))
    row.delete()


REMOVED: dict[str, Callable[[Any], None]] = {
    "Things": _thing, "Locations": _location, "HistoricalLocations": lambda row: row.delete(),
    "Datastreams": lambda row: _streams(Datastream.objects.filter(pk=row.pk)),
    "MultiDatastreams": lambda row: _streams(Datastream.objects.filter(pk=row.pk)),
    "Sensors": _sensor, "ObservedProperties": _property, "FeaturesOfInterest": _feature,
    "Observations": lambda row: _observations(Observation.objects.filter(pk=row.pk)),
}  # fmt: skip
"""How one of each entity set is removed, by its row."""
