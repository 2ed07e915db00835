"""The clocks of a case (计时), one row for each span in which one of them ran."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q

from scoc.core.fields import ScaledField
from scoc.kit.text import Text


class Clock(models.TextChoices):
    """What is timed. Disposal is the one that is evaluated."""

    ACCEPTANCE = "acceptance"
    FILING = "filing"
    DISPATCH = "dispatch"
    SIGN = "sign"
    DISPOSAL = "disposal"
    CHECK = "check"
    CLOSE = "close"


CLOCK_TEXT = {
    Clock.ACCEPTANCE: Text("受理", "acceptance"),
    Clock.FILING: Text("立案", "filing"),
    Clock.DISPATCH: Text("派遣", "dispatch"),
    Clock.SIGN: Text("签收", "signing"),
    Clock.DISPOSAL: Text("处置", "disposal"),
    Clock.CHECK: Text("核查", "checking"),
    Clock.CLOSE: Text("结案", "closing"),
}


class Spans(models.QuerySet["Timer"]):
    """Spans of clocks, also as they were known at a time."""

    def known(self, until: datetime | None, recorded: datetime | None) -> Spans:
        """Spans that had begun by `until` and hold in what was recorded by `recorded` (None: without a bound)."""
        rows = self if until is None else self.filter(started_at__lte=until)
        if recorded is None:
            return rows.exclude(status__in=(Timer.Status.REPLACED, Timer.Status.VOID))
        rows = rows.filter(recorded_at__lte=recorded)
        return rows.exclude(status__in=(Timer.Status.REPLACED, Timer.Status.VOID), ended_recorded_at__lte=recorded)


class Timer(models.Model):
    """One span of one clock: started once, ended once. A pause, a rework or a new calendar makes a further span.

    Spans of one `bundle` share one budget (捆绑计时: all visits of one case to the same unit); `carried` is what
    earlier spans of the bundle used up. A span that was computed anew keeps its start; the old row is `replaced`,
    so that what was known earlier can be told.
    """

    class Status(models.TextChoices):
        """Running; stopped by its move; void, as if it had never run; replaced by a row computed anew."""

        RUNNING = "running"
        STOPPED = "stopped"
        VOID = "void"
        REPLACED = "replaced"

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="timers")
    clock = models.CharField(max_length=12, choices=Clock.choices)
    bundle = models.PositiveSmallIntegerField()
    """Number of the budget among those of this clock and case, from 1."""
    span = models.PositiveSmallIntegerField()
    """Number of the span in its bundle, from 1; a replacing row keeps it."""
    organisation = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, null=True, related_name="+")
    """The unit whose time runs; empty for the desks of the centre."""
    unit = models.CharField(max_length=12)
    limit = ScaledField(places=4)
    """The limit as people say it, in `unit`."""
    length = models.DurationField()
    """The limit as counted time, fixed when the bundle began."""
    carried = models.DurationField(default=timedelta(0))
    started_at = models.DateTimeField()
    deadline_at = models.DateTimeField()
    yellow_at = models.DateTimeField()
    """From here on it is soon overdue."""
    calendar_version = models.PositiveIntegerField()
    provisional = models.BooleanField(default=False)
    """It needed a year without a published calendar; weekends were assumed."""
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.RUNNING)
    stopped_at = models.DateTimeField(null=True)
    used = models.DurationField(null=True)
    """Counted time of this span alone, when it stopped."""
    next_urge_at = models.DateTimeField(null=True)
    urged_percent = models.PositiveSmallIntegerField(default=0)
    """The highest rung of the city's ladder that was told of, in the whole bundle."""
    recorded_at = models.DateTimeField()
    ended_recorded_at = models.DateTimeField(null=True)
    """When it was recorded that the span stopped, is void or was replaced."""

    objects = Spans.as_manager()

    class Meta:
        db_table = "cases_timer"
        indexes = (
            models.Index(fields=("case", "clock", "bundle", "span"), name="cases_timer_case"),
            models.Index(fields=("clock", "deadline_at"), name="cases_timer_deadline"),
            models.Index(fields=("next_urge_at",), name="cases_timer_urge"),
            # "is null", since SQLite uses a partial index for constants only
            models.Index(
                fields=("calendar_version", "id"), name="cases_timer_open", condition=Q(ended_recorded_at=None)
            ),
        )

    def __str__(self) -> str:
        return f"{self.clock} of case {self.case_id}: {self.status}"
