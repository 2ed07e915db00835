"""Lists are read page by page, by keyset: the cost of a page does not grow with its distance from the first."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from ninja import Field, Schema

from scoc.core.now import city_now
from scoc.core.refusals import invalid
from scoc.core.schemas import Moment

M = TypeVar("M", bound=Model)
S = TypeVar("S")
COUNT_LIMIT = 10_000


class PageQuery(Schema):
    """How to page through a list, and as of when."""

    cursor: str | None = Field(None, max_length=400)
    limit: int = Field(50, ge=1, le=500)
    as_of: Moment | None = None
    """Only what was known at this time; now when left out."""


class Page(Schema, Generic[S]):
    """One page. `total` is null when it exceeds 10 000: counting further would cost more than it tells."""

    items: list[S]
    next: str | None
    total: int | None
    as_of: datetime


def _encode(values: list[Any]) -> str:
    plain = [value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _decode(cursor: str, fields: tuple[str, ...]) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(fields):
            raise ValueError
        return [datetime.fromisoformat(v) if isinstance(v, str) and v[4:5] == "-" else v for v in values]
    except (ValueError, TypeError) as error:
        raise invalid("cursor", "This is not a cursor of this list.", "Use `next` of the page before.") from error


def _after(fields: tuple[str, ...], values: list[Any]) -> Q:
    """Rows that come after the given key, in the order of the fields (`-` means descending)."""
    condition = Q()
    for index in range(len(fields)):
        equal = {fields[i].lstrip("-"): values[i] for i in range(index)}
        name = fields[index].lstrip("-")
        side = "lt" if fields[index].startswith("-") else "gt"
        condition |= Q(**equal, **{f"{name}__{side}": values[index]})
    return condition


def paged(
    rows: QuerySet[M], query: PageQuery, order: tuple[str, ...], shape: Callable[[M], S], *, count: bool = True
) -> Page[S]:
    """The page of `rows` that the query asks for. `order` must end with a unique field and match an index."""
    total: int | None = None
    if count:
        counted = rows.order_by()[: COUNT_LIMIT + 1].count()
        total = counted if counted <= COUNT_LIMIT else None
    wanted = rows.order_by(*order)
    if query.cursor:
        wanted = wanted.filter(_after(order, _decode(query.cursor, order)))
    found = list(wanted[: query.limit + 1])
    more = len(found) > query.limit
    found = found[: query.limit]
    following = None
    if more:
        last = found[-1]
        values = []
        for name in order:
            value: Any = last
            for part in name.lstrip("-").split("__"):
                value = getattr(value, part)
            values.append(value)
        following = _encode(values)
    return Page(items=[shape(row) for row in found], next=following, total=total, as_of=query.as_of or city_now())
