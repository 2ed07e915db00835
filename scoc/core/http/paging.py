"""Lists are read page by page, by keyset: the cost of a page does not grow with its distance from the first."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Generic, TypeVar

from django.core.exceptions import FieldDoesNotExist
from django.db.models import F, Model, Q, QuerySet
from django.db.models import Field as Column
from ninja import Field, Schema

from scoc.core.now import city_now
from scoc.core.refusals import Invalid, invalid
from scoc.core.schemas import Moment
from scoc.core.secrets import keyed_hash

M = TypeVar("M", bound=Model)
S = TypeVar("S")
COUNT_LIMIT = 10_000
_SEAL = 22


class PageQuery(Schema):
    """How to page through a list, and as of when."""

    cursor: str | None = Field(None, max_length=1000)
    limit: int = Field(50, ge=1, le=500)
    as_of: Moment | None = None
    """Only what was known at this time; now when left out."""


class Page(Schema, Generic[S]):
    """One page. `total` is null when it exceeds 10 000: counting further would cost more than it tells."""

    items: list[S]
    next: str | None
    total: int | None
    as_of: datetime


def _to_plain(value: Any) -> Any:
    """A column's value as JSON that says its kind."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime):
        return {"t": value.astimezone(UTC).isoformat()}
    if isinstance(value, date):
        return {"d": value.isoformat()}
    if isinstance(value, Decimal):
        return {"n": str(value)}
    raise TypeError(f"A list cannot be ordered by a {type(value).__name__}.")


def _from_plain(value: Any) -> Any:
    match value:
        case {"t": text}:
            return datetime.fromisoformat(text)
        case {"d": text}:
            return date.fromisoformat(text)
        case {"n": text}:
            return Decimal(text)
    return value


def _seal(label: str, order: tuple[str, ...], content: str) -> str:
    """Cursors are sealed with the list that gave them: nobody else's value ever reaches a look-up."""
    return keyed_hash("cursor", "\n".join((label, *order, content)))[:_SEAL]


def _encode(label: str, order: tuple[str, ...], values: list[Any], total: int | None) -> str:
    content = json.dumps([total, *map(_to_plain, values)], ensure_ascii=False, separators=(",", ":"))
    packed = base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")
    return _seal(label, order, packed) + packed


def _wrong_cursor() -> Invalid:
    return invalid(
        "cursor", "This is not a cursor of this list.", "Use `next` of the page before.",
        code="wrong_cursor", zh="游标无效，请使用上一页给出的 next。",
    )  # fmt: skip


def _decode(label: str, order: tuple[str, ...], cursor: str) -> tuple[int | None, list[Any]]:
    seal, packed = cursor[:_SEAL], cursor[_SEAL:]
    if not cursor.isascii() or not hmac.compare_digest(seal, _seal(label, order, packed)):
        raise _wrong_cursor()
    total, *values = json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    return total, [_from_plain(value) for value in values]


@lru_cache(maxsize=512)
def _may_be_null(model: type[Model], name: str) -> bool:
    """Whether a column, perhaps of a related row, can be NULL; what the model does not know might be."""
    *parts, last = name.split("__")
    kind: type[Model] | None = model
    for part in [*parts, last]:
        if kind is None:
            return True
        try:
            column = kind._meta.pk if part == "pk" else kind._meta.get_field(part)
        except FieldDoesNotExist:
            return True
        if not isinstance(column, Column) or column.null:
            return True
        kind = column.related_model if isinstance(column.related_model, type) else None
    return False


def _ordered(rows: QuerySet[M], order: tuple[str, ...]) -> QuerySet[M]:
    """In order, NULL counting as later than all values on both databases."""
    terms: list[Any] = []
    for item in order:
        name, descending = item.lstrip("-"), item.startswith("-")
        if not _may_be_null(rows.model, name):
            terms.append(item)
        else:
            terms.append(F(name).desc(nulls_first=True) if descending else F(name).asc(nulls_last=True))
    return rows.order_by(*terms)


def _later(model: type[Model], item: str, value: Any) -> Q | None:
    """Rows whose column comes after the value; None where nothing can."""
    name, descending = item.lstrip("-"), item.startswith("-")
    if value is None:
        return Q(**{f"{name}__isnull": False}) if descending else None
    after = Q(**{f"{name}__{'lt' if descending else 'gt'}": value})
    if not descending and _may_be_null(model, name):
        after |= Q(**{f"{name}__isnull": True})
    return after


def _after(model: type[Model], order: tuple[str, ...], values: list[Any]) -> Q:
    """Rows that come after the given key, in the order of the fields (`-` means descending)."""
    condition = Q(pk__in=())
    equal = Q()
    for item, value in zip(order, values, strict=True):
        name = item.lstrip("-")
        later = _later(model, item, value)
        if later is not None:
            condition |= equal & later
        equal &= Q(**{f"{name}__isnull": True}) if value is None else Q(**{name: value})
    first = order[0]
    if values[0] is not None and not _may_be_null(model, first.lstrip("-")):
        # Says nothing new, but lets the database start reading its index here.
        condition &= Q(**{f"{first.lstrip('-')}__{'lte' if first.startswith('-') else 'gte'}": values[0]})
    return condition


def _value(row: Model, name: str) -> Any:
    value: Any = row
    for part in name.split("__"):
        value = None if value is None else getattr(value, part)
    return value


def paged(
    rows: QuerySet[M], query: PageQuery, order: tuple[str, ...], shape: Callable[[M], S], *, count: bool = True
) -> Page[S]:
    """The page of `rows` that the query asks for. `order` must end with a unique field and match an index.

    Rows are counted for the first page; its cursors carry the figure on.
    """
    label = rows.model._meta.label
    wanted = _ordered(rows, order)
    total: int | None = None
    if query.cursor:
        total, values = _decode(label, order, query.cursor)
        wanted = wanted.filter(_after(rows.model, order, values))
    elif count:
        counted = rows.order_by()[: COUNT_LIMIT + 1].count()
        total = counted if counted <= COUNT_LIMIT else None
    found = list(wanted[: query.limit + 1])
    following = None
    if len(found) > query.limit:
        found = found[: query.limit]
        following = _encode(label, order, [_value(found[-1], item.lstrip("-")) for item in order], total)
    return Page(items=[shape(row) for row in found], next=following, total=total, as_of=query.as_of or city_now())
