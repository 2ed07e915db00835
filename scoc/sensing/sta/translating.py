"""An expression over an entity set as one SQL condition: properties, paths across relations, every function.

A path that passes to-one relations becomes a LEFT JOIN; where it passes a to-many one, the smallest comparison around
it becomes an EXISTS: true if it holds for any of them. Whatever is joined is narrowed to what the viewer may see, so
that a filter tells nothing about anything else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from typing import Any

import shapely
from odata_query import ast

from scoc.core.fields import to_micros
from scoc.core.refusals import Invalid, invalid
from scoc.sensing.sta import calls
from scoc.sensing.sta.entities import EntitySet, Kind, Property, Relation, target_of
from scoc.sensing.sta.filters import path_of
from scoc.sensing.sta.sql import Sql, both, cast, in_bytes, json_as, json_is_null, span, sql, unfit, value

MOST_DEPTH = 80
Sight = Callable[[EntitySet, str], Sql | None]
"""What of an entity set, under an alias, the viewer may see; None is everything."""
_COMPARED = {"Eq": "=", "NotEq": "<>", "Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">="}
_SUMS = {"Add": "+", "Sub": "-", "Mult": "*", "Div": "/", "Mod": "%"}


def unknown(name: str, entity: EntitySet) -> Invalid:
    """There is no such property or relation."""
    return invalid("$filter", f"{entity.single} has no `{name[:60]}`.",
                   f"Use one of {', '.join([*entity.properties, *entity.relations])}.",
                   zh=f"{entity.single} 没有 {name[:60]}。")  # fmt: skip


@dataclass(slots=True)
class _Scope:
    """Tables of one EXISTS, made for one comparison."""

    tables: list[Sql] = field(default_factory=list)
    conditions: list[Sql] = field(default_factory=list)
    known: dict[tuple[str, ...], tuple[str, EntitySet]] = field(default_factory=dict)


def column_of(property_: Property, alias: str) -> Sql:
    """A property as SQL over an alias."""
    columns = [column.format(t=alias) for column in property_.columns]
    match property_.kind:
        case Kind.INTERVAL:
            return Sql(columns[0], kind="interval", until=Sql(columns[1], kind="time"))
        case Kind.RESULT:
            return Sql(columns[0], kind="result", other=columns[1])
        case Kind.SHAPE:
            assert property_.box is not None
            west, south, east, north = (side.format(t=alias) for side in property_.box)
            return Sql(columns[0], kind="shape", box=(west, south, east, north))
        case Kind.ID:
            return Sql(columns[0], kind="number")
        case kind:
            return Sql(columns[0], kind=kind.value)


class Translator:
    """Turns the trees of one statement into SQL over the alias of its entity set, and gathers what it must join."""

    def __init__(self, entity: EntitySet, alias: str, sight: Sight) -> None:
        self.entity = entity
        self.alias = alias
        self.sight = sight
        self.joins: list[Sql] = []
        self._known: dict[tuple[str, ...], tuple[str, EntitySet]] = {}
        self._scope: _Scope | None = None
        self._depth = 0
        self._numbers = 0

    def condition(self, tree: Any) -> Sql:
        """A tree that must say yes or no."""
        found = self._leaf(tree) if not isinstance(tree, ast.BoolOp | ast.UnaryOp) else self.visit(tree)
        return cast(found, "bool")

    def ordered_by(self, tree: Any) -> Sql:
        """A tree to order by: one column of one type."""
        found = self.visit(tree)
        match found.kind:
            case "interval":
                return replace(found, kind="time", until=None)
            case "result":
                return replace(found, kind="number")
            case "json":
                return sql("coalesce({0}, '')", json_as(found, "text"), kind="text")
            case "shape" | "null":
                raise unfit("A geometry has no order", "几何对象没有次序")
            case "text":
                return in_bytes(found)
            case _:
                return found

    def visit(self, node: Any) -> Sql:
        """One node."""
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise unfit("The expression is nested too deeply", "表达式嵌套过深")
        try:
            return self._visit(node)
        finally:
            self._depth -= 1

    def _visit(self, node: Any) -> Sql:
        match node:
            case ast.Identifier() | ast.Attribute():
                return self._path(node)
            case ast.BoolOp():
                word = "AND" if isinstance(node.op, ast.And) else "OR"
                return sql(f"({{0}} {word} {{1}})", self.condition(node.left), self.condition(node.right))
            case ast.UnaryOp() if isinstance(node.op, ast.Not):
                return sql("({0} IS NOT TRUE)", self.condition(node.operand))
            case ast.UnaryOp():
                return sql("(- {0})", cast(self.visit(node.operand), "number"), kind="number")
            case ast.Compare():
                return self._leaf(node)
            case ast.BinOp():
                return self._sum(_SUMS[type(node.op).__name__], self.visit(node.left), self.visit(node.right))
            case ast.Call():
                return calls.call(node.func.name, [self.visit(one) for one in node.args])
            case ast.CollectionLambda():
                raise unfit("any() and all() are no part of SensorThings", "SensorThings 不支持 any() 与 all()")
            case _:
                return literal(node)

    # --- comparisons

    def _leaf(self, node: Any) -> Sql:
        """A smallest condition: what it needs of to-many relations is asked for in one EXISTS."""
        outer, self._scope = self._scope, _Scope()
        try:
            made = self._comparison(node) if isinstance(node, ast.Compare) else cast(self.visit(node), "bool")
            scope = self._scope
        finally:
            self._scope = outer
        if not scope.tables:
            return made
        tables = Sql(" CROSS JOIN ".join(table.text for table in scope.tables))
        inside = both(*scope.conditions, made)
        assert inside is not None
        return sql("EXISTS (SELECT 1 FROM {0} WHERE {1})", tables, inside)

    def _comparison(self, node: ast.Compare) -> Sql:
        if isinstance(node.comparator, ast.In):
            left = self.visit(node.left)
            made = [self.compare("=", left, self.visit(one)) for one in _listed(node.right)]
            return Sql("(" + " OR ".join(one.text for one in made) + ")", tuple(v for one in made for v in one.values))
        word = _COMPARED[type(node.comparator).__name__]
        return self.compare(word, self.visit(node.left), self.visit(node.right))

    def compare(self, word: str, left: Sql, right: Sql) -> Sql:
        """Two values, by what they are. Raises Invalid where they cannot be compared."""
        if "null" in (left.kind, right.kind):
            return _null(word, left if right.kind == "null" else right)
        if "interval" in (left.kind, right.kind):
            return calls.compare_times(word, span(left), span(right))
        for kind in ("number", "text", "bool"):
            if kind in (left.kind, right.kind):
                return sql(f"({{0}} {word} {{1}})", self._as(left, kind, word), self._as(right, kind, word))
        if {left.kind, right.kind} <= {"json", "result"}:
            texts, numbers = (
                sql(f"({{0}} {word} {{1}})", self._as(left, kind, word), self._as(right, kind, word))
                for kind in ("text", "number")
            )
            return sql("coalesce({0}, {1})", texts, numbers)
        if {left.kind, right.kind} == {"time", "date"}:
            left, right = (replace(one, kind="time") for one in (left, right))
        if left.kind == right.kind and left.kind in ("time", "date", "clock", "duration"):
            return sql(f"({{0}} {word} {{1}})", left, right)
        raise unfit(f"A {left.kind} cannot be compared with a {right.kind}", f"{left.kind} 不能与 {right.kind} 比较")

    def _as(self, found: Sql, kind: str, word: str) -> Sql:
        made = cast(found, kind)
        return in_bytes(made) if kind == "text" and word not in ("=", "<>") else made

    # --- arithmetic

    def _sum(self, word: str, left: Sql, right: Sql) -> Sql:
        kinds = (left.kind, right.kind)
        if kinds == ("interval", "duration") and word in "+-":
            end = None if left.until is None else sql(f"({{0}} {word} {{1}})", left.until, right, kind="time")
            return replace(sql(f"({{0}} {word} {{1}})", left, right, kind="interval"), until=end)
        if kinds == ("duration", "interval") and word == "+":
            return self._sum(word, right, left)
        times = ("time", "date", "interval")
        if left.kind in times and right.kind in times and word == "-":
            return sql("({0} - {1})", left, right, kind="duration")
        if left.kind in ("time", "date") and right.kind == "duration" and word in "+-":
            return sql(f"({{0}} {word} {{1}})", left, right, kind="time")
        if kinds == ("duration", "duration") and word in "+-":
            return sql(f"({{0}} {word} {{1}})", left, right, kind="duration")
        if "duration" in kinds and word in "*/" and not (word == "/" and right.kind == "duration"):
            left, right = (one if one.kind == "duration" else cast(one, "number") for one in (left, right))
            return calls.whole(sql(f"({{0}} * 1.0 {word} {{1}})", left, right, kind="number"), "duration")
        left, right = cast(left, "number"), cast(right, "number")
        if word == "/":
            return sql("({0} * 1.0 / nullif({1}, 0))", left, right, kind="number")
        if word == "%":
            return calls.remainder(left, right)
        return sql(f"({{0}} {word} {{1}})", left, right, kind="number")

    # --- paths

    def _path(self, node: Any) -> Sql:
        names = path_of(node)
        if names is None:
            raise unfit("A path is not understood", "无法理解路径")
        alias, entity = self.alias, self.entity
        path: tuple[str, ...] = ()
        while names and names[0] in entity.relations:
            relation = entity.relations[names.pop(0)]
            path = (*path, relation.name)
            alias, entity = self._joined(path, relation, alias, target_of(relation))
        if not names:
            raise unfit(f"{entity.single} is no value", f"{entity.single} 不是一个值")
        name, *keys = names
        if name == "id" and not keys:
            return Sql(f"{alias}.id", kind="number")
        property_ = entity.properties.get(name)
        if property_ is None:
            raise unknown(name, entity)
        found = column_of(property_, alias)
        if not keys:
            return found
        if found.kind == "result":
            return Sql(found.other, kind="json", keys=tuple(keys))
        if found.kind != "json":
            raise unfit(f"`{name}` has nothing inside", f"{name} 没有下级")
        return replace(found, keys=tuple(keys))

    def _joined(
        self, path: tuple[str, ...], relation: Relation, source: str, target: EntitySet
    ) -> tuple[str, EntitySet]:
        scope = self._scope
        if path in self._known:
            return self._known[path]
        if scope is not None and path in scope.known:
            return scope.known[path]
        self._numbers += 1
        alias = f"{self.alias}_{self._numbers}"
        seen = both(
            Sql(target.condition.format(t=alias)) if target.condition else None, self.sight(target, alias)
        )  # fmt: skip
        inside = scope is not None and bool(scope.known) and source in {one for one, _ in scope.known.values()}
        if not relation.many and not inside:
            on = both(Sql(f"{alias}.{relation.target_column} = {source}.{relation.source_column}"), seen)
            assert on is not None
            self.joins.append(sql(f"LEFT JOIN {target.table} {alias} ON {{0}}", on))
            self._known[path] = alias, target
            return alias, target
        if scope is None:
            raise unfit("There is no order by what is many", "不能按一对多的关系排序")
        scope.tables.append(Sql(f"{target.table} {alias}"))
        if relation.link is not None:
            table, near, far = relation.link
            scope.tables.append(Sql(f"{table} {alias}_l"))
            scope.conditions.append(
                Sql(f"{alias}_l.{near} = {source}.{relation.source_column} AND {alias}_l.{far} = {alias}.id")
            )
        else:
            scope.conditions.append(
                Sql(f"{alias}.{relation.target_column} = {source}.{relation.source_column}")
            )  # fmt: skip
        if seen is not None:
            scope.conditions.append(seen)
        scope.known[path] = alias, target
        return alias, target


def _listed(node: Any) -> list[Any]:
    found: list[Any] = node.val
    return found


def _null(word: str, found: Sql) -> Sql:
    if word not in ("=", "<>"):
        raise unfit("Nothing is neither less nor more than null", "null 不能比较大小")
    match found.kind:
        case "null":
            made = Sql("(1 = 1)")
        case "json":
            made = json_is_null(found)
        case "result":
            made = Sql(f"({found.text} IS NULL AND {found.other} IS NULL)")
        case _:
            made = sql("({0} IS NULL)", found)
    return made if word == "=" else sql("(NOT {0})", made)


def literal(node: Any) -> Sql:
    """A literal as a value. Raises Invalid where it is none that SensorThings knows."""
    match node:
        case ast.Null():
            return Sql("NULL", kind="null")
        case ast.Boolean():
            return value(node.val.lower() == "true", "bool")
        case ast.Integer() if abs(int(node.val)) < 2**63:
            return replace(value(int(node.val), "whole"), kind="number")
        case ast.Integer() | ast.Float():
            return value(_number(node.val), "number")
        case ast.String():
            return value(node.val, "text")
        case ast.GUID():
            return value(node.val, "text")
        case ast.DateTime():
            return value(_moment(node.val), "time")
        case ast.Date():
            return value(_moment(f"{node.val}T00:00:00Z"), "date")
        case ast.Time():
            return value(_clock(node.val), "clock")
        case ast.Duration():
            return value(duration_micros(node.val), "duration")
        case ast.Geography():
            return _shape(node.val)
    raise unfit("A literal is not understood", "无法理解字面量")


def _number(text: str) -> float:
    number = float(text)
    if number != number or abs(number) == float("inf"):
        raise unfit("A number is too large", "数字过大")
    return number


def _moment(text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
        return to_micros(found if found.tzinfo else found.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise unfit(f"{text[:40]} is no time", f"{text[:40]} 不是时间") from error


def _clock(text: str) -> int:
    found = time.fromisoformat(text)
    return ((found.hour * 60 + found.minute) * 60 + found.second) * 1_000_000 + found.microsecond


_DURATION = re.compile(r"([+-])?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


def duration_micros(text: str) -> int:
    """An ISO 8601 duration in microseconds. Years and months are refused: they have no one length."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()[1:]):
        raise unfit(f"{text[:40]} is no duration in days, hours, minutes and seconds",
                    f"{text[:40]} 不是以日、时、分、秒表示的时长")  # fmt: skip
    sign, days, hours, minutes, seconds = match.groups()
    whole = (int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes or 0)
    micros = whole * 60_000_000 + round(float(seconds or 0) * 1_000_000)
    if micros >= 2**62:
        raise unfit("A duration is too long", "时长过长")
    return -micros if sign == "-" else micros


def _shape(text: str) -> Sql:
    try:
        shape = shapely.from_wkt(text)
    except shapely.errors.ShapelyError as error:
        raise unfit("A geometry is no well-known text", "几何对象不是 WKT") from error
    if shape is None or shape.is_empty or not shape.is_valid:
        raise unfit("A geometry is empty or crosses itself", "几何对象为空或自相交")
    return Sql("%s", (text,), kind="shape", wkt=text)
