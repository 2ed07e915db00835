"""Rows as the JSON of SensorThings: control information, times, what is absent left out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from scoc.core.fields import EPOCH
from scoc.sensing.sta.entities import EntitySet, Kind, Property

_SHOWN_EMPTY = frozenset({"result", "resultTime"})
"""18-088 table 11 wants them always: null where nobody said when, or where null is the result."""
_OPEN = frozenset({"Datastreams", "MultiDatastreams"})
"""Their times are intervals also where they begin and end at once."""


def time_text(micros: int) -> str:
    """A time as ISO 8601 in UTC, with as many digits of a second as it has."""
    moment = EPOCH + timedelta(microseconds=micros)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S") if moment.year >= 1000 else moment.isoformat()[:19]
    rest = micros % 1_000_000
    if rest:
        text += f".{rest:06d}".rstrip("0") if rest % 1000 else f".{rest // 1000:03d}"
    return text + "Z"


def _raw(text: Any) -> Any:
    """JSON as it is stored, put into the answer unread."""
    return msgspec.Raw(text.encode()) if isinstance(text, str) else text


def number(found: float) -> float | int:
    """A number without a fraction is written without one."""
    return int(found) if found.is_integer() and abs(found) < 2**53 else found


def shown(property_: Property, parts: list[Any], entity: EntitySet) -> Any:
    """The value of a property by its columns; None where it is absent."""
    first = parts[0]
    match property_.kind:
        case Kind.INTERVAL:
            if first is None:
                return None
            end = parts[1]
            return time_text(first) if end is None else f"{time_text(first)}/{time_text(end)}"
        case Kind.RESULT:
            return _raw(parts[1]) if first is None else number(first)
        case Kind.TIME:
            return None if first is None else time_text(first)
        case Kind.JSON | Kind.SHAPE:
            return None if first is None else _raw(first)
        case _:
            return first


def entity_json(
    entity: EntitySet, properties: list[Property], row: tuple[Any, ...], *, root: str, select: list[str] | None,
) -> dict[str, Any]:  # fmt: skip
    """One row, whose first column is its id and whose others are those of `properties` in their order."""
    number_ = row[0]
    own = f"{root}/{entity.name}({number_})"
    made: dict[str, Any] = {}
    if select is None or "id" in select:
        made["@iot.id"] = number_
        made["@iot.selfLink"] = own
    elif "selfLink" in select:
        made["@iot.selfLink"] = own
    place = 1
    for property_ in properties:
        width = len(property_.columns)
        found = shown(property_, list(row[place : place + width]), entity)
        place += width
        if found is not None or property_.name in _SHOWN_EMPTY:
            made[property_.name] = found
    for relation in entity.relations.values():
        if select is None or relation.name in select:
            made[f"{relation.name}@iot.navigationLink"] = f"{own}/{relation.name}"
    return made
