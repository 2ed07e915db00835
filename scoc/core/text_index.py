"""Indexes of what texts contain, in any language and of any length: by pairs of characters, on both databases.

Chinese has no spaces and its usual query is two characters long, which indexes of words or of three characters do not
find. So each text is kept as its pairs of neighbouring characters: a PostgreSQL GIN index over an expression, or an
SQLite FTS5 table that triggers keep. They are made, and made anew when they differ, after every `migrate`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model, Q, QuerySet
from django.db.models.expressions import RawSQL

M = TypeVar("M", bound=Model)
INDEXES: dict[str, TextIndex] = {}
"""Every index there is, by its table."""
_GRAMS = """
CREATE OR REPLACE FUNCTION scoc_grams(t text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
SELECT coalesce(array_agg(DISTINCT substr(lower(t), i, n)), '{}')
FROM generate_series(1, length(t)) i, (VALUES (1), (2)) AS size(n) $$
"""


def _coded(pair: str) -> str:
    """Characters as one word that no tokenizer takes apart: six hexadecimal digits each."""
    return "".join(f"{ord(character):06x}" for character in pair)


def grams(text: str | None) -> str:
    """A text as its pairs of neighbouring characters, in order, each as one word; SQLite's triggers call this."""
    lower = (text or "").lower()
    return " ".join(_coded(lower[at : at + 2]) for at in range(len(lower)))


def _fts_query(words: tuple[str, ...]) -> str:
    """What FTS5 is asked for: every word as the phrase of its pairs; one character begins a pair."""
    asked = []
    for word in words:
        pairs = [_coded(word[at : at + 2]) for at in range(len(word) - 1)]
        asked.append(f'"{" ".join(pairs)}"' if pairs else f'"{_coded(word)}" *')
    return " AND ".join(asked)


def words_of(text: str) -> tuple[str, ...]:
    """What is looked for: the words of the query in lower case, each once."""
    return tuple(dict.fromkeys(text.lower().split()))


def add_functions(connection: BaseDatabaseWrapper) -> None:
    """Give SQLite the function that its triggers call; each connection needs it."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("scoc_grams", 1, grams, deterministic=True)


@dataclass(frozen=True, slots=True)
class TextIndex:
    """What some columns of a table contain. A column in both languages is written `name:both`.

    Declare it beside the model; there is one for each table.
    """

    table: str
    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        """Register it."""
        if INDEXES.setdefault(self.table, self) != self:
            raise ValueError(f"Two text indexes of {self.table} differ.")

    def _expression(self, row: str, vendor: str) -> str:
        parts = []
        for column in self.columns:
            name, _, both = column.partition(":")
            place = f'{row}"{name}"'
            if not both:
                parts.append(place)
            elif vendor == "postgresql":
                parts += [f"({place}::jsonb ->> '{language}')" for language in ("zh", "en")]
            else:
                parts += [f"json_extract({place}, '$.{language}')" for language in ("zh", "en")]
        return " || chr(10) || ".join(parts) if vendor == "postgresql" else " || char(10) || ".join(parts)

    @property
    def _names(self) -> list[str]:
        return [column.partition(":")[0] for column in self.columns]

    def _mark(self, vendor: str) -> str:
        """Tells this form of the index from an older one."""
        return hashlib.sha256(f"1 {self._expression('', vendor)}".encode()).hexdigest()[:8]

    def containing(self, text: str) -> Q:
        """Rows whose texts contain every word of the query, whatever its case. An empty query finds nothing."""
        words = words_of(text)
        if not words:
            return Q(pk__in=())
        if connection.vendor == "sqlite":
            found = f'SELECT rowid FROM "{self.table}_text" WHERE "{self.table}_text" MATCH %s'  # noqa: S608  # names are ours
            return Q(pk__in=RawSQL(found, [_fts_query(words)]))  # noqa: S611  # names are ours, values are bound
        expression = self._expression("", "postgresql")
        wanted = {word[at : at + 2] for word in words for at in range(max(1, len(word) - 1))}
        held = " AND ".join([f"position(%s in lower({expression})) > 0"] * len(words))
        found = f'SELECT id FROM "{self.table}" WHERE scoc_grams({expression}) @> %s AND {held}'  # noqa: S608  # names are ours
        return Q(pk__in=RawSQL(found, [sorted(wanted), *words]))  # noqa: S611  # names are ours, values are bound

    def ensure(self, connection: BaseDatabaseWrapper) -> None:
        """Make the index unless it stands in this form."""
        with connection.cursor() as cursor:
            if self.table not in connection.introspection.table_names(cursor):
                return
            (self._ensure_postgresql if connection.vendor == "postgresql" else self._ensure_sqlite)(cursor)

    def _ensure_postgresql(self, cursor: Any) -> None:
        name = f"{self.table}_text_{self._mark('postgresql')}"
        cursor.execute("SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename = %s",
                       [self.table])  # fmt: skip
        standing = [row[0] for row in cursor.fetchall() if row[0].startswith(f"{self.table}_text_")]
        if standing == [name]:
            return
        for old in standing:
            cursor.execute(f'DROP INDEX "{old}"')
        cursor.execute(_GRAMS)
        expression = self._expression("", "postgresql")
        cursor.execute(f'CREATE INDEX "{name}" ON "{self.table}" USING gin (scoc_grams({expression}))')

    def _ensure_sqlite(self, cursor: Any) -> None:
        table, mark = f"{self.table}_text", self._mark("sqlite")
        wanted = {f"{table}_{mark}_{deed}" for deed in ("insert", "update", "delete")}
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [self.table])
        standing = {row[0] for row in cursor.fetchall() if row[0].startswith(f"{table}_")}
        if standing == wanted:
            return
        # They went with a table that a migration made anew, or tell of other columns.
        for old in standing:
            cursor.execute(f'DROP TRIGGER "{old}"')
        new = self._expression("NEW.", "sqlite")
        changed = " OR ".join(f'OLD."{name}" IS NOT NEW."{name}"' for name in self._names)
        put = f'INSERT INTO "{table}" (rowid, grams) VALUES (NEW.id, scoc_grams({new}))'  # noqa: S608  # names are ours
        remove = f'DELETE FROM "{table}" WHERE rowid = OLD.id'  # noqa: S608  # names are ours
        columns = ", ".join(f'"{name}"' for name in self._names)
        for statement in (
            f'DROP TABLE IF EXISTS "{table}"',
            f"CREATE VIRTUAL TABLE \"{table}\" USING fts5 (grams, tokenize = 'ascii')",
            f'INSERT INTO "{table}" (rowid, grams) SELECT id, scoc_grams({self._expression("", "sqlite")}) '  # noqa: S608  # names are ours
            f'FROM "{self.table}"',
            f'CREATE TRIGGER "{table}_{mark}_insert" AFTER INSERT ON "{self.table}" BEGIN {put}; END',
            f'CREATE TRIGGER "{table}_{mark}_update" AFTER UPDATE OF {columns} ON "{self.table}" WHEN {changed} '
            f"BEGIN {remove}; {put}; END",
            f'CREATE TRIGGER "{table}_{mark}_delete" AFTER DELETE ON "{self.table}" BEGIN {remove}; END',
        ):
            cursor.execute(statement)


def ensure_all(connection: BaseDatabaseWrapper) -> None:
    """Make every index that does not stand yet."""
    for index in INDEXES.values():
        index.ensure(connection)


def beginning(rows: QuerySet[M], column: str, text: str) -> QuerySet[M]:
    """Rows whose code or number begins with the text, found by the column's own index."""
    if connection.vendor == "sqlite":  # its LIKE uses no index here; its order is that of code points
        return rows.filter(**{f"{column}__gte": text, f"{column}__lt": text + "\U0010ffff"})
    return rows.filter(**{f"{column}__startswith": text})
