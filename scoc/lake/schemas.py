"""Shapes that leave the lake: what a table is declared to be, what was written, what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from ninja import Schema

Value = bool | int | str | date | datetime | Decimal
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in"]


@dataclass(frozen=True, slots=True)
class TableSpec:
    """What a table is declared to be.

    `schema` is a `pyarrow.Schema` of bool, int8 to int64, float, double, string, binary, date32, timestamp[us, UTC]
    and decimal128. `partition` names its one column of days, if any. `sums` names the integer and decimal columns
    whose sums each version tells. What a version no longer holds stays readable for `keep_days` days in older ones.
    """

    name: str
    schema: Any
    partition: str = ""
    sums: tuple[str, ...] = ()
    keep_days: int = 3650


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a load has come: batch `number` of the load `app`, which counts upward. Each number is written once."""

    app: str
    number: int


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows there are, the exact sums of the declared columns, and a digest of all columns of all rows.

    Two tallies are equal where the rows are, whatever their order. Removed rows count negative.
    """

    rows: int = 0
    sums: Mapping[str, str] = field(default_factory=dict)
    digest: str = "0000000000000000"


@dataclass(frozen=True, slots=True)
class Written:
    """The version that holds what was asked for; `fresh` is false where an earlier call had written it."""

    table: str
    version: int
    tally: Tally
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on a column; several hold together. `in` takes a tuple of values."""

    column: str
    operator: Operator
    value: Value | tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """What one view of a DuckDB session shows: a table in one version, of it some columns and rows."""

    table: str
    version: int | None = None
    """None: the newest."""
    columns: tuple[str, ...] = ()
    """None named: all."""
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A table in one version: `dataset` is a `pyarrow.dataset.Dataset`, which reads when it is asked."""

    table: str
    version: int
    dataset: Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether what lies on the disk is what was to be there."""

    same: bool
    wanted: Tally
    found: Tally


class LakeTableRow(Schema):
    """A table of the lake as lists show it."""

    name: str
    partition: str
    columns: list[dict[str, Any]]
    keep_days: int
    version: int
    rows: int | None
    """None where another program wrote into it."""


class LakeVersionRow(Schema):
    """A version of a table as lists show it."""

    version: int
    kind: str
    rows: int | None
    sums: dict[str, str]
    digest: str
    cursor_app: str
    cursor: int | None
    committed_at: datetime
    recorded_at: datetime
    gone_at: datetime | None
