"""numpy columns as PostgreSQL arrays in their binary form: thousands of rows in one statement at the cost of a copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import psycopg
from django.db import connection
from psycopg.adapt import Dumper
from psycopg.pq import Format

_INT8, _INT8_ARRAY = 20, 1016
_FLOAT8, _FLOAT8_ARRAY = 701, 1022
_HEAD = np.dtype(">i4")
_INTS = np.dtype([("size", ">i4"), ("value", ">i8")])
_FLOATS = np.dtype([("size", ">i4"), ("value", ">f8")])


def array_bytes(values: np.ndarray[Any, Any]) -> bytes:
    """A one-dimensional array of 64-bit integers or floats in PostgreSQL's binary form."""
    whole = values.dtype.kind == "i"
    # one dimension, no nulls, type of the elements, length, first index
    head = np.array([1, 0, _INT8 if whole else _FLOAT8, len(values), 1], _HEAD)
    if not len(values):
        head = np.array([0, 0, _INT8 if whole else _FLOAT8], _HEAD)
    body = np.empty(len(values), _INTS if whole else _FLOATS)
    body["size"] = 8
    body["value"] = values
    return head.tobytes() + body.tobytes()


def copy_bytes(columns: Sequence[np.ndarray[Any, Any]], *, shorts: Sequence[int] = (), empty_texts: int = 0) -> bytes:
    """Columns of one length as the content of a binary COPY.

    Those at the places `shorts` are of type smallint there; `empty_texts` more columns hold the empty text.
    """
    fields: list[Any] = [("fields", ">i2")]
    for n, column in enumerate(columns):
        form = ">i2" if n in shorts else ">i8" if column.dtype.kind == "i" else ">f8"
        fields += [(f"size{n}", ">i4"), (f"value{n}", form)]
    fields += [(f"text{n}", ">i4") for n in range(empty_texts)]
    rows = np.zeros(len(columns[0]), np.dtype(fields))
    rows["fields"] = len(columns) + empty_texts
    for n, column in enumerate(columns):
        rows[f"size{n}"] = 2 if n in shorts else 8
        rows[f"value{n}"] = column
    # signature, no flags, no extension; each row says how many fields follow; -1 ends
    return b"PGCOPY\n\xff\r\n\x00" + bytes(8) + rows.tobytes() + b"\xff\xff"


class _ColumnDumper(Dumper):
    """Tells psycopg how a numpy column is sent."""

    format = Format.BINARY

    def get_key(self, obj: Any, format: Any) -> Any:  # noqa: A002  # psycopg's name
        """Integers and floats are two kinds."""
        return (self.cls, obj.dtype.kind)

    def upgrade(self, obj: Any, format: Any) -> Dumper:  # noqa: A002  # psycopg's name
        """The dumper for this kind of column."""
        made = _ColumnDumper(self.cls)
        made.oid = _INT8_ARRAY if obj.dtype.kind == "i" else _FLOAT8_ARRAY
        return made

    def dump(self, obj: Any) -> bytes:
        """The column's bytes."""
        return array_bytes(obj)


@contextmanager
def cursor() -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """A cursor of Django's PostgreSQL connection that binds on the server and takes numpy columns.

    Errors of psycopg become Django's own, as with Django's cursors.
    """
    connection.ensure_connection()
    raw: Any = connection.connection
    with connection.wrap_database_errors, psycopg.Cursor(raw) as made:
        made.adapters.register_dumper(np.ndarray, _ColumnDumper)
        yield made
