"""The functions of 18-088 section 9.3.3.5.2 as SQL: texts, times, numbers, shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import shapely

from scoc.core.fields import to_micros
from scoc.core.now import city_now
from scoc.core.refusals import invalid
from scoc.sensing.sta.sql import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Sql,
    cast,
    on_postgres,
    part_of_date,
    part_of_day,
    span,
    sql,
    value,
)  # fmt: skip

Function = Callable[[list[Sql]], Sql]
EARLIEST, LATEST = -62_135_596_800_000_000, 253_402_300_799_000_000
"""The years 1 and 9999."""


def call(name: str, arguments: list[Sql]) -> Sql:
    """A call of a function that there is, with as many arguments as it takes. Raises Invalid for wrong kinds."""
    return _ALL[name](arguments)


def whole(number: Sql, kind: str) -> Sql:
    """A number cut to a whole one."""
    return sql("CAST(round({0}) AS BIGINT)" if on_postgres() else "CAST(round({0}) AS INTEGER)", number, kind=kind)


def remainder(left: Sql, right: Sql) -> Sql:
    """What is left of a division, with the sign of what was divided."""
    cut = "trunc({0} * 1.0 / nullif({1}, 0))" if on_postgres() else "CAST({0} * 1.0 / nullif({1}, 0) AS INTEGER)"
    return sql(f"({{0}} - {{1}} * {cut})", left, right, kind="number")


# --- texts


def _texts(template: str, kind: str) -> Function:
    def made(arguments: list[Sql]) -> Sql:
        return sql(template, *(cast(one, "text") for one in arguments), kind=kind)

    return made


def _contains(arguments: list[Sql]) -> Sql:
    inside = "(strpos({0}, {1}) > 0)" if on_postgres() else "(instr({0}, {1}) > 0)"
    return sql(inside, *(cast(one, "text") for one in arguments))


def _substringof(arguments: list[Sql]) -> Sql:
    return _contains(arguments[::-1])


def _startswith(arguments: list[Sql]) -> Sql:
    return sql("(substr({0}, 1, length({1})) = {1})", *(cast(one, "text") for one in arguments))


def _endswith(arguments: list[Sql]) -> Sql:
    end = "right({0}, length({1}))" if on_postgres() else "substr({0}, length({0}) - length({1}) + 1)"
    return sql(f"(length({{0}}) >= length({{1}}) AND {end} = {{1}})", *(cast(one, "text") for one in arguments))


def _indexof(arguments: list[Sql]) -> Sql:
    place = "(strpos({0}, {1}) - 1)" if on_postgres() else "(instr({0}, {1}) - 1)"
    return sql(place, *(cast(one, "text") for one in arguments), kind="number")


def _substring(arguments: list[Sql]) -> Sql:
    whole_text, *places = cast(arguments[0], "text"), *(whole(cast(one, "number"), "number") for one in arguments[1:])
    if on_postgres():
        places = [sql("greatest({0}, 0)::integer", one, kind="number") for one in places]
    else:
        places = [sql("max({0}, 0)", one, kind="number") for one in places]
    template = "substr({0}, {1} + 1)" if len(places) == 1 else "substr({0}, {1} + 1, {2})"
    return sql(template, whole_text, *places, kind="text")


# --- times


def _time(found: Sql) -> Sql:
    """A moment; of an interval its beginning."""
    return replace(span(found), kind="time", until=None)


def _part(part: str) -> Function:
    return lambda arguments: part_of_date(_time(arguments[0]), part)


def _within(size: int, wraps: int) -> Function:
    return lambda arguments: part_of_day(_time(arguments[0]), size, wraps)


def _fraction(arguments: list[Sql]) -> Sql:
    return sql("({0} / 1000000.0)", part_of_day(_time(arguments[0]), 1, SECOND), kind="number")


def _date(arguments: list[Sql]) -> Sql:
    moment = _time(arguments[0])
    return sql("({0} - {1})", moment, part_of_day(moment, 1, DAY), kind="date")


def _clock(arguments: list[Sql]) -> Sql:
    return replace(part_of_day(_time(arguments[0]), 1, DAY), kind="clock")


def _offset(arguments: list[Sql]) -> Sql:
    """Times are kept and told in UTC."""
    return sql("({0} * 0)", _time(arguments[0]), kind="number")


def _interval(arguments: list[Sql]) -> Sql:
    begin, end = (_time(one) for one in arguments)
    return replace(begin, kind="interval", until=end)


def _end(of: Sql) -> Sql:
    """When an interval ends; an instant ends when it begins."""
    return of if of.until is None else sql("coalesce({0}, {1})", of.until, replace(of, until=None), kind="time")


def compare_times(word: str, left: Sql, right: Sql) -> Sql:
    """Intervals before and after each other: one is less if it ends before the other begins."""
    begins = replace(left, until=None), replace(right, until=None)
    if word in ("<", "<="):
        made = sql(f"({{0}} {word} {{1}})", _end(left), begins[1])
        # What ends before has begun before: the beginning has the index.
        return made if left.until is None else sql(f"({{0}} {word} {{1}} AND {{2}})", begins[0], begins[1], made)
    if word in (">", ">="):
        return sql(f"({{0}} {word} {{1}})", begins[0], _end(right))
    same = sql("({0} = {1} AND {2} = {3})", begins[0], begins[1], _end(left), _end(right))
    return same if word == "=" else sql("(NOT {0})", same)


def _spans(template: str) -> Function:
    """`{0}` to `{3}` are beginning and end of the first and of the second."""

    def made(arguments: list[Sql]) -> Sql:
        left, right = (span(one) for one in arguments)
        return sql(template, replace(left, until=None), _end(left), replace(right, until=None), _end(right))

    return made


# --- numbers


def _numbers(template: str) -> Function:
    return lambda arguments: sql(template, *(cast(one, "number") for one in arguments), kind="number")


# --- shapes

_POSTGIS = {
    "st_equals": "ST_Equals", "st_disjoint": "ST_Disjoint", "st_touches": "ST_Touches", "st_within": "ST_Within",
    "st_overlaps": "ST_Overlaps", "st_crosses": "ST_Crosses", "st_intersects": "ST_Intersects",
    "st_contains": "ST_Contains", "geo.intersects": "ST_Intersects",
}  # fmt: skip


def _needs_shape(found: Sql) -> Sql:
    if found.kind != "shape":
        raise invalid("$filter", f"A {found.kind} is no geometry.", "Give a location, a feature or geography'…'.",
                      zh=f"{found.kind} 不是几何对象。")  # fmt: skip
    return found


def _drawn(found: Sql) -> Sql:
    """A shape as the database's function takes it."""
    if not on_postgres():
        return found
    if found.wkt:
        return Sql("ST_GeomFromText(%s, 4326)", found.values, "shape")
    return Sql(f"{found.text.rpartition('.')[0]}.geom", (), "shape")


def _boxes(left: Sql, right: Sql) -> Sql | None:
    """Whether the boxes of a stored shape and of a literal touch: what indexes can answer."""
    for stored, given in ((left, right), (right, left)):
        if stored.box is not None and given.wkt:
            west, south, east, north = shapely.from_wkt(given.wkt).bounds
            a, b, c, d = stored.box
            return Sql(f"({a} <= %s AND {c} >= %s AND {b} <= %s AND {d} >= %s)", (east, west, north, south))
    return None


def _related(name: str) -> Function:
    def made(arguments: list[Sql]) -> Sql:
        left, right = (_needs_shape(one) for one in arguments[:2])
        if on_postgres():
            return sql(f"{_POSTGIS[name]}({{0}}, {{1}})", _drawn(left), _drawn(right))
        related = sql(f"scoc_related('{_POSTGIS[name]}', {{0}}, {{1}})", left, right)
        near = None if name == "st_disjoint" else _boxes(left, right)
        return related if near is None else sql("({0} AND {1})", near, related)

    return made


def _relate(arguments: list[Sql]) -> Sql:
    left, right, pattern = _needs_shape(arguments[0]), _needs_shape(arguments[1]), cast(arguments[2], "text")
    if len(pattern.values) != 1 or not _is_pattern(pattern.values[0]):
        raise invalid("$filter", "st_relate needs a DE-9IM pattern.", "Nine characters of T, F, *, 0, 1, 2.",
                      zh="st_relate 需要 DE-9IM 模式。")  # fmt: skip
    if on_postgres():
        return sql("ST_Relate({0}, {1}, {2})", _drawn(left), _drawn(right), pattern)
    return sql("scoc_relate({0}, {1}, {2})", left, right, pattern)


def _is_pattern(text: object) -> bool:
    return isinstance(text, str) and len(text) == 9 and set(text.upper()) <= set("TF*012")


def _distance(arguments: list[Sql]) -> Sql:
    left, right = (_needs_shape(one) for one in arguments)
    name = "ST_Distance" if on_postgres() else "scoc_distance"
    return sql(f"{name}({{0}}, {{1}})", _drawn(left), _drawn(right), kind="number")


def _length(arguments: list[Sql]) -> Sql:
    name = "ST_Length" if on_postgres() else "scoc_length"
    return sql(f"{name}({{0}})", _drawn(_needs_shape(arguments[0])), kind="number")


def _moment(micros: Callable[[], int]) -> Function:
    return lambda arguments: value(micros(), "time")


_ALL: dict[str, Function] = {
    "substringof": _substringof, "contains": _contains, "endswith": _endswith, "startswith": _startswith,
    "length": _texts("length({0})", "number"), "indexof": _indexof, "substring": _substring,
    "tolower": _texts("lower({0})", "text"), "toupper": _texts("upper({0})", "text"),
    "trim": _texts("trim({0})", "text"), "concat": _texts("({0} || {1})", "text"),
    "year": _part("year"), "month": _part("month"), "day": _part("day"), "hour": _within(HOUR, DAY),
    "minute": _within(MINUTE, HOUR), "second": _within(SECOND, MINUTE), "fractionalseconds": _fraction,
    "date": _date, "time": _clock, "totaloffsetminutes": _offset, "interval": _interval,
    "now": _moment(lambda: to_micros(city_now())), "mindatetime": _moment(lambda: EARLIEST),
    "maxdatetime": _moment(lambda: LATEST),
    "before": _spans("({1} < {2})"), "after": _spans("({0} > {3})"), "meets": _spans("({1} = {2} OR {0} = {3})"),
    "during": _spans("({0} >= {2} AND {1} <= {3})"), "overlaps": _spans("({0} <= {3} AND {1} >= {2})"),
    "starts": _spans("({0} = {2})"), "finishes": _spans("({1} = {3})"),
    "round": _numbers("(CASE WHEN {0} < 0 THEN -floor(0.5 - {0}) ELSE floor({0} + 0.5) END)"),
    "floor": _numbers("floor({0})"), "ceiling": _numbers("ceil({0})"),
    "geo.distance": _distance, "geo.length": _length,
    **{name: _related(name) for name in _POSTGIS}, "st_relate": _relate,
}  # fmt: skip
