"""Copies of cases with their flow, clocks, snapshots and facts, some time earlier; imported once Django is set up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import Model

from scoc.command.cases.models import Case, CaseFlow, FilingSnapshot, Timer
from scoc.core.models import FactRow

M = TypeVar("M", bound=Model)
MARK = "X"
"""Begins the numbers of copies; no city's code does."""


def copy_cases(wanted: Sequence[tuple[Case, int, timedelta]]) -> None:
    """Each case once more under a number, so much earlier; rows are written past the actions, hundreds at once."""
    copies = []
    for template, number, earlier in wanted:
        made = _earlier(template, earlier)
        made.case_no, made.external_id, made.situation_id = f"{MARK}{number:018d}", "", None
        copies.append(made)
    Case.objects.bulk_create(copies)
    ids = {template.pk for template, _, _ in wanted}
    beside: dict[int, list[CaseFlow | Timer | FilingSnapshot]] = defaultdict(list)
    for model in (CaseFlow, Timer, FilingSnapshot):
        for row in model._default_manager.filter(case__in=ids):
            beside[row.case_id].append(row)
    facts: dict[str, list[FactRow]] = defaultdict(list)
    for told in FactRow.objects.filter(subject__in=[f"cases:{pk}" for pk in ids]):
        facts[told.subject].append(told)
    fresh: dict[type[Model], list[Model]] = defaultdict(list)
    for (template, _, earlier), made in zip(wanted, copies, strict=True):
        for row in beside[template.pk]:
            copied = _earlier(row, earlier)
            copied.case = made
            fresh[type(row)].append(copied)
        for told in facts[template.subject]:
            again = _earlier(told, earlier)
            again.subject = made.subject
            fresh[FactRow].append(again)
    for kind, rows in fresh.items():
        kind._default_manager.bulk_create(rows, batch_size=2000)


def _earlier(row: M, span: timedelta) -> M:
    """An unsaved copy with every time moved back."""
    copied = type(row)(**{field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields})
    copied.pk = None
    for field in row._meta.concrete_fields:
        value = getattr(row, field.attname)
        if isinstance(value, datetime):
            setattr(copied, field.attname, value - span)
    return copied
