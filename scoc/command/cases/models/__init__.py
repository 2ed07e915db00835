"""The rows of cases, and the table of allowed moves; private to the module."""

from scoc.command.cases.models.cases import (
    CASE_TEXT,
    Case,
    CaseEvidence,
    CaseFlow,
    CaseNote,
    CaseSerial,
    Evidence,
    FilingSnapshot,
    NoteKind,
)
from scoc.command.cases.models.definitions import FilingCondition, LimitUnit, ResponsibilityRow
from scoc.command.cases.models.moves import MOVES, STAGE_OF, Move, Need, Side, State, moves_from
from scoc.command.cases.models.outcomes import CaseOutcome
from scoc.command.cases.models.timers import Clock, Timer

__all__ = [
    "CASE_TEXT",
    "MOVES",
    "STAGE_OF",
    "Case",
    "CaseEvidence",
    "CaseFlow",
    "CaseNote",
    "CaseOutcome",
    "CaseSerial",
    "Clock",
    "Evidence",
    "FilingCondition",
    "FilingSnapshot",
    "LimitUnit",
    "Move",
    "Need",
    "NoteKind",
    "ResponsibilityRow",
    "Side",
    "State",
    "Timer",
    "moves_from",
]
