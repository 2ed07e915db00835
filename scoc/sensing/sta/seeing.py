"""What of each entity set a viewer may see: by the organisation and area of its thing, and in the viewer's run."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from scoc.core.access import allowed
from scoc.core.acting import Viewer
from scoc.core.now import current_run
from scoc.core.refusals import NotFound, Refusal
from scoc.kit.text import Text
from scoc.sensing.models import Datastream
from scoc.sensing.sta.entities import EntitySet, target_of
from scoc.sensing.sta.sql import Sql, both, ids_of, sql, value, word
from scoc.sensing.sta.translating import Sight

SEE = "sensing.read_observations"
_OWN = frozenset({"Things", "Locations", "FeaturesOfInterest"})
_STREAMS = frozenset({"Datastreams", "MultiDatastreams"})
_COMMON = frozenset({"Sensors", "ObservedProperties"})
"""Instruments and properties belong to nobody."""
SHARED = _COMMON | {"Locations", "FeaturesOfInterest"}
"""At these may hang what belongs to others."""


def sight_of(viewer: Viewer, permission: str = SEE) -> Sight:
    """The viewer's sight under a permission. Raises NotAllowed without it."""
    return _sight(_owned(viewer, permission), viewer.run_id or current_run())


def whole_city() -> Sight:
    """All of the current run."""
    return _sight(None, current_run())


def _sight(owned: list[tuple[str, str]] | None, run: int) -> Sight:
    several = Datastream.objects.exclude(run_id=run).exists()

    def streams(alias: str) -> Sql | None:
        in_run = sql(f"{alias}.run_id = {{0}}", value(run, "whole")) if several else None
        return both(in_run, _of_things(f"{alias}.thing_id", owned))

    def sight(entity: EntitySet, alias: str) -> Sql | None:
        if entity.name in _COMMON:
            return None
        if entity.name in _OWN:
            return None if owned is None else _placed(owned, alias)
        if entity.name in _STREAMS:
            return streams(alias)
        if entity.name == "HistoricalLocations":
            return _of_things(f"{alias}.thing_id", owned)
        inside = streams("s")
        return None if inside is None else sql(
            "EXISTS (SELECT 1 FROM sensing_datastream s WHERE s.id = {0}.datastream_id AND {1})", word(alias), inside
        )  # fmt: skip

    return sight


def _owned(viewer: Viewer, permission: str) -> list[tuple[str, str]] | None:
    """Column → beginning of the path that an organisation or area must have; None is the whole city."""
    found = allowed(viewer, permission)
    if found.city:
        return None
    scopes = []
    if "area_below" in found.scopes and viewer.area_path:
        scopes.append(("area", viewer.area_path))
    if {"unit", "unit_below"} & found.scopes and viewer.organisation_path:
        scopes.append(("organisation", viewer.organisation_path))
    return scopes


def _placed(owned: list[tuple[str, str]], alias: str) -> Sql:
    if not owned:
        return Sql("(1 = 0)")
    parts = [
        sql(
            "{0}.{1}_id IN (SELECT o.id FROM core_{1} o WHERE substr(o.path, 1, length({2})) = {2})",
            word(alias), word(column), value(path, "text"),
        )
        for column, path in owned
    ]  # fmt: skip
    return Sql(" OR ".join(part.text for part in parts), tuple(one for part in parts for one in part.values))


def _of_things(column: str, owned: list[tuple[str, str]] | None) -> Sql | None:
    if owned is None:
        return None
    return sql("{0} IN (SELECT h.id FROM sensing_thing h WHERE {1})", word(column), _placed(owned, "h"))


def need(sight: Sight, entity: EntitySet, ids: Sequence[int]) -> None:
    """Raises NotFound for the first of these that is not there, or not to be seen."""
    condition = both(
        sql("t.id IN (SELECT p.v FROM {0})", ids_of(list(ids))),
        Sql(entity.condition.format(t="t")) if entity.condition else None,
        sight(entity, "t"),
    )
    assert condition is not None
    found = sql("SELECT t.id FROM {0} t WHERE {1}", word(entity.table), condition)
    with connection.cursor() as cursor:
        cursor.execute(found.text, list(found.values))
        there = {row[0] for row in cursor.fetchall()}
    for number in ids:
        if number not in there:
            raise NotFound(
                "no_such_entity",
                Text(f"没有该 {entity.single}（{number}）。", f"There is no such {entity.single} ({number})."),
                subject=f"sensing:{entity.single}-{number}",
            )  # fmt: skip


def refuse_shared(sight: Sight, entity: EntitySet, number: int) -> None:
    """Raises Refusal where something hangs at an entity that is not to be seen: it would change or go with it."""
    for relation in entity.relations.values():
        target = target_of(relation)
        seen = sight(target, "t")
        if seen is None:
            continue
        near, tie = f"t.{relation.target_column}", Sql("")
        if relation.link is not None:
            table, source, other = relation.link
            near, tie = f"l.{source}", Sql(f"JOIN {table} l ON l.{other} = t.id")
        found = sql(
            "SELECT 1 FROM {0} t {1} WHERE {2} = {3} AND ({4}) IS NOT TRUE LIMIT 1",
            word(target.table), tie, word(near), value(number, "whole"), seen,
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(found.text, list(found.values))
            if cursor.fetchone() is not None:
                raise Refusal(
                    "of_others_too",
                    Text("其他单位也在使用该实体，只有可管理全部使用者的岗位才能修改或删除。",
                         "Others use it too: only who may write to all that hangs at it may change or remove it."),
                    subject=f"sensing:{entity.single}-{number}",
                )  # fmt: skip
