"""Pieces of SQL with their values and what they are, and the words in which the two databases differ."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection

from scoc.core.refusals import Invalid, invalid

DAY = 86_400_000_000
HOUR = 3_600_000_000
MINUTE = 60_000_000
SECOND = 1_000_000
_PLACE = re.compile(r"\{(\d)\}")


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL with its values, in the order of their places.

    `kind`: text, number, bool, time, interval, duration, date, clock, shape, json, result, null. An interval has its
    end in `until`, whose SQL may be empty (NULL) where it is an instant; a shape its box in `box` or, of a literal, its
    well-known text in `wkt`; JSON the keys that lead into it in `keys`.
    """

    text: str
    values: tuple[Any, ...] = ()
    kind: str = "bool"
    until: Sql | None = None
    box: tuple[str, str, str, str] | None = None
    wkt: str = ""
    keys: tuple[str, ...] = ()
    other: str = ""
    """Of a result: the column of what is no number."""


def sql(template: str, *parts: Sql, kind: str = "bool") -> Sql:
    """Put pieces into their places `{0}`, `{1}` …; a piece that stands twice brings its values twice."""
    values: list[Any] = []

    def put(match: re.Match[str]) -> str:
        part = parts[int(match[1])]
        values.extend(part.values)
        return part.text

    return Sql(_PLACE.sub(put, template), tuple(values), kind)


def value(given: Any, kind: str) -> Sql:
    """A literal."""
    cast = {"text": "text", "number": "double precision", "bool": "boolean"}.get(kind, "bigint")
    return Sql(f"%s::{cast}" if on_postgres() else "%s", (given,), kind)


def word(name: str | int) -> Sql:
    """A name of ours, such as a table's, or a whole number, as a piece: never what a request says."""
    return Sql(str(name))


def both(*parts: Sql | None) -> Sql | None:
    """All conditions that there are."""
    there = [part for part in parts if part is not None]
    if not there:
        return None
    values = tuple(one for part in there for one in part.values)
    return Sql(" AND ".join(f"({part.text})" for part in there), values)


def on_postgres() -> bool:
    """Whether PostgreSQL speaks."""
    return connection.vendor == "postgresql"


def whole_second(time: Sql) -> Sql:
    """Seconds since 1970, rounded down also before it."""
    return sql("(({0}) - ((({0}) %% 1000000) + 1000000) %% 1000000) / 1000000", time, kind="number")


def part_of_day(time: Sql, size: int, wraps: int) -> Sql:
    """How many whole `size` microseconds fit into what is left of a time after whole `wraps`."""
    return sql(f"(((({{0}}) %% {wraps}) + {wraps}) %% {wraps}) / {size}", time, kind="number")


def part_of_date(time: Sql, part: str) -> Sql:
    """Year, month or day of a time, in UTC."""
    if on_postgres():
        return sql(
            f"extract({part} from timestamp 'epoch' + ({{0}}) * interval '1 microsecond')::double precision",
            time, kind="number",
        )  # fmt: skip
    letter = {"year": "%%Y", "month": "%%m", "day": "%%d"}[part]
    return sql(f"CAST(strftime('{letter}', {{0}}, 'unixepoch') AS INTEGER)", whole_second(time), kind="number")


def _inside(of: Sql) -> tuple[str, Sql]:
    """How JSON is entered: the SQL of its column, and the path as a value."""
    if on_postgres():
        return of.text, Sql("%s::text[]", (list(of.keys),))
    for key in of.keys:
        if '"' in key or "\\" in key:
            raise invalid("$filter", "A key has a quote in it.", "Such keys cannot be asked for.",
                          zh="键名中含有引号，无法查询。")  # fmt: skip
    return of.text, Sql("%s", ("$" + "".join(f'."{key}"' for key in of.keys),))


def json_as(of: Sql, kind: str) -> Sql:
    """What lies in JSON where it is of a kind, else NULL."""
    column, path = _inside(of)
    if on_postgres():
        there = {"number": "number", "text": "string", "bool": "boolean"}[kind]
        cast = {"number": "::double precision", "text": "", "bool": "::boolean"}[kind]
        return sql(
            f"(CASE WHEN jsonb_typeof({column} #> {{0}}) = '{there}' THEN ({column} #>> {{0}}){cast} END)", path,
            kind=kind,
        )  # fmt: skip
    if kind == "bool":
        return sql(f"(CASE json_type({column}, {{0}}) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END)", path, kind=kind)
    there = {"number": "'integer', 'real'", "text": "'text'"}[kind]
    return sql(
        f"(CASE WHEN json_type({column}, {{0}}) IN ({there}) THEN json_extract({column}, {{0}}) END)", path, kind=kind
    )


_NOT_A = {
    "number": ("is no number", "不是数字"),
    "text": ("is no text", "不是文本"),
    "bool": ("is neither true nor false", "不是布尔值"),
}


def unfit(what: str, zh: str) -> Invalid:
    """Two things that cannot be put together."""
    return invalid("$filter", f"{what}.", "Compare like with like.", zh=f"{zh}。")


def cast(found: Sql, kind: str) -> Sql:
    """A value as number, text or bool; JSON of another kind is NULL. Raises Invalid where it can never be one."""
    if found.kind == kind:
        return found
    if found.kind == "result":
        return replace(found, kind=kind) if kind == "number" else json_as(Sql(found.other), kind)
    if found.kind == "json":
        return json_as(found, kind)
    what, zh = _NOT_A[kind]
    raise unfit(f"A {found.kind} {what}", f"{found.kind} {zh}")


def span(found: Sql) -> Sql:
    """A time or an interval as an interval."""
    match found.kind:
        case "interval":
            return found
        case "time" | "date":
            return replace(found, kind="interval", until=None)
    raise unfit(f"A {found.kind} is no time", f"{found.kind} 不是时间")


def json_is_null(of: Sql) -> Sql:
    """Whether nothing lies there, or JSON's null."""
    column, path = _inside(of)
    if on_postgres():
        return sql(f"coalesce(jsonb_typeof({column} #> {{0}}), 'null') = 'null'", path)
    return sql(f"coalesce(json_type({column}, {{0}}), 'null') = 'null'", path)


def in_bytes(of: Sql) -> Sql:
    """A text to be ordered and compared by its code points, as SQLite does."""
    return sql('({0}) COLLATE "C"', of, kind="text") if on_postgres() else of


def ids_of(ids: list[int]) -> Sql:
    """Many numbers as the rows of one column `v`."""
    if on_postgres():
        return Sql("unnest(%s::bigint[]) AS p (v)", (ids,))
    return Sql("(SELECT value AS v FROM json_each(%s)) AS p", (json.dumps(ids),))
