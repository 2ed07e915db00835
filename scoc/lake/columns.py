"""The declared schema of a table, and the comparison that every write must pass.

The library casts in silence (5.5 into an integer column becomes 5), so nothing that differs gets as far as it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from scoc.core.refusals import Invalid, invalid
from scoc.lake.schemas import TableSpec

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
MOST_COLUMNS = 500
LEAST_KEEP_DAYS = 7
"""Below this a clean-up could take the files of a write that is not committed yet (Delta's own floor)."""
MOST_KEEP_DAYS = 36500
_PLAIN = (pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.string(),
          pa.binary(), pa.date32(), pa.timestamp("us", "UTC"))  # fmt: skip
_BY_TEXT = {str(kind): kind for kind in _PLAIN}
_DECIMAL = re.compile(r"decimal128\((\d+), (\d+)\)")


def to_rows(schema: Any) -> list[dict[str, Any]]:
    """A schema as the catalogue keeps it."""
    return [{"name": field.name, "type": str(field.type), "nullable": field.nullable} for field in schema]


def to_schema(rows: Iterable[dict[str, Any]]) -> Any:
    """The schema that the catalogue keeps."""
    return pa.schema([pa.field(row["name"], _type(row["type"]), row["nullable"]) for row in rows])


def _type(text: str) -> Any:
    found = _DECIMAL.fullmatch(text)
    return pa.decimal128(int(found[1]), int(found[2])) if found else _BY_TEXT[text]


def check_spec(spec: TableSpec) -> None:
    """Raises Invalid for a table that cannot be kept faithfully."""
    if not NAME.fullmatch(spec.name):
        raise invalid("name", f"`{spec.name}` is no name of a table.", "Use up to 60 small letters, digits and _.",
                      zh=f"表名“{spec.name}”不合要求：须以小写字母开头，仅含小写字母、数字和下划线。")  # fmt: skip
    if not LEAST_KEEP_DAYS <= spec.keep_days <= MOST_KEEP_DAYS:
        raise invalid("keep_days", f"{spec.keep_days} days is outside of {LEAST_KEEP_DAYS} to {MOST_KEEP_DAYS}.",
                      "Give the days that the law asks for.",
                      zh=f"保留天数应在{LEAST_KEEP_DAYS}至{MOST_KEEP_DAYS}之间。")  # fmt: skip
    names = [field.name for field in spec.schema]
    if not 0 < len(names) <= MOST_COLUMNS or len({name.lower() for name in names}) != len(names):
        raise invalid("schema", "Its columns are none, too many, or not told apart by small letters.",
                      f"Declare 1 to {MOST_COLUMNS} columns with names of their own.",
                      zh=f"列数应为1至{MOST_COLUMNS}，且列名（不分大小写）不得重复。")  # fmt: skip
    for field in spec.schema:
        _check_declared(field)
    if spec.partition:
        _check_partition(spec)
    for name in spec.sums:
        if name not in names or not (_is_whole(spec.schema.field(name).type)):
            raise invalid(name, f"`{name}` cannot be summed exactly.",
                          "Sum integers and decimals; the digest covers every column.",
                          zh=f"列“{name}”不能精确求和：仅整数和定点小数列可以，其余由摘要核对。")  # fmt: skip


def _is_whole(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_decimal(kind))


def is_bounded(kind: Any) -> bool:
    """Whole numbers and times: the log tells their bounds in each file, exactly, and they are what is asked by."""
    return bool(pa.types.is_integer(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def _check_declared(field: Any) -> None:
    kind = field.type
    if kind in _PLAIN or (pa.types.is_decimal128(kind) and 0 <= kind.scale <= kind.precision):
        if not field.name or len(field.name) > 120 or re.search(r"[\x00-\x1f\"`,;{}()=/\\]", field.name):
            raise invalid(field.name, f"`{field.name}` is no name of a column.", "Use letters, digits, _ and spaces.",
                          zh=f"列名“{field.name}”不合要求。")  # fmt: skip
        return
    raise invalid(
        field.name, f"`{field.name}` is {kind}, which the lake does not keep as it is.",
        "Declare bool, int8 to int64, float, double, string, binary, date32, timestamp[us, UTC] or decimal128.",
        zh=f"列“{field.name}”的类型{kind}不受支持。",
    )  # fmt: skip


def _check_partition(spec: TableSpec) -> None:
    """Days only: paths of other values are percent-encoded, and Spark reads Chinese ones as rubbish."""
    index = spec.schema.get_field_index(spec.partition)
    if index < 0 or spec.schema.field(index).type != pa.date32() or spec.schema.field(index).nullable:
        raise invalid(spec.partition, f"`{spec.partition}` cannot part the table.",
                      "Part it by one column date32 that is never null, or not at all.",
                      zh=f"列“{spec.partition}”不能用于分区：仅可用不可为空的日期列。")  # fmt: skip
    if len(spec.schema) < 2:
        raise invalid(spec.partition, "Nothing is left beside the column of days.", "Declare further columns.",
                      zh="除分区列外至少还应有一列。")  # fmt: skip


def check_batch_schema(declared: Any, given: Any) -> None:
    """Raises Invalid unless what is to be written has exactly the declared columns and types."""
    names = [field.name for field in given]
    for field in declared:
        if names.count(field.name) != 1:
            raise _unfit(
                field.name, f"Column `{field.name}` is missing or comes twice.", f"缺少列“{field.name}”或重复。"
            )
        kind = given.field(field.name).type
        if kind != field.type:
            raise _unfit(field.name, f"Column `{field.name}` is {kind}, but the table has {field.type}.",
                         f"列“{field.name}”的类型为{kind}，表中为{field.type}。")  # fmt: skip
    for name in names:
        if declared.get_field_index(name) < 0:
            raise _unfit(name, f"The table has no column `{name}`.", f"表中没有列“{name}”。")


def fitting(declared: Any, batch: Any) -> Any:
    """The batch with its columns in the declared order. Raises Invalid for a null where there must be none."""
    check_batch_schema(declared, batch.schema)
    for field in declared:
        if not field.nullable and batch.column(field.name).null_count:
            raise _unfit(field.name, f"Column `{field.name}` holds nulls, which the table does not allow.",
                         f"列“{field.name}”含有空值，表中不允许。")  # fmt: skip
    return pa.RecordBatch.from_arrays([batch.column(field.name) for field in declared], schema=declared)


def _unfit(column: str, message: str, zh: str) -> Invalid:
    return invalid(column, message, "Nothing is cast in silence: bring the rows to the declared schema first.",
                   zh=zh, code="schema_differs")  # fmt: skip
