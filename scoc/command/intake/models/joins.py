"""Why a signal belongs to a situation: made by rule or by a person, with its reasons, undone at most once."""

from __future__ import annotations

from django.db import models

from scoc.core.fields import ScaledField


class Join(models.Model):
    """A signal's stay in a situation (归并), with score and reasons. Append-only: only its undoing is set, once.

    `reasons`: [{"what": "space", "weight": 35, "value": "0.7600", "has": 48, "of": 200, "how": ""}, …];
    a value of null means unknown and was not counted.
    """

    class How(models.TextChoices):
        """It opened the situation; joined by rule; by a person; by a confirmed proposal; in a merger; separated
        into a situation of its own; returned to where it came from."""

        SEED = "seed"
        AUTOMATIC = "automatic"
        PERSON = "person"
        CONFIRMED = "confirmed"
        MERGED = "merged"
        SEPARATED = "separated"
        RETURNED = "returned"

    signal = models.ForeignKey("intake.Signal", on_delete=models.PROTECT, related_name="joins")
    situation = models.ForeignKey("intake.Situation", on_delete=models.PROTECT, related_name="joins")
    before = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    """The join that this one ended."""
    how = models.CharField(max_length=10, choices=How.choices)
    score = ScaledField(places=4, null=True)
    """0 to 1; None where nothing was compared."""
    reasons = models.JSONField(default=list)
    rule_version = models.PositiveIntegerField(default=0)
    actor = models.ForeignKey("core.User", on_delete=models.PROTECT, related_name="+")
    post = models.ForeignKey("core.Post", on_delete=models.PROTECT, null=True, related_name="+")
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    correlation = models.CharField(max_length=32)
    undone_at = models.DateTimeField(null=True)
    undone_recorded_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey("core.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        db_table = "intake_join"
        constraints = (
            models.UniqueConstraint(
                fields=("signal",), name="intake_join_one_stay", condition=models.Q(undone_at=None)
            ),
        )
        indexes = (models.Index(fields=("situation", "id"), name="intake_join_situation"),)

    def __str__(self) -> str:
        return f"signal {self.signal_id} in situation {self.situation_id}"


class Proposal(models.Model):
    """A join that SCOC is not sure of and a person decides (待确认归并). Append-only: its decision is set once."""

    class Decision(models.TextChoices):
        """Joined, left alone, or overtaken by events before anybody decided."""

        CONFIRMED = "confirmed"
        REJECTED = "rejected"
        LAPSED = "lapsed"

    signal = models.ForeignKey("intake.Signal", on_delete=models.PROTECT, related_name="proposals")
    situation = models.ForeignKey("intake.Situation", on_delete=models.PROTECT, related_name="proposals")
    score = ScaledField(places=4)
    reasons = models.JSONField(default=list)
    rule_version = models.PositiveIntegerField(default=0)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    decision = models.CharField(max_length=10, choices=Decision.choices, null=True)  # noqa: DJ001  # set once
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey("core.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        db_table = "intake_proposal"
        constraints = (
            models.UniqueConstraint(
                fields=("signal",), name="intake_proposal_one_open", condition=models.Q(decided_at=None)
            ),
        )
        indexes = (
            models.Index(fields=("situation",), name="intake_proposal_open", condition=models.Q(decided_at=None)),
        )

    def __str__(self) -> str:
        return f"signal {self.signal_id} into situation {self.situation_id}?"
