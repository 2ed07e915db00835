"""Rows that lie in an area, whichever of its versions they were written in."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from scoc.core.models import Area

M = TypeVar("M", bound=Model)


def lying_in(rows: QuerySet[M], area: str) -> QuerySet[M]:
    """Rows whose `area` is the one with this code or lies below it; none for a code that no area has.

    Needs no permission: it narrows what the caller may see already.
    """
    paths = set(Area.objects.filter(code=area).values_list("path", flat=True))
    wanted = Q(pk__in=())
    for path in sorted(paths):
        wanted |= Q(area__path__startswith=path)
    return rows.filter(wanted)
