"""Keeping what evaluation counts of each case: set in the transaction of what changes it."""

from __future__ import annotations

from datetime import datetime

from scoc.command.cases.models import Case, CaseOutcome, Clock, Move, Timer


def note_outcome(case: Case, move: Move, moment: datetime, recorded: datetime) -> None:
    """Set what evaluation counts of the case from the move that it has just made."""
    if move.name == "report_case":
        CaseOutcome.objects.create(case=case, reported_at=moment, recorded_at=recorded)
        return
    row = CaseOutcome.objects.get(pk=case.pk)
    match move.name:
        case "accept_case":
            row.accepted = True
        case "file_case":
            row.filed = True
        case "dispatch_case":
            row.dispatched_at = row.dispatched_at or moment
        case "feed_back":
            row.fed_back = True
    note_disposal(row, recorded)
    row.save()


def note_disposal(row: CaseOutcome, recorded: datetime) -> None:
    """Set the time that ran for the unit: that of the last span of disposal that counts."""
    row.recorded_at = recorded
    last = Timer.objects.known(None, None).filter(case=row.case_id, clock=Clock.DISPOSAL)
    timer = last.order_by("-bundle", "-span").first()
    row.due_at, row.unit_id, row.stopped_at = (
        (timer.deadline_at, timer.organisation_id, timer.stopped_at) if timer else (None, None, None)
    )
