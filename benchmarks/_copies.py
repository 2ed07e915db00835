"""Copies of ended cases with their flow, clocks, outcomes and facts, some time earlier; imported once Django is set up.

The database copies by itself, past the actions: a hundred cases take no longer than one taken through its life.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.db.models import DateTimeField, Max, Model

from scoc.command.cases.models import Case, CaseFlow, CaseOutcome, FilingSnapshot, Timer
from scoc.core.models import FactRow

MARK = "X"
"""Begins the numbers of copies; no city's code does."""
STEP = 1_000_000
"""Between the id of a case and that of its next copy."""


def copied_so_far() -> int:
    """How many times every ended case has been copied."""
    return (Case.objects.aggregate(last=Max("pk"))["last"] or 0) // STEP


def copy_all(number: int, earlier: timedelta, limit: int) -> int:
    """Copy the ended cases of the lived days once more under a number, up to `limit`; how many these are."""
    chosen = Case.objects.filter(is_open=False, pk__lt=STEP).order_by("pk").values_list("pk", flat=True)[:limit]
    last = max(chosen)
    shift = number * STEP
    own = {"id": f"id + {shift}", "case_no": f"'{MARK}' || (id + {shift})", "external_id": "''", "situation_id": "NULL"}
    within = f"id < {STEP} AND id <= {last} AND NOT is_open"
    _copy(Case, own, within, earlier)
    for model in (CaseFlow, CaseOutcome, FilingSnapshot, Timer):
        _copy(
            model, {"case_id": f"case_id + {shift}"}, f"case_id IN (SELECT id FROM cases_case WHERE {within})", earlier
        )
    fact = f"subject IN (SELECT 'cases:' || id FROM cases_case WHERE {within})"
    _copy(FactRow, {"subject": f"'cases:' || (CAST(substr(subject, 7) AS integer) + {shift})"}, fact, earlier)
    return len(chosen)


def _copy(model: type[Model], instead: dict[str, str], where: str, earlier: timedelta) -> None:
    """Rows of a table once more, with every time moved back and some columns made anew."""
    fields = {
        field.column: field for field in model._meta.concrete_fields
        if field.column and (not field.primary_key or field.column in instead)
    }  # fmt: skip
    names = ", ".join(f'"{column}"' for column in fields)
    values = ", ".join(
        instead.get(column) or (_moved(column, earlier) if isinstance(field, DateTimeField) else f'"{column}"')
        for column, field in fields.items()
    )
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f'INSERT INTO "{table}" ({names}) SELECT {values} FROM "{table}" WHERE {where}')


def _moved(column: str, earlier: timedelta) -> str:
    seconds = round(earlier.total_seconds())
    if connection.vendor == "postgresql":
        return f"\"{column}\" - interval '{seconds} seconds'"
    return f"strftime('%Y-%m-%d %H:%M:%f', \"{column}\", '-{seconds} seconds')"
