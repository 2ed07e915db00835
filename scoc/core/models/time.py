"""The installation, its runs with their clocks, and the working calendar."""

from __future__ import annotations

from django.db import models

from scoc.core.fields import BilingualField


class Run(models.Model):
    """One course of the city's time (运行): normal life, a drill or a replay, each with its own clock.

    City time is `city_origin + (wall time - wall_origin) * speed_millis / 1000`. Every row that matters
    carries its run, so that drills and replays never reach the statistics of the real city.
    """

    class Kind(models.TextChoices):
        """What the run is; drills and replays tint every screen."""

        NORMAL = "normal"
        EXERCISE = "exercise"
        REPLAY = "replay"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    name = BilingualField()
    city_origin = models.DateTimeField(null=True)
    wall_origin = models.DateTimeField(null=True)
    speed_millis = models.BigIntegerField(default=1000)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "core_run"

    def __str__(self) -> str:
        return f"run {self.pk} ({self.kind})"


class Installation(models.Model):
    """The one city that this installation serves (城市)."""

    code = models.CharField(max_length=12)
    pack = models.CharField(max_length=40)
    name = BilingualField()
    timezone = models.CharField(max_length=40)
    settings = models.JSONField(default=dict)
    """`city.toml` as applied: centre, bounding box and whatever tables modules declare in it."""
    active_run = models.ForeignKey(Run, on_delete=models.PROTECT)
    """The run of real life. Devices report into it while others rehearse; a session may join another run."""
    applied_at = models.DateTimeField()
    digest = models.CharField(max_length=64)

    class Meta:
        db_table = "core_installation"

    def __str__(self) -> str:
        return self.code


class Calendar(models.Model):
    """One version of the working calendar (工作日历): statutory holidays, make-up workdays and office hours.

    `content`: {"years": {"2025": {"off": ["2025-10-01", …], "work": ["2025-09-28", …]}},
    "hours": [{"from": "2000-01-01", "slots": [["08:00", "12:00"], ["14:00", "18:00"]]}],
    "work_day": "rolling" | "day_end"}. Never changed: an edit makes the next version, and each
    deadline remembers the version it was computed with.
    """

    version = models.PositiveIntegerField(unique=True)
    content = models.JSONField()
    source = models.CharField(max_length=120)
    note = models.CharField(max_length=200, blank=True)
    recorded_at = models.DateTimeField()

    class Meta:
        db_table = "core_calendar"

    def __str__(self) -> str:
        return f"calendar v{self.version}"
