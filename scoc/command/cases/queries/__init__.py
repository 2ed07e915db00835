"""What others may read of cases; the viewer comes first."""

from scoc.command.cases.queries.definitions import conditions, sources, suggest_unit, units_for_case
from scoc.command.cases.queries.detail import case, evidence_file
from scoc.command.cases.queries.evaluation import due_cases, evaluation_counts
from scoc.command.cases.queries.worklists import (
    TABS,
    Filters,
    case_points,
    case_titles,
    cases_around,
    worklist,
    worklist_counts,
)

__all__ = [
    "TABS",
    "Filters",
    "case",
    "case_points",
    "case_titles",
    "cases_around",
    "conditions",
    "due_cases",
    "evaluation_counts",
    "evidence_file",
    "sources",
    "suggest_unit",
    "units_for_case",
    "worklist",
    "worklist_counts",
]
