"""What evaluation counts of each case as it stands now, in one row by index: a month is read without its flows."""

from __future__ import annotations

from django.db import models


class CaseOutcome(models.Model):
    """The date rules of DOMAIN.md 1.11 of one case, as known now; the case itself has state, units and reworks.

    Written by the one place where cases move, from flow and clocks; whoever asks as of a past time reads those instead.
    """

    case = models.OneToOneField("cases.Case", on_delete=models.PROTECT, primary_key=True, related_name="outcome")
    reported_at = models.DateTimeField()
    """When it was entered; it may have been seen earlier."""
    accepted = models.BooleanField(default=False)
    filed = models.BooleanField(default=False)
    dispatched_at = models.DateTimeField(null=True)
    """Of the first dispatch."""
    fed_back = models.BooleanField(default=False)
    """At least once."""
    due_at = models.DateTimeField(null=True)
    """Deadline of the last span of disposal that counts; empty before a dispatch."""
    unit = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, null=True, related_name="+")
    """Whose time ran in that span."""
    stopped_at = models.DateTimeField(null=True)
    """When that span stopped; empty while it runs."""
    recorded_at = models.DateTimeField()
    """Of the newest change: what is asked as recorded by a time is told from here unless something came after it."""

    class Meta:
        db_table = "cases_outcome"
        indexes = (
            models.Index(fields=("reported_at",), name="cases_outcome_reported"),
            models.Index(fields=("dispatched_at",), name="cases_outcome_dispatched"),
            models.Index(fields=("due_at",), name="cases_outcome_due"),
            models.Index(fields=("recorded_at",), name="cases_outcome_recorded"),
        )

    def __str__(self) -> str:
        return f"outcome of case {self.case_id}"
