"""What somebody wrote about entities, checked and in columns: nothing here touches the database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import shapely

from scoc.core.fields import to_micros
from scoc.core.refusals import Invalid, invalid
from scoc.sensing.models.things import GEOJSON
from scoc.sensing.sta.entities import EntitySet, Kind, Property, Relation, target_of

Json = dict[str, Any]
MOST_NAME = 300
MOST_TEXT = 20_000
MOST_NESTED = 5
MOST_ENTITIES = 1_000
"""Entities that one body may make or refer to."""
GEOJSONS = frozenset({GEOJSON, "application/vnd.geo+json"})
COUNTED = frozenset({"phenomenonTime", "resultTime"})
"""Of datastreams these follow from the observations: what is written of them is not looked at."""
_SHORT = {"name": MOST_NAME, "encodingType": 120, "observationType": 120, "definition": 500}


@dataclass(slots=True)
class Draft:
    """One entity as it was written: its columns, and what it hangs together with."""

    entity: EntitySet
    place: str
    """Where it stands in the body, for errors: empty for the body itself."""
    columns: Json = field(default_factory=dict)
    one: dict[str, int | Draft] = field(default_factory=dict)
    many: dict[str, list[int | Draft]] = field(default_factory=dict)

    def of(self, name: str) -> str:
        """The place of one of its fields."""
        return f"{self.place}.{name}" if self.place else name


def _wrong(where: str, message: str, remedy: str, zh: str) -> Invalid:
    return invalid(where, message, remedy, zh=zh)


def drafted(
    entity: EntitySet, body: Any, *, whole: bool = True, given: frozenset[str] = frozenset(), own: int | None = None
) -> Draft:
    """A body as a draft. `whole` asks for all that is required, but for the relations `given` by the path.

    `own` is the id of the entity that is there already. Raises Invalid with the field and the remedy.
    """
    if isinstance(body, dict) and own is not None and body.get("@iot.id") == own:
        body = {name: content for name, content in body.items() if name != "@iot.id"}
    return _Drafting(whole=whole).draft(entity, body, "", given, 0)


class _Drafting:
    def __init__(self, *, whole: bool) -> None:
        self._whole = whole
        self._number = 0

    def _count(self, place: str, level: int = 0) -> None:
        """Count one entity, be it made or referred to."""
        self._number += 1
        if level > MOST_NESTED or self._number > MOST_ENTITIES:
            raise _wrong(place, f"More than {MOST_NESTED} levels or {MOST_ENTITIES} entities stand in one body.",
                         "Write them one after the other.", "请求体中的实体过多或层数过深。")  # fmt: skip

    def draft(self, entity: EntitySet, body: Any, place: str, given: frozenset[str], level: int) -> Draft:
        """One object of the body."""
        self._count(place, level)
        made = Draft(entity, place)
        if not isinstance(body, dict):
            raise _wrong(place or "body", f"A {entity.single} is a JSON object.", "Send an object with its properties.",
                         f"{entity.single} 须为 JSON 对象。")  # fmt: skip
        for name, content in body.items():
            if name in entity.properties:
                if not (entity.name.endswith("Datastreams") and name in COUNTED):
                    made.columns |= columns_of(entity.properties[name], content, made.of(name))
            elif name in entity.relations:
                self._related(made, entity.relations[name], content, level)
            elif name == "@iot.id" and content is not None:
                raise _wrong(
                    made.of(name), "Ids are given by the service.", "Leave it out.", "标识由系统分配，请勿填写。"
                )
            elif not _of_control(name):
                known = ", ".join([*entity.properties, *entity.relations])
                raise _wrong(made.of(name[:60]), f"{entity.single} has no such property.", f"Use some of {known}.",
                             f"{entity.single} 没有该属性。")  # fmt: skip
        _box(made, body)
        if self._whole or level:
            self._complete(made, body, given)
        return made

    def _related(self, made: Draft, relation: Relation, content: Any, level: int) -> None:
        where = made.of(relation.name)
        if relation.many:
            if not isinstance(content, list):
                raise _wrong(where, "It is a list.", "Send a list of objects.", "须为列表。")
            made.many[relation.name] = [
                self._one(relation, item, f"{where}[{n}]", level) for n, item in enumerate(content)
            ]
        else:
            made.one[relation.name] = self._one(relation, content, where, level)

    def _one(self, relation: Relation, content: Any, where: str, level: int) -> int | Draft:
        if isinstance(content, dict) and content.get("@iot.id") is not None:  # whatever else it says, it is there
            self._count(where)
            return reference(content["@iot.id"], f"{where}.@iot.id")
        return self.draft(target_of(relation), content, where, frozenset({relation.back}), level + 1)

    def _complete(self, made: Draft, body: Json, given: frozenset[str]) -> None:
        lacking = [
            name for name, one in made.entity.properties.items() if one.required and body.get(name) is None
            and not (name == "result" and name in body)
        ]  # fmt: skip
        lacking += [
            name for name in made.entity.needed
            if name not in given and name not in made.one and not made.many.get(name)
        ]  # fmt: skip
        if made.entity.name == "Observations":
            lacking = [name for name in lacking if name != "Datastream"]
            owners = {"Datastream", "MultiDatastream"} & {*made.one, *given}
            lacking += [] if owners else ["Datastream"]
        if lacking:
            raise _wrong(made.of(lacking[0]), "It is required.", f"Give {', '.join(lacking)}.",
                         f"必填：{'、'.join(lacking)}。")  # fmt: skip


def _of_control(name: str) -> bool:
    """What answers carry beside properties and comes back from clients: looked over."""
    return "@iot." in name


def reference(content: Any, where: str) -> int:
    """The id of an entity that a body refers to."""
    if isinstance(content, bool) or not isinstance(content, int) or not 0 < content < 2**63:
        raise _wrong(where, "It is no id.", "Give the whole number of @iot.id.", "标识须为正整数。")
    return content


def columns_of(property_: Property, content: Any, where: str) -> Json:
    """One property as it is stored. Raises Invalid."""
    names = [column.removeprefix("{t}.") for column in property_.columns]
    if content is None and property_.kind is not Kind.RESULT:
        if property_.required:
            raise _wrong(where, "It cannot be empty.", "Give a value or leave it as it is.", "不能为空。")
        return dict.fromkeys(names)
    match property_.kind:
        case Kind.TEXT:
            return {names[0]: _text(content, where, _SHORT.get(property_.name, MOST_TEXT))}
        case Kind.TIME:
            return {names[0]: instant(content, where)}
        case Kind.INTERVAL:
            return dict(zip(names, interval(content, where), strict=True))
        case Kind.SHAPE:
            if not isinstance(content, dict | list | str):
                raise _wrong(where, "It is no place.", "Give GeoJSON.", "不是位置。")
            return {names[0]: json.dumps(content, ensure_ascii=False)}
        case Kind.RESULT:
            return result_of(content)
        case _:
            return {names[0]: _json(property_, content, where)}


def _text(content: Any, where: str, most: int) -> str:
    if not isinstance(content, str) or not content or len(content) > most or "\x00" in content:
        raise _wrong(
            where, f"It is a text of 1 to {most} characters.", "Give such a text.", f"须为 1 至 {most} 字的文本。"
        )
    return content


def _json(property_: Property, content: Any, where: str) -> Any:
    if property_.name in ("properties", "unitOfMeasurement", "parameters") and not isinstance(content, dict):
        raise _wrong(where, "It is a JSON object.", "Give an object.", "须为 JSON 对象。")
    if property_.name in ("unitOfMeasurements", "multiObservationDataTypes") and not isinstance(content, list):
        raise _wrong(where, "It is a list.", "Give one for each observed property.", "须为列表。")
    for unit in {"unitOfMeasurement": [content], "unitOfMeasurements": content}.get(property_.name, []):
        if not isinstance(unit, dict) or not {"name", "symbol", "definition"} <= unit.keys():
            raise _wrong(where, "A unit has name, symbol and definition.", "Give all three; null where there is none.",
                         "计量单位须有 name、symbol、definition。")  # fmt: skip
    return content


def result_of(content: Any) -> Json:
    """A result: a number that is exact as one goes into its own column, everything else is kept as JSON."""
    if isinstance(content, int | float) and not isinstance(content, bool) and _exact(content):
        return {"result": float(content), "other": None}
    return {"result": None, "other": content}


def _exact(content: float) -> bool:
    try:
        return float(content) == content
    except OverflowError:
        return False


def instant(content: Any, where: str) -> int:
    """A time with its zone, in microseconds."""
    try:
        found = datetime.fromisoformat(content) if isinstance(content, str) and len(content) <= 40 else None
        if found is not None and found.tzinfo is not None:
            return to_micros(found.astimezone(UTC))  # whose year may lie outside of all calendars
    except (ValueError, OverflowError):
        pass
    raise _wrong(where, "It is no time with a zone.", "Write 2026-06-15T09:00:00+08:00.",
                 "不是带时区的时间，例：2026-06-15T09:00:00+08:00。")  # fmt: skip


def interval(content: Any, where: str) -> tuple[int, int | None]:
    """A time, or two with a slash between them: beginning and end."""
    first, slash, second = content.partition("/") if isinstance(content, str) else ("", "", "")
    begin = instant(first, where)
    end = instant(second, where) if slash else None
    if end is not None and end < begin:
        raise _wrong(where, "It ends before it begins.", "Write beginning/end.", "结束早于开始。")
    return begin, end


def _shapes(made: Draft) -> Iterator[tuple[str, str]]:
    for name, one in made.entity.properties.items():
        column = one.columns[0].removeprefix("{t}.")
        if one.kind is Kind.SHAPE and column in made.columns:
            yield name, column


def _box(made: Draft, body: Json) -> None:
    """The box of a shape in GeoJSON; a shape in another encoding has none, and is found by no place."""
    for name, column in _shapes(made):
        encoding = made.columns.get("encoding_type", GEOJSON if "encodingType" not in made.entity.properties else None)
        sides: tuple[float, ...] | tuple[None, ...] = (None,) * 4
        if encoding in GEOJSONS and made.columns[column] is not None:
            geometry = body[name]
            if isinstance(geometry, dict) and geometry.get("type") == "Feature":
                geometry = geometry.get("geometry")
            made.columns[column] = json.dumps(geometry, ensure_ascii=False)
            sides = _bounds(geometry, made.of(name))
        made.columns |= dict(zip(("west", "south", "east", "north"), sides, strict=True))


def _bounds(geometry: Any, where: str) -> tuple[float, ...]:
    try:
        if not isinstance(geometry, dict) or geometry.get("type") == "FeatureCollection":
            raise ValueError("No geometry: one database would take it and the other not.")
        found = shapely.from_geojson(json.dumps(geometry))
    except (shapely.errors.ShapelyError, ValueError) as error:
        raise _wrong(where, "It is no GeoJSON geometry.", 'Write {"type": "Point", "coordinates": [lon, lat]}.',
                     "不是 GeoJSON 几何对象。") from error  # fmt: skip
    bounds = tuple(float(side) for side in found.bounds)
    if (
        found.is_empty
        or len(bounds) != 4
        or not (-180 <= bounds[0] <= bounds[2] <= 180 and -90 <= bounds[1] <= bounds[3] <= 90)
    ):
        raise _wrong(where, "It lies nowhere on Earth.", "Coordinates are [longitude, latitude] in WGS84.",
                     "坐标须为 WGS84 的 [经度, 纬度]。")  # fmt: skip
    return bounds
