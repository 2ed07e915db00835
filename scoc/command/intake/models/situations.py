"""What goes on in the city, as one thing, however many signals tell of it."""

from __future__ import annotations

from django.db import models

from scoc.core.fields import BilingualField
from scoc.core.models import Envelope, Flow, FlowRow
from scoc.core.text_index import TextIndex
from scoc.kit.text import Text


class Desk(models.Model):
    """The one desk of a run at which signals are joined: its row is locked by whoever changes situations, so that
    two workers never make two situations of one event, and never wait for each other in a circle."""

    run = models.OneToOneField("core.Run", on_delete=models.PROTECT, related_name="+")

    class Meta:
        db_table = "intake_desk"

    def __str__(self) -> str:
        return f"desk of run {self.run_id}"


class Situation(Envelope):
    """What goes on at one place for one reason (态势). It explains why its signals belong together.

    `happened_at` is its first signal's time when it was opened; `first_at` and `last_at` follow its signals.
    """

    class State(models.TextChoices):
        """Waiting to be judged, accepted, handed over to what was opened of it, over one way or another."""

        OPEN = "open"
        ACCEPTED = "accepted"
        HANDED_OVER = "handed_over"
        DISMISSED = "dismissed"
        SETTLED = "settled"
        MERGED = "merged"

    day = models.DateField()
    serial = models.PositiveIntegerField()
    number = models.CharField(max_length=24)
    """E.g. `S-20260715-0094`: the city's day and the serial number in it."""
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    category = models.CharField(max_length=60, blank=True)
    """As its signals suggest, then as it was accepted; empty: unknown."""
    title = BilingualField()
    level = models.PositiveSmallIntegerField()
    """1 (most urgent) to 4, DOMAIN.md 1.8."""
    signal_level = models.PositiveSmallIntegerField()
    """The most urgent level of its signals, before its category's rule and an escalation."""
    place = models.CharField(max_length=160, blank=True)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    """The mean position of its signals; None where none has one."""
    located = models.PositiveIntegerField(default=0)
    """How many of its signals have a position."""
    rule_version = models.PositiveIntegerField(default=0)
    """Version of its category's rule of joining; 0: the city's defaults."""
    radius_m = models.PositiveIntegerField()
    window_minutes = models.PositiveIntegerField()
    west = models.FloatField(null=True)
    south = models.FloatField(null=True)
    east = models.FloatField(null=True)
    north = models.FloatField(null=True)
    """The box around its circle; a signal outside of it is no candidate."""
    joinable_from = models.DateTimeField()
    joinable_until = models.DateTimeField()
    asset = models.ForeignKey("core.Asset", on_delete=models.PROTECT, null=True, related_name="+")
    """The first component or asset that its signals name."""
    counts = models.JSONField(default=dict)
    """Signals by channel."""
    signals = models.PositiveIntegerField(default=0)
    occurrences = models.PositiveIntegerField(default=0)
    """Signals with their repeats and recurrences."""
    judge_by = models.DateTimeField()
    """Until when a person must have judged it (研判时限)."""
    escalated_at = models.DateTimeField(null=True)
    taken_over_by = models.CharField(max_length=60, blank=True)
    """Subject id of what was opened of it, e.g. `cases:5`."""
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    outcome = models.CharField(max_length=40, blank=True)
    """Reason of the dismissal, or outcome of what was opened of it."""
    ended_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1)
    """Grows with every decision about it; signals that join by themselves leave it, so that none spoils a decision."""

    class Meta:
        db_table = "intake_situation"
        constraints = (
            models.UniqueConstraint(fields=("run", "day", "serial"), name="intake_situation_serial"),
            models.UniqueConstraint(fields=("run", "number"), name="intake_situation_number"),
            models.CheckConstraint(name="intake_situation_level", condition=models.Q(level__range=(1, 4))),
        )
        indexes = (
            # "is null" rather than a list of states: SQLite uses a partial index for constants only
            models.Index(fields=("run", "joinable_until"), name="intake_situation_live",
                         condition=models.Q(ended_at=None)),
            models.Index(fields=("run", "judge_by"), name="intake_situation_judge",
                         condition=models.Q(ended_at=None, escalated_at=None)),
            models.Index(fields=("run", "state", "level", "-last_at", "-id"), name="intake_situation_tab"),
            models.Index(fields=("run", "-last_at", "-id"), name="intake_situation_newest"),
            models.Index(fields=("run", "ended_at"), name="intake_situation_ended"),
        )  # fmt: skip

    def __str__(self) -> str:
        return self.number


SITUATION_TEXT = TextIndex("intake_situation", ("title:both", "place"))
LIVE = (Situation.State.OPEN, Situation.State.ACCEPTED, Situation.State.HANDED_OVER)
"""States in which a situation is not over and signals still join it."""

STATE_NAMES: dict[str, Text] = {
    Situation.State.OPEN: Text("待研判", "waiting to be judged"),
    Situation.State.ACCEPTED: Text("已受理", "accepted"),
    Situation.State.HANDED_OVER: Text("已开案", "handed over"),
    Situation.State.DISMISSED: Text("已消除", "dismissed"),
    Situation.State.SETTLED: Text("已办结", "settled"),
    Situation.State.MERGED: Text("已并入其他态势", "merged into another one"),
}
"""States as people say them."""

MOVES: dict[str, tuple[tuple[str, ...], str]] = {
    "accept": ((Situation.State.OPEN,), Situation.State.ACCEPTED),
    "dismiss": ((Situation.State.OPEN,), Situation.State.DISMISSED),
    "take_over": ((Situation.State.OPEN, Situation.State.ACCEPTED), Situation.State.HANDED_OVER),
    "settle": ((Situation.State.HANDED_OVER,), Situation.State.SETTLED),
    "merge": ((Situation.State.OPEN,), Situation.State.MERGED),
    "reopen": ((Situation.State.MERGED,), Situation.State.OPEN),
}
"""The table of allowed moves: action → (states it may start from, state it leads to)."""


class SituationFlows(Flow["SituationFlow"]):
    """Rows of the flows of situations."""

    subject = "situation"


class SituationFlow(FlowRow):
    """The flow of a situation's states (流转记录), with its level and the reason code of each step."""

    situation = models.ForeignKey(Situation, on_delete=models.PROTECT, related_name="flow")
    level = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=60, blank=True)

    objects = SituationFlows.as_manager()

    class Meta:
        db_table = "intake_situation_flow"
        constraints = (models.UniqueConstraint(fields=("situation", "version"), name="intake_flow_once"),)
        indexes = (
            models.Index(fields=("to_state", "left_at"), name="intake_flow_state"),
            models.Index(fields=("recorded_at",), name="intake_flow_recorded"),
        )

    def __str__(self) -> str:
        return f"{self.situation_id} {self.to_state}"
