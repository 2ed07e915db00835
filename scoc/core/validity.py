"""Rows that hold for a while, and rows that lie in an area: what lists of every module ask for in the same words."""

from __future__ import annotations

from datetime import date, datetime
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from scoc.core.models import Area

M = TypeVar("M", bound=Model)


def not_over(at: date | datetime, prefix: str = "") -> Q:
    """Rows that have not ended at a time or on a day, those of a time to come among them."""
    return Q(**{f"{prefix}valid_to": None}) | Q(**{f"{prefix}valid_to__gt": at})


def valid_at(at: date | datetime, prefix: str = "") -> Q:
    """Rows that hold at a time or on a day; `valid_to` is the first moment, or day, without.

    `prefix` is the look-up that leads to the rows, e.g. `post__`.
    """
    return Q(**{f"{prefix}valid_from__lte": at}) & not_over(at, prefix)


def in_area(code: str, path: str = "area__path") -> Q | None:
    """Rows that lie in the area of this code or below it, in whichever of its versions they were written.

    What happened in a street stays its, whichever district it lay in then. `path` is the look-up of the rows' area
    path. None where no area has the code. Needs no permission: it narrows what the caller may see already.
    """
    condition = Q()
    for above in sorted(set(Area.objects.filter(code=code).values_list("path", flat=True))):
        condition |= Q(**{f"{path}__startswith": above})
    return condition or None


def lying_in(rows: QuerySet[M], code: str) -> QuerySet[M]:
    """The rows `in_area`; none for a code that no area has."""
    inside = in_area(code)
    return rows.none() if inside is None else rows.filter(inside)
