"""Conditions on rows as data, turned into Arrow's expressions; each value must be of exactly the column's type."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scoc.core.refusals import Invalid, invalid
from scoc.lake.schemas import Condition, Value

_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
MOST_VALUES = 1000
_KINDS: tuple[tuple[Callable[[Any], bool], tuple[type, ...]], ...] = (
    (pa.types.is_boolean, (bool,)), (pa.types.is_integer, (int,)), (pa.types.is_string, (str,)),
    (pa.types.is_date, (date,)), (pa.types.is_timestamp, (datetime,)), (pa.types.is_decimal, (Decimal, int)),
)  # fmt: skip


def _unfit(condition: Condition) -> Invalid:
    return invalid(condition.column, f"No such condition on `{condition.column}`.",
                   "Name a column of the table, an operator, and a value of the column's own type.",
                   zh=f"列“{condition.column}”上的条件不成立：请使用表中的列、运算符和同类型的值。")  # fmt: skip


def _values(condition: Condition, kind: Any) -> tuple[Value, ...]:
    """The values of a condition. Raises Invalid unless each has exactly the column's type."""
    several = condition.operator == "in"
    if several != isinstance(condition.value, tuple) or condition.operator not in {*_COMPARED, "in"}:
        raise _unfit(condition)
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    expected = next((types for fits, types in _KINDS if fits(kind)), ())
    for value in values:
        wrong = type(value) not in expected or (isinstance(value, datetime) and value.tzinfo is None)
        if wrong or (isinstance(value, str) and "\x00" in value):
            raise _unfit(condition)
    if not 0 < len(values) <= MOST_VALUES:
        raise _unfit(condition)
    return values


def _kind(condition: Condition, schema: Any) -> Any:
    if schema.get_field_index(condition.column) < 0:
        raise _unfit(condition)
    return schema.field(condition.column).type


def expression(conditions: Sequence[Condition], schema: Any) -> Any:
    """The conditions for Arrow; None where there are none. Raises Invalid. A null fulfils none of them."""
    whole = None
    for condition in conditions:
        kind = _kind(condition, schema)
        column = pc.field(condition.column)
        scalars = [_scalar(value, kind, condition) for value in _values(condition, kind)]
        if condition.operator == "in":
            part = column.isin(pa.array([scalar.as_py() for scalar in scalars], kind))
        else:
            part = _COMPARED[condition.operator](column, scalars[0])
        whole = part if whole is None else whole & part
    return whole


def _scalar(value: Value, kind: Any, condition: Condition) -> Any:
    try:
        return pa.scalar(value, kind)
    except (pa.ArrowInvalid, OverflowError):
        raise _unfit(condition) from None
