"""What cases tell the city: every move of a case, as ids, codes and times; `subject` is `cases:<id>`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scoc.core.facts import Code, Fact, fact

SEE = "cases.read_cases"


@fact("cases.reported", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReported(Fact):
    """A case was opened (上报): it waits for acceptance."""

    case_no: Code
    source: Code
    category: Code
    """Empty where only words were given."""
    priority: int
    situation: int | None = None


@fact("cases.accepted", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAccepted(Fact):
    """Its class and filing condition were chosen (受理)."""

    category: Code
    condition: Code
    priority: int


@fact("cases.filed", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFiled(Fact):
    """It was filed (立案); limit and closing criterion are frozen."""

    condition: Code
    condition_version: int


@fact("cases.dispatched", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDispatched(Fact):
    """It went to a unit (派遣); the disposal clock runs."""

    unit: int
    by_matrix: bool
    due_at: datetime


@fact("cases.signed", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSigned(Fact):
    """The unit took it (签收)."""

    unit: int


@fact("cases.fed_back", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFedBack(Fact):
    """The unit says it is done (反馈); the disposal clock stopped here."""

    unit: int
    in_time: bool


@fact("cases.check_sent", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseCheckSent(Fact):
    """It is to be checked on the spot (发核查)."""


@fact("cases.check_passed", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseCheckPassed(Fact):
    """The check on the spot found it done (核查通过)."""


@fact("cases.reworked", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReworked(Fact):
    """The criterion was not met: back to the same unit (返工)."""

    unit: int
    rework_count: int
    due_at: datetime


@fact("cases.closed", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseClosed(Fact):
    """It is closed (结案); `in_time` is that of the disposal."""

    unit: int
    in_time: bool
    rework_count: int
    situation: int | None = None


@fact("cases.commented", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseCommented(Fact):
    """Somebody wrote a comment (评论)."""

    note: int


@fact("cases.urged", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseUrged(Fact):
    """A clock reached a rung of the city's ladder (催办)."""

    clock: Code
    percent: int


@fact("cases.timers_recomputed", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class TimersRecomputed(Fact):
    """The working calendar changed: the case's open clocks have new deadlines."""

    calendar_version: int
    due_at: datetime | None
