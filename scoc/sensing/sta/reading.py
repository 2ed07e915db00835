"""Reading entities: one statement for what is asked, and one for each level that is expanded below it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import msgspec
from django.db import connection

from scoc.core.refusals import NotFound, invalid
from scoc.kit.text import Text
from scoc.sensing.sta import shapes
from scoc.sensing.sta.asking import Path, Query, Step, query_of, token_of
from scoc.sensing.sta.entities import EntitySet, Kind, Property, Relation, target_of
from scoc.sensing.sta.rendering import entity_json
from scoc.sensing.sta.sql import Sql, both, ids_of, on_postgres, sql, value, word
from scoc.sensing.sta.translating import Sight, Translator

COUNT_LIMIT = 100_000
"""So far entities are counted; of more the answer says that there are more."""
MOST_EXPANDED_ROWS = 200_000
"""Entities of one level that is expanded."""
Rows = list[tuple[Any, ...]]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reader:
    """Whoever asks: what they may see, and the address that links begin with."""

    sight: Sight
    root: str


@dataclass(slots=True)
class _Level:
    """One level of an answer: what is read of it, in which order, under which conditions."""

    entity: EntitySet
    query: Query
    properties: list[Property]
    columns: list[Sql]
    """The id, the columns of the properties, the keys of expanded to-one relations, the columns of the order."""
    keys: dict[str, int]
    """Where in a row the column stands that an expanded to-one relation starts from."""
    order: list[tuple[Sql, bool]]
    joins: list[Sql]
    condition: Sql | None

    def ordering(self) -> Sql:
        """ORDER BY: what is empty comes last, and first where the order is turned."""
        parts = []
        for column, falls in self.order:
            way = " DESC" if falls else ""
            parts.append(sql(f"({{0}}) IS NULL{way}, {{0}}{way}", column) if not _never_empty(column) else
                         sql(f"{{0}}{way}", column))  # fmt: skip
        return _listed(parts)


def _never_empty(column: Sql) -> bool:
    return column.text.endswith((".id", ".at"))


def _listed(parts: list[Sql], mark: str = ", ") -> Sql:
    return Sql(mark.join(part.text for part in parts), tuple(one for part in parts for one in part.values))


def _rows(statement: Sql) -> Rows:
    shapes.register()
    with connection.cursor() as cursor:
        cursor.execute(statement.text, list(statement.values))
        return list(cursor.fetchall())


def _level(reader: Reader, entity: EntitySet, query: Query, alias: str, *, by_time: bool) -> _Level:
    translator = Translator(entity, alias, reader.sight)
    chosen = query.select
    properties = [one for one in entity.properties.values() if chosen is None or one.name in _tops(chosen)]
    columns = [Sql(f"{alias}.id")]
    for property_ in properties:
        columns += [Sql(column.format(t=alias)) for column in property_.columns]
    keys: dict[str, int] = {}
    for name in query.expand:
        relation = entity.relations[name]
        if not relation.many:
            keys[name] = len(columns)
            columns.append(Sql(f"{alias}.{relation.source_column}"))
    order = [(translator.ordered_by(tree), falls) for tree, falls in query.orderby]
    if not order and by_time:
        order = [(Sql(f"{alias}.at", kind="time"), False)]
    order.append((Sql(f"{alias}.id", kind="number"), False))
    condition = both(
        translator.condition(query.filter) if query.filter is not None else None,
        Sql(entity.condition.format(t=alias)) if entity.condition else None,
        reader.sight(entity, alias),
    )
    columns += [column for column, _ in order]
    return _Level(entity, query, properties, columns, keys, order, translator.joins, condition)


def _tops(select: list[str]) -> set[str]:
    return {name.split("/", 1)[0] for name in select}


def _after(level: _Level, values: list[Any]) -> Sql:
    """What comes after the row at which the page before ended."""
    if len(values) != len(level.order):
        raise invalid("$skiptoken", "It belongs to another order.", "Follow @iot.nextLink as it stands.",
                      zh="续页标记与排序不符。")  # fmt: skip
    alternatives: list[Sql] = []
    same: list[Sql] = []
    for (column, falls), last in zip(level.order, values, strict=True):
        given = value(last, "whole" if isinstance(last, int) else "number" if isinstance(last, float) else "text")
        empty = sql("(({0}) IS NULL)", column)
        if last is None:
            further = sql("(({0}) IS NOT NULL)", column) if falls else None
            equal = empty
        else:
            beyond = sql(f"({{0}} {'<' if falls else '>'} {{1}})", column, given)
            further = beyond if falls or _never_empty(column) else sql("({0} OR {1})", beyond, empty)
            equal = sql("({0} = {1})", column, given)
        if further is not None:
            step = both(*same, further)
            assert step is not None
            alternatives.append(step)
        same.append(equal)
    return Sql(" OR ".join(f"({one.text})" for one in alternatives), tuple(v for a in alternatives for v in a.values))


def _way(path: Path) -> tuple[list[Sql], list[Sql]]:
    """Joins and conditions that lead from the last entity of a path back to its first."""
    joins: list[Sql] = []
    conditions: list[Sql] = []
    steps = path.steps
    last = len(steps) - 1
    for n in range(last, -1, -1):
        step = steps[n]
        alias = "t" if n == last else f"w{n}"
        if step.id is not None:
            conditions.append(sql(f"{alias}.id = {{0}}", value(step.id, "whole")))
        if step.relation is not None:
            joins += _joined(step.relation, steps[n - 1].entity, f"w{n - 1}", alias)
    return joins, conditions


def _joined(relation: Relation, source: EntitySet, near: str, far: str) -> list[Sql]:
    """Joins of the table that a relation starts from, to the one where it leads."""
    own = f" AND {source.condition.format(t=near)}" if source.condition else ""
    if relation.link is None:
        return [
            Sql(f"JOIN {source.table} {near} ON {near}.{relation.source_column} = {far}.{relation.target_column}{own}")
        ]  # fmt: skip
    table, source_column, target_column = relation.link
    return [
        Sql(f"JOIN {table} {far}_l ON {far}_l.{target_column} = {far}.id"),
        Sql(f"JOIN {source.table} {near} ON {near}.id = {far}_l.{source_column}{own}"),
    ]


def _all_seen(reader: Reader, path: Path) -> list[Sql | None]:
    """What of the entities on the way the viewer may see."""
    return [reader.sight(step.entity, f"w{n}") for n, step in enumerate(path.steps[:-1])]


def read(reader: Reader, path: Path, options: str) -> Any:
    """What a path and its options ask for, ready to be written as JSON. Raises NotFound, Invalid."""
    query = query_of(options, path.last.entity)
    if path.inside:
        return _property(reader, path)
    if path.reference:
        query = replace(query, select=["selfLink"], expand={})
    return _collection(reader, path, query, options) if path.many else _one(reader, path, query)


def _no_such(step: Step) -> NotFound:
    return NotFound("no_such_entity", Text(f"没有该 {step.entity.single}。", f"There is no such {step.entity.single}."))


def _one(reader: Reader, path: Path, query: Query) -> Json:
    level = _level(reader, path.last.entity, query, "t", by_time=False)
    joins, conditions = _way(path)
    rows = _rows(_statement(level, joins, [*conditions, *_all_seen(reader, path)], limit=1))
    if not rows:
        raise _no_such(path.last)
    return _entities(reader, level, rows)[0]


def _statement(
    level: _Level, joins: list[Sql], conditions: list[Sql | None], *, limit: int, skip: int = 0
) -> Sql:  # fmt: skip
    condition = both(level.condition, *conditions)
    where = sql(" WHERE {0}", condition) if condition is not None else Sql("")
    return sql(
        "SELECT {0} FROM {1} t {2}{3} ORDER BY {4} LIMIT {5} OFFSET {6}",
        _listed(level.columns), word(level.entity.table), _listed([*joins, *level.joins], " "), where,
        level.ordering(), word(limit), word(skip),
    )  # fmt: skip


def _exists(reader: Reader, path: Path) -> None:
    """Raises NotFound where the entity that a collection hangs on is not there, or not to be seen."""
    if len(path.steps) > 1:
        parent = Path(path.steps[:-1])
        joins, conditions = _way(parent)
        seen = both(
            *conditions,
            *_all_seen(reader, parent),
            reader.sight(parent.last.entity, "t"),
            Sql(parent.last.entity.condition.format(t="t")) if parent.last.entity.condition else None,
        )
        assert seen is not None
        table = word(parent.last.entity.table)
        if not _rows(sql("SELECT 1 FROM {0} t {1} WHERE {2} LIMIT 1", table, _listed(joins, " "), seen)):
            raise _no_such(parent.last)


def _collection(reader: Reader, path: Path, query: Query, options: str) -> Json:
    entity = path.last.entity
    by_time = entity.name == "Observations" and len(path.steps) > 1
    level = _level(reader, entity, query, "t", by_time=by_time)
    joins, conditions = _way(path)
    limits: list[Sql | None] = [*conditions, *_all_seen(reader, path)]
    made: Json = {}
    if query.count:
        made |= _counted(level, joins, limits)
    after = [_after(level, query.after)] if query.after is not None else []
    rows = _rows(_statement(level, joins, [*limits, *after], limit=query.top + 1, skip=query.skip))
    if not rows:
        _exists(reader, path)
    if len(rows) > query.top:
        rows = rows[: query.top]
        further = _further(level, rows, parse_qsl(options, keep_blank_values=True))
        made |= {"@iot.nextLink": f"{reader.root}/{address_of(path)}?{further}"} if further else {}
    made["value"] = _entities(reader, level, rows)
    if query.arrays:
        made["value"] = _blocks(reader, level, rows, made["value"])
    return made


def read_some(reader: Reader, path: Path, options: str, ids: list[int]) -> list[Json]:
    """Of the entities that a path of a collection leads to, those with these ids, in the order of their ids."""
    query = query_of(options, path.last.entity)
    level = _level(reader, path.last.entity, query, "t", by_time=False)
    joins, conditions = _way(path)
    chosen = sql("t.id IN (SELECT p.v FROM {0})", ids_of(ids))
    rows = _rows(_statement(level, joins, [*conditions, *_all_seen(reader, path), chosen], limit=len(ids)))
    return _entities(reader, level, rows)


_OWNERS = {False: "Datastream", True: "MultiDatastream"}


def _blocks(reader: Reader, level: _Level, rows: Rows, shown: list[Json]) -> list[Json]:
    """Observations by datastream, each as a list of its components."""
    components = ["id", *(one.name for one in level.properties)] if level.query.select is None else [
        name for name in level.query.select if name == "id" or name in level.entity.properties
    ]  # fmt: skip
    streams = {row[0]: (row[1], _OWNERS[bool(row[2])]) for row in _rows(sql(
        "SELECT o.id, o.datastream_id, s.multi FROM sensing_observation o JOIN sensing_datastream s "
        "ON s.id = o.datastream_id WHERE o.id IN (SELECT p.v FROM {0})", ids_of([row[0] for row in rows]),
    ))}  # fmt: skip
    blocks: dict[tuple[int, str], list[list[Any]]] = {}
    for row, one in zip(rows, shown, strict=True):
        values = [one.get("@iot.id" if name == "id" else name) for name in components]
        blocks.setdefault(streams[row[0]], []).append(values)
    return [
        {
            f"{owner}@iot.navigationLink": f"{reader.root}/{owner}s({number})", "components": components,
            "dataArray@iot.count": len(values), "dataArray": values,
        }
        for (number, owner), values in blocks.items()
    ]  # fmt: skip


def _counted(level: _Level, joins: list[Sql], conditions: list[Sql | None]) -> Json:
    condition = both(level.condition, *conditions)
    where = sql(" WHERE {0}", condition) if condition is not None else Sql("")
    inner = sql(
        "SELECT 1 FROM {0} t {1}{2} LIMIT {3}", word(level.entity.table), _listed([*joins, *level.joins], " "), where,
        word(COUNT_LIMIT + 1),
    )  # fmt: skip
    number = int(_rows(sql("SELECT count(*) FROM ({0}) AS c", inner))[0][0])
    if number > COUNT_LIMIT:
        return {"@iot.count": COUNT_LIMIT, "@iot.countIsLowerBound": True}
    return {"@iot.count": number}


def _further(level: _Level, shown: Rows, options: list[tuple[str, str]]) -> str:
    """The options of the next page, which goes on where this one ended, whatever comes between.

    Empty where nothing was shown: who asks for none of them is not sent round in circles.
    """
    if not shown:
        return ""
    kept = [(name, text) for name, text in options if name not in ("$skip", "$skiptoken")]
    kept.append(("$skiptoken", token_of(list(shown[-1][-len(level.order) :]))))
    return urlencode(kept, safe="$(),;=/:", quote_via=quote)


def address_of(path: Path) -> str:
    """A path as it is written."""
    parts = []
    for step in path.steps:
        name = step.entity.name if step.relation is None else step.relation.name
        parts.append(name if step.id is None else f"{name}({step.id})")
    return "/".join([*parts, *(["$ref"] if path.reference else [])])


def _entities(reader: Reader, level: _Level, rows: Rows) -> list[Json]:
    made = [
        entity_json(level.entity, level.properties, row, root=reader.root, select=level.query.select) for row in rows
    ]
    for name, query in level.query.expand.items():
        relation = level.entity.relations[name]
        for one in made:
            one.pop(f"{name}@iot.navigationLink", None)
        if relation.many:
            _expand_many(reader, relation, query, rows, made, level.entity)
        else:
            _expand_one(reader, relation, query, [row[level.keys[name]] for row in rows], made)
    return made


def _expand_one(reader: Reader, relation: Relation, query: Query, keys: list[Any], made: list[Json]) -> None:
    target = target_of(relation)
    level = _level(reader, target, query, "t", by_time=False)
    wanted = sorted({key for key in keys if key is not None})
    if not wanted:
        return
    limit = sql("t.id IN (SELECT p.v FROM {0})", ids_of(wanted))
    rows = _rows(_statement(level, [], [limit], limit=len(wanted)))
    found = dict(zip((row[0] for row in rows), _entities(reader, level, rows), strict=True))
    for one, key in zip(made, keys, strict=True):
        if key in found:
            one[relation.name] = found[key]


def _expand_many(
    reader: Reader, relation: Relation, query: Query, parents: Rows, made: list[Json], source: EntitySet
) -> None:
    target = target_of(relation)
    level = _level(reader, target, query, "t", by_time=target.name == "Observations")
    ids = [row[0] for row in parents]
    if not ids:
        return
    rows = _rows(sql("{0} LIMIT {1}", _per_parent(level, relation, ids), word(MOST_EXPANDED_ROWS + 1)))
    if len(rows) > MOST_EXPANDED_ROWS:
        told = f"{MOST_EXPANDED_ROWS} {target.name}"
        raise invalid("$expand", f"More than {told} would be told at once.", "Give a smaller $top.",
                      zh=f"一次展开超过 {told}，请减小 $top。")  # fmt: skip
    below: dict[int, Rows] = {}
    for row in rows:
        below.setdefault(row[0], []).append(row[1:])
    kept = {key: found[: query.top] for key, found in below.items()}
    flat = [row for found in kept.values() for row in found]
    shown = iter(_entities(reader, level, flat))
    lists = {key: [next(shown) for _ in found] for key, found in kept.items()}
    counts = _counts_below(level, relation, ids) if query.count else {}
    for one, key in zip(made, ids, strict=True):
        if query.count:
            one[f"{relation.name}@iot.count"] = counts.get(key, 0)
        one[relation.name] = lists.get(key, [])
        if len(below.get(key, ())) > query.top and (further := _further(level, kept[key], query.written)):
            one[f"{relation.name}@iot.nextLink"] = f"{reader.root}/{source.name}({key})/{relation.name}?{further}"


def _link(relation: Relation) -> tuple[str, str]:
    """What joins a relation's target `t` to the id `p.v` of its source: a join, and a condition."""
    if relation.link is None:
        return "", f"t.{relation.target_column} = p.v"
    table, near, far = relation.link
    return f"JOIN {table} r ON r.{far} = t.id ", f"r.{near} = p.v"


def _per_parent(level: _Level, relation: Relation, ids: list[int]) -> Sql:
    """The first of each parent, one more than are shown: a look into the index for each, never a scan."""
    join, hangs = _link(relation)
    condition = both(Sql(hangs), level.condition)
    assert condition is not None
    top, skip = level.query.top + 1, level.query.skip
    joins = _listed([Sql(join), *level.joins], " ")
    if on_postgres():
        named = _listed([sql(f"{{0}} AS c{n}", column) for n, column in enumerate(level.columns)])
        return sql(
            "SELECT p.v, x.* FROM {0} CROSS JOIN LATERAL (SELECT {1} FROM {2} t {3} WHERE {4} ORDER BY {5} "
            "LIMIT {6} OFFSET {7}) AS x",
            ids_of(ids), named, word(level.entity.table), joins, condition, level.ordering(), word(top), word(skip),
        )  # fmt: skip
    return sql(
        "SELECT p.v, {1} FROM {0} CROSS JOIN {2} t {3} WHERE {8} AND t.id IN "
        "(SELECT t.id FROM {2} t {3} WHERE {4} ORDER BY {5} LIMIT {6} OFFSET {7}) ORDER BY p.v, {5}",
        ids_of(ids), _listed(level.columns), word(level.entity.table), joins, condition, level.ordering(), word(top),
        word(skip), Sql(hangs),
    )  # fmt: skip


def _counts_below(level: _Level, relation: Relation, ids: list[int]) -> dict[int, int]:
    join, hangs = _link(relation)
    condition = both(Sql(hangs), level.condition)
    assert condition is not None
    inner = sql(
        "(SELECT count(*) FROM (SELECT 1 FROM {0} t {1} WHERE {2} LIMIT {3}) AS c)", word(level.entity.table),
        _listed([Sql(join), *level.joins], " "), condition, word(COUNT_LIMIT),
    )  # fmt: skip
    return dict(_rows(sql("SELECT p.v, {0} FROM {1}", inner, ids_of(ids))))


def _property(reader: Reader, path: Path) -> Any:
    """A property alone: as an object with its name, or with `$value` bare."""
    entity, (name, *keys) = path.last.entity, path.inside
    if keys and entity.properties[name].kind not in (Kind.JSON, Kind.RESULT, Kind.SHAPE):
        raise _no_such(path.last)
    found = _one(reader, Path(path.steps), Query(select=[name])).get(name)
    if keys and isinstance(found, msgspec.Raw):
        found = msgspec.json.decode(found)
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    if found is None:
        raise NotFound("no_such_value", Text(f"{name} 没有值。", f"`{name}` has no value."))
    return found if path.raw else {path.inside[-1]: found}
