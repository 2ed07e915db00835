"""What every row that matters carries: the envelope, the flow of states, versions of definitions."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Self, TypeVar

from django.db import models


class Grade(models.IntegerChoices):
    """Sensitivity (数据分级), GB/T 43697-2024 annex H naming: unknown counts as sensitive."""

    L1_PUBLIC = 1
    L2_INTERNAL = 2
    L3_SENSITIVE = 3
    L4_HIGHLY_SENSITIVE = 4


class Envelope(models.Model):
    """When it was true and when we knew, in which run, whose, where, how sensitive, by which post, in which course."""

    happened_at = models.DateTimeField(db_index=True)
    recorded_at = models.DateTimeField()
    run = models.ForeignKey("core.Run", on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, null=True, related_name="+")
    area = models.ForeignKey("core.Area", on_delete=models.PROTECT, null=True, related_name="+")
    """The version of the area that held at `happened_at`."""
    grade = models.PositiveSmallIntegerField(choices=Grade.choices, default=Grade.L2_INTERNAL)
    post = models.ForeignKey("core.Post", on_delete=models.PROTECT, null=True, related_name="+")
    """The acting post that made the row."""
    correlation = models.CharField(max_length=32, db_index=True)

    class Meta:
        abstract = True


MOST_LATE = 500
"""So many subjects that moved since are looked at one by one; for a time long past all are."""

F = TypeVar("F", bound="FlowRow", covariant=True)


class Flow(models.QuerySet[F]):
    """Rows of flows, also as they were known at a time; a concrete one names the key to its subject.

    `until` bounds what had happened, `recorded` what was recorded by then; None is without a bound.
    """

    subject: str

    def known(self, until: datetime | None, recorded: datetime | None) -> Self:
        """Rows that had happened by `until`, in what was recorded by `recorded`."""
        rows = self if until is None else self.filter(happened_at__lte=until)
        return rows if recorded is None else rows.filter(recorded_at__lte=recorded)

    def last_known(self, until: datetime | None, recorded: datetime | None) -> Self:
        """Of each subject the one row that told where it stood, as known then."""
        later = self._all().filter(
            **{self.subject: models.OuterRef(self.subject)}, version=models.OuterRef("version") + 1
        )
        return self.known(until, recorded).filter(~models.Exists(later.known(until, recorded)))

    def standing(self, states: Collection[str], at: datetime, recorded: datetime | None) -> Self:
        """Rows of these states that had not been left at `at`, and what may have been: for `last_known` to judge.

        Those few come by index instead of all that ever stood so; a subject whose leaving was recorded only after
        `recorded` is among them.
        """
        rows = self.filter(to_state__in=states)
        candidates = models.Q(left_at=None) | models.Q(left_at__gt=at)
        if recorded is not None:
            key = f"{self.subject}_id"
            moved = self._all().filter(recorded_at__gt=recorded).order_by().values_list(key, flat=True).distinct()
            late = set(moved[: MOST_LATE + 1])
            if len(late) > MOST_LATE:
                return rows
            candidates |= models.Q(**{f"{key}__in": late})
        return rows.filter(candidates)

    def _all(self) -> Self:
        """Every row of the table, whatever these were narrowed to."""
        return type(self)(self.model, using=self.db)


class FlowRow(models.Model):
    """One stay in one state (流转记录): evaluation, appeal and the time machine read these, never the current row.

    Append-only by trigger: after its insert only `left_at` may change, once, from empty.
    The concrete table adds the foreign key to its subject, and a `Flow` as its manager where the past is asked for.
    """

    version = models.PositiveIntegerField()
    """Number of this row in the subject's flow, from 1."""
    from_state = models.CharField(max_length=20, blank=True)
    to_state = models.CharField(max_length=20)
    action = models.CharField(max_length=40)
    actor = models.ForeignKey("core.User", on_delete=models.PROTECT, related_name="+")
    post = models.ForeignKey("core.Post", on_delete=models.PROTECT, null=True, related_name="+")
    organisation = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, null=True, related_name="+")
    opinion = models.TextField(blank=True)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class VersionRow(models.Model):
    """One version of a definition (口径): never changed in place, so that old results can be told from new."""

    code = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)
    source = models.CharField(max_length=200, blank=True)
    approved_by = models.CharField(max_length=120, blank=True)
    recorded_at = models.DateTimeField()

    class Meta:
        abstract = True
