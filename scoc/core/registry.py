"""Categories, code sets, components and assets (分类与部件), read by version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from scoc.core.models import Category, Code
from scoc.core.validity import valid_at
from scoc.kit.text import Text


@dataclass(frozen=True, slots=True)
class Named:
    """A code with its name."""

    code: str
    name: Text


def categories(moment: datetime) -> QuerySet[Category]:
    """The version of each category that holds at `moment`."""
    return Category.objects.filter(valid_at(moment))


def category(code: str, moment: datetime) -> Category | None:
    """One category by code, as it holds at `moment`; None when there is none."""
    return categories(moment).filter(code=code).first()


def code_set(name: str, moment: datetime) -> list[Named]:
    """The values of a code set that hold at `moment`."""
    rows = Code.objects.filter(valid_at(moment), set=name)
    return [Named(row.value, row.name) for row in rows.order_by("value")]
