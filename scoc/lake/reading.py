"""Opening a version to read it, whole or only what it added, and DuckDB over such versions."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from scoc.core.refusals import Refusal, invalid
from scoc.kit.text import Text
from scoc.lake.catalogue import Open, known_table, opened, version_row
from scoc.lake.columns import NAME, is_bounded, to_schema
from scoc.lake.commits import Commit
from scoc.lake.conditions import expression
from scoc.lake.durable import forget_cached
from scoc.lake.engines import deltalake, duckdb
from scoc.lake.models import LakeTable
from scoc.lake.places import Place, place_of
from scoc.lake.schemas import Condition, Look, Snapshot, Tally
from scoc.lake.tallies import count

BATCH_ROWS = 131_072


def snapshot(name: str, version: int | None) -> Snapshot:
    """A table in one version. Raises NotFound, or Refusal where its files are gone."""
    row = known_table(name)
    if version is None or not row.versions.filter(version=version).exists():
        newest = opened(row)
        version = newest.version if version is None else version
    version_row(row, version)
    return Snapshot(name, version, dataset_of(row, place_of(name), version))


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file of a version, as an Arrow fragment that knows which rows it cannot hold."""

    fragment: Any
    path: str
    size: int
    day: str | None


def data_files(row: LakeTable, place: Place, delta: deltalake.DeltaTable) -> list[DataFile]:
    """The files of a version. Raises Refusal where another program made it a table that this cannot read.

    Not by the library's `to_pyarrow_dataset`: where the log bounds some columns only, it takes the others to hold
    nothing, and a filter on them finds no row.
    """
    if delta.protocol().min_reader_version > 1:
        raise Refusal(
            "table_changed",
            Text(f"数据湖表“{row.name}”已被其他程序改用本系统不支持的格式特性。",
                 f"Another program gave {row.name} features of the format that are not read here."),
            subject=f"lake:{row.name}",
        )  # fmt: skip
    form, files, schema = pads.ParquetFileFormat(), place.files(), to_schema(row.columns)
    bounded = [field for field in schema if is_bounded(field.type) and field.name != row.partition]
    found = []
    for told in pa.table(delta.get_add_actions(flatten=True)).to_pylist():
        day = told[f"partition.{row.partition}"] if row.partition else None
        sure = pc.field(row.partition) == pc.scalar(day) if row.partition else pc.scalar(True)  # noqa: FBT003  # Arrow's
        for field in bounded:
            sure = _within(sure, field, told)
        fragment = form.make_fragment(told["path"], filesystem=files, partition_expression=sure)
        found.append(DataFile(fragment, told["path"], told["size_bytes"], day.isoformat() if day else None))
    return found


def _within(sure: Any, field: Any, told: dict[str, Any]) -> Any:
    """What is sure of a file's rows, and that a column lies in the bounds that the log tells, if it tells any."""
    least, most = told.get(f"min.{field.name}"), told.get(f"max.{field.name}")
    if least is None or most is None:
        return sure
    column = pc.field(field.name)
    inside = (column >= pa.scalar(least, field.type)) & (column <= pa.scalar(most, field.type))
    return sure & (inside | column.is_null() if told.get(f"null_count.{field.name}") != 0 else inside)


def dataset_of(row: LakeTable, place: Place, version: int) -> Any:
    """One version as an Arrow dataset with the declared columns in their order."""
    fragments = [file.fragment for file in data_files(row, place, place.open(version))]
    return pads.FileSystemDataset(fragments, to_schema(row.columns), pads.ParquetFileFormat(), place.files())


def tally(dataset: Any, summed: tuple[str, ...], where: Any = None) -> Tally:
    """Count a dataset, or the rows of it that fulfil an Arrow expression, in bounded memory."""
    scanner = dataset.scanner(
        filter=where, batch_size=BATCH_ROWS, batch_readahead=2, fragment_readahead=1, use_threads=True
    )
    return count(scanner.to_batches(), summed)


def tally_of_added(table: Open, commit: Commit) -> Tally:
    """Count the rows that a commit added, read from the disk."""
    place, schema, partition = table.place, to_schema(table.row.columns), table.row.partition
    if place.folder is not None:
        for path, _ in commit.added:
            forget_cached(place.folder / path)
    form, files = pads.ParquetFileFormat(), place.files()
    parts = []
    for path, values in commit.added:
        day = values.get(partition) if partition else None
        where = pc.field(partition) == pc.scalar(date.fromisoformat(day)) if day else None
        parts.append(form.make_fragment(path, filesystem=files, partition_expression=where))
    return tally(pads.FileSystemDataset(parts, schema, form, files), table.sums)


def _narrowed(look: Look, shown: Snapshot) -> Any:
    where = expression(look.where, shown.dataset.schema)
    return shown.dataset if where is None else shown.dataset.filter(where)


def _columns(look: Look, schema: Any) -> str:
    for name in look.columns:
        if schema.get_field_index(name) < 0:
            raise invalid(name, f"The table has no column `{name}`.", "Name columns of the table.",
                          zh=f"表中没有列“{name}”。")  # fmt: skip
    return ", ".join(f'"{name}"' for name in look.columns) or "*"


@contextmanager
def session(looks: Mapping[str, Look], memory_mb: int, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of its own in which only the given views exist. See `queries.session`."""
    connection = duckdb.connect(":memory:")
    try:
        # What does not fit into the memory fails: spilling would fill the disk of the records.
        connection.execute(f"SET memory_limit = '{memory_mb}MB'")
        connection.execute(f"SET threads = {threads}")
        for statement in _CLOSED:
            connection.execute(statement)
        for name, look in looks.items():
            if not NAME.fullmatch(name):
                raise invalid("looks", f"`{name}` is no name of a view.", "Use small letters, digits and _.",
                              zh=f"视图名“{name}”不合要求。")  # fmt: skip
            shown = snapshot(look.table, look.version)
            hidden = f"raw_{secrets.token_hex(8)}"
            columns = _columns(look, shown.dataset.schema)
            connection.register(hidden, _narrowed(look, shown))
            connection.execute(f'CREATE TEMP VIEW "{name}" AS SELECT {columns} FROM {hidden}')  # noqa: S608  # checked
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()


_CLOSED = (
    "SET temp_directory = ''",
    "SET TimeZone = 'UTC'",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET python_enable_replacements = false",  # else SQL could name the variables of our own functions
)


def conditions_text(where: Sequence[Condition]) -> str:
    """Conditions as the audit tells of them: columns and operators, not values, which may be persons'."""
    return ", ".join(f"{one.column} {one.operator}" for one in where)
