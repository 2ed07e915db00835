"""The entity sets of SensorThings (18-088 section 8): their properties, their columns, how they hang together.

A column stands as SQL over `{t}`, the alias of its table. Words in it are ours, never of a request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """What a value is, for comparisons and for JSON."""

    ID = "id"
    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    """Microseconds since 1970 UTC."""
    INTERVAL = "interval"
    """A beginning and an end, equal or the end empty where it is an instant."""
    JSON = "json"
    """Any JSON; what it is shows when it is read."""
    SHAPE = "shape"
    """GeoJSON, with a bounding box beside it."""
    RESULT = "result"
    """A number in its own column, else any JSON."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property of an entity."""

    name: str
    kind: Kind
    columns: tuple[str, ...]
    """SQL of its parts: of an interval beginning and end, of a result number and JSON, of a shape the GeoJSON."""
    required: bool = False
    """Whether whoever makes the entity must give it."""
    box: tuple[str, str, str, str] | None = None
    """Of a shape: west, south, east, north."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A way from one entity to others."""

    name: str
    target: str
    many: bool
    source_column: str = "id"
    target_column: str = "id"
    link: tuple[str, str, str] | None = None
    """Of many to many: table, its column for the source, its column for the target."""
    back: str = ""
    """The relation of the target that leads back here."""
    required: bool = False
    """Whether whoever makes the source must say which."""


@dataclass(frozen=True, slots=True)
class EntitySet:
    """One kind of entity with its table."""

    name: str
    single: str
    table: str
    properties: dict[str, Property]
    relations: dict[str, Relation]
    condition: str = ""
    """What rows of the table belong to it, where not all do."""
    keys: tuple[str, ...] = field(default=("id",))
    """Columns that relations start from: they are read beside the properties."""

    @property
    def needed(self) -> list[str]:
        """The relations without which there is none."""
        return [one.name for one in self.relations.values() if one.required]


def _text(name: str, column: str | None = None, *, required: bool = False) -> Property:
    return Property(name, Kind.TEXT, (f"{{t}}.{column or name}",), required)


def _json(name: str, column: str | None = None, *, required: bool = False) -> Property:
    return Property(name, Kind.JSON, (f"{{t}}.{column or name}",), required)


def _shape(name: str, column: str | None = None, *, required: bool = False) -> Property:
    sides = ("{t}.west", "{t}.south", "{t}.east", "{t}.north")
    return Property(name, Kind.SHAPE, (f"{{t}}.{column or name}",), required, sides)


def _made(
    name: str, single: str, table: str, properties: tuple[Property, ...], relations: tuple[Relation, ...],
    condition: str = "",
) -> EntitySet:  # fmt: skip
    keys = tuple(dict.fromkeys(("id", *(one.source_column for one in relations))))
    return EntitySet(
        name, single, table, {one.name: one for one in properties}, {one.name: one for one in relations}, condition,
        keys,
    )  # fmt: skip


_NAMED = (_text("name", required=True), _text("description", required=True))
_LOCATED = ("sensing_thing_location", "thing_id", "location_id")


def _one(name: str, target: str, *, source_column: str, back: str, required: bool = False) -> Relation:
    return Relation(name, target, many=False, source_column=source_column, back=back, required=required)


def _many(
    name: str, target: str, *, back: str, target_column: str = "id", link: tuple[str, str, str] | None = None,
    required: bool = False,
) -> Relation:  # fmt: skip
    return Relation(name, target, many=True, target_column=target_column, link=link, back=back, required=required)


_LATEST = "(SELECT sensing_latest.{} FROM sensing_latest WHERE sensing_latest.datastream_id = {{t}}.id)"
_STREAM_NAMED = (_text("name", "title", required=True), _text("description", required=True))
_OBSERVED = (
    Property("phenomenonTime", Kind.INTERVAL, (_LATEST.format("first_at"), _LATEST.format("at"))),
    Property("resultTime", Kind.INTERVAL, ("{t}.result_from", "{t}.result_until")),
)
_STREAM_LINK = ("sensing_datastream_property", "datastream_id", "observedproperty_id")

_SETS = (
    _made("Things", "Thing", "sensing_thing", (*_NAMED, _json("properties")), (
        _many("Locations", "Locations", link=_LOCATED, back="Things"),
        _many("HistoricalLocations", "HistoricalLocations", target_column="thing_id", back="Thing"),
        _many("Datastreams", "Datastreams", target_column="thing_id", back="Thing"),
        _many("MultiDatastreams", "MultiDatastreams", target_column="thing_id", back="Thing"),
    )),
    _made("Locations", "Location", "sensing_location", (
        *_NAMED, _text("encodingType", "encoding_type", required=True), _shape("location", required=True),
        _json("properties"),
    ), (
        _many("Things", "Things", link=(_LOCATED[0], _LOCATED[2], _LOCATED[1]), back="Locations"),
        _many("HistoricalLocations", "HistoricalLocations", back="Locations",
                 link=("sensing_historical_place", "location_id", "historicallocation_id")),
    )),
    _made("HistoricalLocations", "HistoricalLocation", "sensing_historical_location", (
        Property("time", Kind.TIME, ("{t}.at",), required=True),
    ), (
        _one("Thing", "Things", source_column="thing_id", back="HistoricalLocations", required=True),
        _many("Locations", "Locations", back="HistoricalLocations", required=True,
                 link=("sensing_historical_place", "historicallocation_id", "location_id")),
    )),
    _made("Datastreams", "Datastream", "sensing_datastream", (
        *_STREAM_NAMED, _text("observationType", "observation_type", required=True),
        _json("unitOfMeasurement", "unit_of_measurement", required=True),
        _shape("observedArea", "observed_area"), *_OBSERVED, _json("properties"),
    ), (
        _one("Thing", "Things", source_column="thing_id", back="Datastreams", required=True),
        _one("Sensor", "Sensors", source_column="sensor_id", back="Datastreams", required=True),
        _one("ObservedProperty", "ObservedProperties", source_column="observed_property_id", back="Datastreams",
             required=True),
        _many("Observations", "Observations", target_column="datastream_id", back="Datastream"),
    ), "NOT {t}.multi"),
    _made("MultiDatastreams", "MultiDatastream", "sensing_datastream", (
        *_STREAM_NAMED, _text("observationType", "observation_type"),
        _json("multiObservationDataTypes", "multi_types", required=True),
        _json("unitOfMeasurements", "unit_of_measurement", required=True),
        _shape("observedArea", "observed_area"), *_OBSERVED, _json("properties"),
    ), (
        _one("Thing", "Things", source_column="thing_id", back="MultiDatastreams", required=True),
        _one("Sensor", "Sensors", source_column="sensor_id", back="MultiDatastreams", required=True),
        _many("ObservedProperties", "ObservedProperties", link=_STREAM_LINK, back="MultiDatastreams",
              required=True),
        _many("Observations", "Observations", target_column="datastream_id", back="MultiDatastream"),
    ), "{t}.multi"),
    _made("Sensors", "Sensor", "sensing_sensor", (
        *_NAMED, _text("encodingType", "encoding_type", required=True), _json("metadata", required=True),
        _json("properties"),
    ), (
        _many("Datastreams", "Datastreams", target_column="sensor_id", back="Sensor"),
        _many("MultiDatastreams", "MultiDatastreams", target_column="sensor_id", back="Sensor"),
    )),
    _made("ObservedProperties", "ObservedProperty", "sensing_observed_property", (
        _NAMED[0], _text("definition", required=True), _NAMED[1], _json("properties"),
    ), (
        _many("Datastreams", "Datastreams", target_column="observed_property_id", back="ObservedProperty"),
        _many("MultiDatastreams", "MultiDatastreams", back="ObservedProperties",
                 link=(_STREAM_LINK[0], _STREAM_LINK[2], _STREAM_LINK[1])),
    )),
    _made("Observations", "Observation", "sensing_observation", (
        Property("phenomenonTime", Kind.INTERVAL, ("{t}.at", "{t}.until")),
        Property("result", Kind.RESULT, ("{t}.result", "{t}.other"), required=True),
        Property("resultTime", Kind.TIME, ("{t}.result_at",)),
        _json("resultQuality", "quality"),
        Property("validTime", Kind.INTERVAL, ("{t}.valid_from", "{t}.valid_until")),
        _json("parameters"),
    ), (
        _one("Datastream", "Datastreams", source_column="datastream_id", back="Observations"),
        _one("MultiDatastream", "MultiDatastreams", source_column="datastream_id", back="Observations"),
        _one("FeatureOfInterest", "FeaturesOfInterest", source_column="feature_id", back="Observations"),
    )),
    _made("FeaturesOfInterest", "FeatureOfInterest", "sensing_feature", (
        *_NAMED, _text("encodingType", "encoding_type", required=True), _shape("feature", required=True),
        _json("properties"),
    ), (
        _many("Observations", "Observations", target_column="feature_id", back="FeatureOfInterest"),
    )),
)  # fmt: skip
SETS = {one.name: one for one in _SETS}
"""The entity sets by the names that stand in addresses."""


def target_of(relation: Relation) -> EntitySet:
    """Where a relation leads."""
    return SETS[relation.target]
